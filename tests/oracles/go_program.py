"""Builds the Go programs that serve as oracles, each once for each version of its sources, outside the checkout."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import platformdirs
import pytest


def built(folder: Path, name: str, purpose: str) -> Path:
    """The program ``name`` of the module in ``folder``. The first build takes up to minutes.

    Skips the test where there is no Go toolchain; ``purpose`` is what it would have built.
    """
    sources = b"".join((folder / source).read_bytes() for source in ("go.mod", "go.sum", "main.go"))
    cache = Path(os.environ.get("REHEARSAL_CACHE") or platformdirs.user_cache_path("mendix-registry"))
    program = cache / "oracles" / hashlib.sha256(sources).hexdigest()[:16] / name
    program.parent.mkdir(parents=True, exist_ok=True)
    with (program.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            go = shutil.which("go")
            if go is None:
                pytest.skip(f"there is no Go toolchain to build {purpose} with")
            temporary = program.with_suffix(".new")
            subprocess.run([go, "build", "-trimpath", "-o", temporary, "."], cwd=folder, check=True, timeout=900)
            temporary.rename(program)
    return program

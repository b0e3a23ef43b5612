"""Runs the command for stack files of a test's own, on the unmodified program and the session's cluster."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests.conftest import REHEARSE, ROOT

SECONDS = 400


class Outcome(NamedTuple):
    """``said`` is what was printed; ``refusals`` what the emulated clouds refused meanwhile, a line each."""

    status: int
    said: str
    refusals: str


def project_in(directory: Path) -> Path:
    """This project, with an empty directory of stacks."""
    # Pulumi's CLI reads what is beside its project file, whose directory a link would change.
    shutil.copy(ROOT / "Pulumi.yaml", directory)
    for name in (
        "__main__.py",
        "components",
        "fleet",
        "policy",
        "pyproject.toml",
        "rehearsal",
        "report",
        "uv.lock",
        ".venv",
    ):
        (directory / name).symlink_to(ROOT / name)
    (directory / "stacks").mkdir()
    return directory


def rehearse(
    project: Path,
    home: Path,
    command: str,
    stack: str,
    *arguments: str,
    config: Mapping[str, Any],
    without: Collection[str] = (),
    **environment: str,
) -> Outcome:
    """Writes the stack file and runs ``command``; ``without`` are variables of this process that it does not get.

    The name of a stack is one for the whole session: its state is in ``home``.
    """
    # JSON is YAML, too.
    (project / "stacks" / f"Pulumi.{stack}.yaml").write_text(json.dumps({"config": config}))
    log = home / "cluster" / "logs" / "service-clouds.log"
    before = log.stat().st_size if log.exists() else 0
    if command in ("up", "refresh", "destroy"):
        arguments = ("--skip-preview", *arguments)
    inherited = {key: value for key, value in os.environ.items() if key not in without}
    done = subprocess.run(
        [str(REHEARSE), command, "--stack", stack, *arguments],
        cwd=project,
        env={**inherited, "REHEARSAL_HOME": str(home), **environment},
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    text = log.read_text()[before:] if log.exists() else ""
    refusals = "\n".join(line for line in text.splitlines() if "refused:" in line)
    return Outcome(done.returncode, done.stdout if command == "prove" else done.stdout + done.stderr, refusals)

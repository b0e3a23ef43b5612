"""The sandbox home: one directory that holds all that a rehearsal starts or remembers, and its registry password."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path

_PASSWORD = "registry-password"  # noqa: S105 - a file name
_PASSWORD_BYTES = 24


def home_directory(project_root: Path, environ: Mapping[str, str]) -> Path:
    """``$REHEARSAL_HOME``, else ``.rehearsal`` in the project; made with access for its owner only."""
    chosen = environ.get("REHEARSAL_HOME")
    home = Path(chosen).expanduser() if chosen else project_root / ".rehearsal"
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    return home.resolve()


def registry_password(home: Path) -> str:
    """The password of the sandbox registry's user: random, made once, kept with mode 0600.

    Raises OSError where the home cannot be written.
    """
    path = home / _PASSWORD
    if not path.exists():
        handle, name = tempfile.mkstemp(prefix=f".{_PASSWORD}.", dir=home)
        draft = Path(name)
        try:
            with os.fdopen(handle, "w") as file:
                file.write(secrets.token_urlsafe(_PASSWORD_BYTES))
            # A link appears with its whole content or not at all, and of two rehearsals that start at once one wins.
            with contextlib.suppress(FileExistsError):
                path.hardlink_to(draft)
        finally:
            draft.unlink()
    return path.read_text()


def given_password(variable: str, environ: Mapping[str, str]) -> str:
    """The password that ``variable`` gives to the program, which drops one final line break; empty where it is not set."""
    return environ.get(variable, "").removesuffix("\n").removesuffix("\r")

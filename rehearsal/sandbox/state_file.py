"""The file that holds a stack's state in the sandbox, and what takes its place when it can no longer be read.

A disk that is full while the CLI writes leaves both the state and its backup (``.bak``) cut off: the library behind a ``file://``
backend renames what it could not write whole (``blob.WriteAll`` of gocloud.dev closes the writer after a failed write).
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class StateFile:
    """A ``STACK.json`` of the backend; the CLI reads no other ending."""

    path: Path

    @property
    def kept(self) -> Path:
        """Where :meth:`keep` puts the state from before an update."""
        return self.path.with_name(f"{self.path.name}.before")

    def keep(self) -> None:
        """Keep the state as it is now: a second name for the file, which the CLI replaces and never changes."""
        self.kept.unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            os.link(self.path, self.kept)

    def restore(self) -> bool:
        """Put the youngest state that can be read in the place of one that cannot; whether that was needed and possible."""
        if not self.path.is_file() or _readable(self.path):
            return False
        before = (self.path.with_name(f"{self.path.name}.bak"), self.kept)
        found = next((path for path in before if path.is_file() and _readable(path)), None)
        if found is None:
            return False
        temporary = self.path.with_name(f"{self.path.name}.restored")
        temporary.write_bytes(found.read_bytes())
        temporary.replace(self.path)
        return True


def _readable(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except ValueError:
        return False
    return True

"""The locks that Pulumi's CLI leaves in a ``file://`` backend while it works on a stack (pkg/backend/diy/lock.go)."""

from __future__ import annotations

import contextlib
import json
import socket
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True)
class Lock:
    """``pid`` is None where its writer was killed before it had written it: it is not held."""

    path: Path
    pid: int | None = None
    host: str = ""
    made: float = 0.0

    def held(self) -> bool:
        """Whether its process runs; a lock of another host is taken for held."""
        if self.pid is None:
            return False
        if self.host != socket.gethostname():
            return True
        try:
            holder = psutil.Process(self.pid)
            # A process that is younger than the lock has only its number.
            return holder.status() != psutil.STATUS_ZOMBIE and holder.create_time() <= self.made + 1
        except psutil.NoSuchProcess:
            return False


def locks(state: Path, project: str, stack: str) -> list[Lock]:
    """The locks of a stack in the backend at directory ``state``."""
    found: list[Lock] = []
    for path in (state / ".pulumi" / "locks" / "organization" / project / stack).glob("*.json"):
        with contextlib.suppress(FileNotFoundError):
            text = path.read_text(encoding="utf-8")
            try:
                entry = json.loads(text)
                made = datetime.fromisoformat(entry["timestamp"]).timestamp()
                found.append(Lock(path, entry["pid"], entry["hostname"], made))
            except (ValueError, KeyError):
                found.append(Lock(path))
    return found

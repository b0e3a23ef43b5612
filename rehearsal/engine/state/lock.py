"""The lock of a stack, as the CLI keeps it (``pkg/backend/diy/lock.go``): a file that says who holds it.

It is taken by checking for others, writing, and checking again. Beyond that, the holder has a kernel lock on its file,
which ends with the process. So a lock left behind by a killed process can be told from one that is held, and is taken
over.
"""

from __future__ import annotations

import contextlib
import fcntl
import getpass
import json
import os
import random
import socket
import time
import uuid
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from rehearsal.engine.state.durable import explained, make_directory
from rehearsal.engine.state.errors import StackLockedError
from rehearsal.engine.state.layout import StackFiles
from rehearsal.engine.state.resource import timestamp

_ATTEMPTS = 4


class StackLock:
    """A lock that is held. ``release`` may be called more than once."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor: int | None = descriptor

    def release(self) -> None:
        if self._descriptor is not None:
            with contextlib.suppress(FileNotFoundError):
                self._path.unlink()
            os.close(self._descriptor)
            self._descriptor = None


def acquire(files: StackFiles, notice: Callable[[str], None]) -> StackLock:
    """Lock the stack. Locks whose process died on this machine are removed, and ``notice`` hears of it.

    Raises StackLockedError where another process holds it, StateWriteError where the lock cannot be written.
    """
    for attempt in range(_ATTEMPTS):
        holders = _holders(files, None, notice)
        if holders:
            raise _locked(files, holders)
        lock = _write(files)
        holders = _holders(files, lock, notice)
        if not holders:
            return lock
        lock.release()
        if attempt == _ATTEMPTS - 1:
            raise _locked(files, holders)
        # Two began at the same moment and each saw the other: one of them will be first after a random pause.
        time.sleep(random.uniform(0.02, 0.2) * (attempt + 1))  # noqa: S311 - spreads two processes, guards nothing
    raise AssertionError("unreachable")


def holders(files: StackFiles) -> list[str]:
    """Who holds the stack, in words; locks of processes that are gone are not counted. Removes nothing."""
    return [_describe(path) for path in sorted(files.locks.glob("*.json")) if not _is_dead(path)]


def break_locks(files: StackFiles) -> list[str]:
    """Remove every lock of the stack, held or not, and tell whose they were (``pulumi cancel``)."""
    removed: list[str] = []
    for path in sorted(files.locks.glob("*.json")):
        removed.append(_describe(path))
        path.unlink(missing_ok=True)
    return removed


def _write(files: StackFiles) -> StackLock:
    path = files.locks / f"{uuid.uuid4()}.json"
    content = {"pid": os.getpid(), "username": _user(), "hostname": socket.gethostname(), "timestamp": timestamp()}
    with explained(path, "the lock of the stack", "Nothing was changed."):
        make_directory(files.locks)
        # Written and held under another name first, so that nobody ever sees it empty or without its kernel lock.
        temporary = path.with_suffix(".tmp")
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, json.dumps(content).encode())
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            temporary.rename(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            os.close(descriptor)
            raise
    return StackLock(path, descriptor)


def _holders(files: StackFiles, own: StackLock | None, notice: Callable[[str], None]) -> list[Path]:
    holders: list[Path] = []
    for path in sorted(files.locks.glob("*.json")):
        if own is not None and path == own._path:  # pyright: ignore[reportPrivateUsage]
            continue
        if _is_dead(path):
            notice(f"the stack was still locked by {_describe(path)}, which no longer runs: its lock was removed")
            path.unlink(missing_ok=True)
        elif path.exists():
            holders.append(path)
    return holders


def _is_dead(path: Path) -> bool:
    """Whether the process that wrote a lock is certainly gone. Of another host's processes nothing is known."""
    try:
        content = json.loads(path.read_bytes())
        if content["hostname"] != socket.gethostname() or _is_held(path):
            return False
        pid = int(content["pid"])
        try:
            started = psutil.Process(pid).create_time()
        except psutil.NoSuchProcess:
            return True
        # A process that is younger than the lock only has the number of the one that wrote it.
        return started > datetime.fromisoformat(content["timestamp"]).timestamp() + 1
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _is_held(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _describe(path: Path) -> str:
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
        return (
            f"process {content['pid']} of {content['username']} on {content['hostname']}, since {content['timestamp']}"
        )
    except (OSError, ValueError, KeyError, TypeError):
        return f"someone ({path.name} cannot be read)"


def _locked(files: StackFiles, holders: list[Path]) -> StackLockedError:
    listed = "\n".join(f"  {_describe(path)}\n    {path}" for path in holders)
    return StackLockedError(
        f"the stack {files.stack} of {files.project} is locked, since two updates at once would overwrite each other's "
        f"state. It is held by:\n{listed}\n"
        f"Wait for it to end. If it no longer runs (another machine, say), remove the lock: delete the file above, or "
        f"run pulumi cancel."
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())

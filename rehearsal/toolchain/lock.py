"""Locks between processes: kernel locks on a file, which a killed process cannot leave behind."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

_POLL_SECONDS = 0.2


@contextmanager
def exclusive(path: Path, waiting: Callable[[float], None] | None = None) -> Generator[None]:
    """Hold ``path`` alone. While another process holds it, ``waiting`` hears about it with the seconds so far.

    The file stays: removing it would let a third process lock a new file of the same name.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    began = time.monotonic()
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if waiting is not None:
                    waiting(time.monotonic() - began)
                time.sleep(_POLL_SECONDS)
        yield
    finally:
        os.close(handle)

"""Files that survive: replaced as a whole, private to their owner, and on the disk when the call returns."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from rehearsal.engine.state.errors import StateWriteError

TEMPORARY = ".tmp"
"""Suffix of files being written. Pulumi's CLI takes only ``.json`` files for stacks, so it never sees one."""


def make_directory(path: Path) -> None:
    """Make a private directory and its parents."""
    missing: list[Path] = []
    while not path.is_dir():
        missing.append(path)
        path = path.parent
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)


def replace_file(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Put ``data`` in the place of ``path``. After any failure the old file is as it was. Raises OSError."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}{TEMPORARY}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.fchmod(descriptor, mode)
            write_all(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def write_all(descriptor: int, data: bytes, offset: int = 0) -> None:
    """Write all of ``data`` at ``offset``; a disk that fills up may take a part first. Raises OSError."""
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        if written == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        offset += written
        view = view[written:]


def sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def keep_copy(source: Path, copy: Path) -> None:
    """Make ``copy`` hold what ``source`` holds now. Raises OSError.

    A hard link where the file system has them: checkpoints are replaced, never changed in place, so both stay as they
    are and a copy of ten thousand resources costs nothing.
    """
    temporary = copy.with_name(f".{copy.name}.{uuid.uuid4().hex}{TEMPORARY}")
    try:
        try:
            temporary.hardlink_to(source)
        except OSError:
            shutil.copyfile(source, temporary)
            temporary.chmod(0o600)
        temporary.replace(copy)
    finally:
        # Renaming a link onto another link of the same file does nothing, and leaves both.
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def remove_temporary(directory: Path, name: str) -> None:
    """Remove what a killed process left of a file it was writing. Only for the holder of the stack's lock."""
    for each in directory.glob(f".{name}*{TEMPORARY}"):
        each.unlink(missing_ok=True)


_REMEDIES = {
    errno.ENOSPC: "Free some space there",
    errno.EDQUOT: "Free some of your disk quota",
    errno.EFBIG: "Raise the limit on file sizes (ulimit -f)",
    errno.EROFS: "Make the file system writable",
    errno.EACCES: "Give your user the right to write there",
    errno.EPERM: "Give your user the right to write there",
}


@contextmanager
def explained(path: Path, what: str, safe: str) -> Generator[None]:
    """Turn an OSError into a StateWriteError. ``what`` was to be written to ``path``; ``safe`` says what is not lost."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        remedy = _REMEDIES.get(error.errno or 0, "Mend the disk or choose another backend (PULUMI_BACKEND_URL)")
        raise StateWriteError(
            f"{what} could not be written to {path}: {reason}. {safe} {remedy}, then run again."
        ) from error

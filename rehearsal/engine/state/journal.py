"""The journal: every step of an update, on disk as it happens, without rewriting the whole checkpoint for each.

A file beside the checkpoint, to which records are only ever appended. One record is one line::

    <crc32 of the payload, 8 hexadecimal digits> <payload, one JSON object>\n

and the first record names the checkpoint (by SHA-256) that the steps start from. Secrets are encrypted in it as they
are in the checkpoint. The rest of the file is zeros: space reserved, so that what is under way can be recorded even
when the disk fills up meanwhile.

Durability: a record is handed to the operating system before ``append`` returns, so the death of the process, however
sudden, loses nothing. For the death of the machine a thread syncs the file at most ``SYNC_SECONDS`` after a record:
syncing each record on its own would cost more than most steps do.
"""

from __future__ import annotations

import json
import os
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rehearsal.engine.state.durable import explained, replace_file, sync_directory, write_all
from rehearsal.engine.state.resource import read_json

SYNC_SECONDS = 0.05
_CHUNK = 512 * 1024
_MARGIN = 64 * 1024
_MOST_RESERVED = 16 * 1024 * 1024
_SAFE = "Everything up to here is safe in it and in the checkpoint beside it."


def frame(payload: bytes) -> bytes:
    return b"%08x %s\n" % (zlib.crc32(payload), payload)


class Journal:
    """The journal of a running update. Safe to use from several threads if ``append`` calls do not overlap."""

    def __init__(self, path: Path, header: dict[str, Any]) -> None:
        """Start a journal in the place of whatever is at ``path``. Raises StateWriteError."""
        self.path = path
        first = frame(json.dumps(header, separators=(",", ":")).encode())
        with explained(path, "the journal of this update", "Nothing was changed yet."):
            # Whole or not at all: a journal without its first record would not say what it belongs to.
            replace_file(path, first)
            self._descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self._end = len(first)
        self._allocated = self._end
        self._failure: OSError | None = None
        self._dirty = threading.Event()
        self._closing = threading.Event()
        self._syncer = threading.Thread(target=self._sync, name="journal-sync", daemon=True)
        self._syncer.start()

    def reserve(self, bytes_to_come: int) -> None:
        """Make sure that this much more can be written whatever happens to the disk. Raises StateWriteError."""
        needed = self._end + _MARGIN + min(bytes_to_come, _MOST_RESERVED)
        if needed <= self._allocated:
            return
        with explained(self.path, "the journal of this update", f"{_SAFE} The next step was not begun."):
            target = max(needed, self._allocated + _CHUNK)
            os.posix_fallocate(self._descriptor, self._allocated, target - self._allocated)
            self._allocated = target

    def append(self, payload: bytes) -> None:
        """Record. Raises StateWriteError; then nothing of this record counts, and the next one takes its place."""
        record = frame(payload)
        # Entered only where something failed, and the event is set only where it is not: around each of the two records of a
        # resource both cost as much again as writing them, a tenth of the engine's own work.
        try:
            if self._failure is not None:
                raise self._failure
            write_all(self._descriptor, record, self._end)
        except OSError as error:
            with explained(self.path, "a step of this update", _SAFE):
                raise error
        self._end += len(record)
        self._allocated = max(self._allocated, self._end)
        if not self._dirty.is_set():
            self._dirty.set()

    def sync(self) -> None:
        """Return when all records are on the disk. Raises StateWriteError."""
        with explained(self.path, "the journal of this update", _SAFE):
            os.fdatasync(self._descriptor)

    def close(self) -> None:
        """End the journal; its file stays."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._dirty.set()
        self._syncer.join()
        os.close(self._descriptor)

    def remove(self) -> None:
        """End the journal and delete its file: the checkpoint now says all that it did."""
        self.close()
        self.path.unlink(missing_ok=True)
        sync_directory(self.path.parent)

    def _sync(self) -> None:
        while True:
            self._dirty.wait()
            if self._closing.is_set():
                return
            self._dirty.clear()
            try:
                os.fdatasync(self._descriptor)
            except OSError as error:
                self._failure = error  # the next append reports it
                return
            self._closing.wait(SYNC_SECONDS)


@dataclass(slots=True)
class JournalContents:
    """What a journal file holds.

    ``damaged`` counts places in the middle that cannot be read; ``end`` is the offset at which the next record belongs.
    """

    header: dict[str, Any]
    end: int
    records: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    damaged: int = 0


def read_journal(path: Path) -> JournalContents | None:
    """The records of a journal, or None where there is none or it ended before its first record.

    A record that was cut off at the end is no record: the step it was for is then still pending. Records after a
    damaged place, which only the death of a machine or a bad disk can make, are used all the same.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    contents: JournalContents | None = None
    damaged = 0
    for payload, end in _payloads(data):
        if payload is None:
            damaged += 1
            continue
        record: dict[str, Any] = read_json(payload)
        if contents is None:
            contents = JournalContents(record, end)
        else:
            contents.records.append(record)
            contents.damaged += damaged
            contents.end = end
        damaged = 0
    return contents


def append_to(path: Path, end: int, payload: bytes) -> None:
    """Add a record to the journal of a killed update, at the ``end`` that reading it gave. Raises OSError."""
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        write_all(descriptor, frame(payload), end)
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)


def _payloads(data: bytes) -> Iterator[tuple[bytes | None, int]]:
    """Each line's payload, None where it is damaged, and the offset behind the line."""
    offset = 0
    for line in data.split(b"\n"):
        offset += len(line) + 1
        text = line.strip(b"\0")
        if line.startswith(b"\0") and offset <= len(data):
            yield None, offset  # records that the death of the machine kept from the disk
        if not text:
            continue
        checksum, separator, payload = text.partition(b" ")
        good = separator and len(checksum) == 8 and checksum == b"%08x" % zlib.crc32(payload)
        # The last record of a file may lack its newline, and then the next one must not follow it on the same line.
        yield (payload if good and offset <= len(data) else None), offset

"""The resources of the emulated Azure: kept in a file, and known as they were some seconds ago."""

from __future__ import annotations

import copy
import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

Document: TypeAlias = dict[str, Any]
_KEPT = 20


class Store:
    """Documents by resource id, whose letters' case means nothing, as in Azure.

    Each change is one line of a file that its owner alone can read. No line holds a password: a document has at most the
    digest of one. Safe to use from several threads.
    """

    def __init__(self, directory: Path, now: Callable[[], float] = time.time) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = directory / "azure.jsonl"
        self._now = now
        self._lock = threading.RLock()
        self._history: dict[str, list[tuple[float, Document | None]]] = {}
        self.salt = _salt(directory / "azure.salt")
        """What this sandbox's generated passwords follow from."""
        self._load()

    def get(self, identity: str, *, before: float = 0.0) -> Document | None:
        """A copy of the document as it was ``before`` seconds ago."""
        with self._lock:
            return copy.deepcopy(self._at(identity.lower(), before))

    def put(self, identity: str, document: Document) -> None:
        self._note(identity, copy.deepcopy(document))

    def delete(self, identity: str) -> bool:
        """Delete a resource with all below it; whether there was one."""
        with self._lock:
            key = identity.lower()
            found = [name for name in self._history if name == key or name.startswith(f"{key}/")]
            gone = [name for name in found if self._at(name, 0.0) is not None]
            for name in gone:
                self._note(name, None)
            return bool(gone)

    def below(self, identity: str, kind: str = "", *, before: float = 0.0) -> list[Document]:
        """The resources below one (``/`` for all), in the order in which they were made; ``kind`` is their ``type``."""
        prefix = f"{identity.rstrip('/').lower()}/"
        with self._lock:
            found = (self._at(name, before) for name in list(self._history) if name.startswith(prefix))
            return [
                copy.deepcopy(document)
                for document in found
                if document is not None and (not kind or document["type"].lower() == kind.lower())
            ]

    def _at(self, key: str, before: float) -> Document | None:
        history = self._history.get(key)
        if not history:
            return None
        if before <= 0:
            return history[-1][1]
        limit = self._now() - before
        return next((document for at, document in reversed(history) if at <= limit), None)

    def _note(self, identity: str, document: Document | None) -> None:
        with self._lock:
            history = self._history.setdefault(identity.lower(), [])
            history.append((self._now(), document))
            del history[:-_KEPT]
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(json.dumps({"id": identity, "document": document}) + "\n")

    def _load(self) -> None:
        for identity, document in _entries(self._path):
            if document is None:
                self._history.pop(identity.lower(), None)
            else:
                # Whatever was there before this process is old enough to be seen.
                self._history[identity.lower()] = [(0.0, document)]


def _entries(path: Path) -> Iterator[tuple[str, Document | None]]:
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            entry = json.loads(line)
        except ValueError:
            return  # the last line of a process that was killed while it wrote
        yield entry["id"], entry["document"]


def _salt(path: Path) -> bytes:
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
    return path.read_bytes()

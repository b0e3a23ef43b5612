"""What a stack's updates did: the records that ``pulumi stack history`` shows (``pkg/backend/diy/state.go``)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rehearsal.engine.state.durable import keep_copy, make_directory, replace_file
from rehearsal.engine.state.layout import StackFiles


@dataclass(frozen=True, slots=True)
class UpdateRecord:
    """One update. ``kind`` is ``update``, ``refresh``, ``destroy``, ``rename`` or ``import``; times are Unix seconds.

    ``config`` is the stack file's, with its secrets encrypted as they stand there; ``changes`` counts steps by kind.
    """

    kind: str
    ok: bool
    started: float = 0.0
    ended: float = field(default_factory=time.time)
    message: str = ""
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    config: Mapping[str, Any] = field(default_factory=dict[str, Any])
    changes: Mapping[str, int] = field(default_factory=dict[str, int])

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "startTime": int(self.started or self.ended),
            "message": self.message,
            "environment": dict(self.environment),
            "config": dict(self.config),
            "result": "succeeded" if self.ok else "failed",
            "endTime": int(self.ended),
            "version": 0,
            "resourceChanges": {str(op): count for op, count in self.changes.items()},
        }


def add_to_history(files: StackFiles, record: UpdateRecord, notice: Callable[[str], None]) -> None:
    """Write the record, and keep the checkpoint beside it and among the backups.

    The state is safe by then, so a failure is only told.
    """
    try:
        make_directory(files.history)
        make_directory(files.backups)
        moment = time.time_ns()
        name = f"{files.stack}-{moment}"
        data = json.dumps(record.to_json(), separators=(",", ":"), ensure_ascii=False).encode()
        replace_file(files.history / f"{name}.history.json", data)
        keep_copy(files.checkpoint, files.history / f"{name}.checkpoint.json")
        keep_copy(files.checkpoint, files.backups / f"{files.stack}.{moment}.json")
    except OSError as error:
        notice(
            f"the update is recorded in the state, but not in the history {files.history}: {error.strerror or error}. "
            f"Nothing else is affected."
        )


def read_history(files: StackFiles) -> list[dict[str, Any]]:
    """The records of a stack, the latest first."""
    paths = sorted(files.history.glob("*.history.json"), reverse=True)
    return [json.loads(path.read_bytes()) for path in paths]

"""Replays the journal of an update that was killed onto the checkpoint it started from."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from rehearsal.engine.state.deployment import PendingOperation, Snapshot
from rehearsal.engine.state.errors import JournalMismatchError
from rehearsal.engine.state.journal import JournalContents, read_journal
from rehearsal.engine.state.ledger import Ledger
from rehearsal.engine.state.ordering import acceptable
from rehearsal.engine.state.resource import ResourceState, Seal

Key: TypeAlias = tuple[str, str, bool]


def key_of(state: ResourceState) -> Key:
    """What names a state in the journal: at most one of a URN is not marked for deletion, the others differ by id."""
    return (state.urn, state.id, state.delete)


def digest(checkpoint: bytes) -> str:
    return hashlib.sha256(checkpoint).hexdigest()


@dataclass(slots=True)
class Recovery:
    """What a journal added to a snapshot: how many ``records``, of which ``steps`` ended, and what to tell the user."""

    end: int
    records: int
    steps: int = 0
    notices: list[str] = field(default_factory=list[str])


def recover(snapshot: Snapshot, checkpoint: bytes, path: Path, seal: Seal) -> Recovery | None:
    """Bring ``snapshot`` up to what the journal at ``path`` says. None where there is no journal.

    Raises JournalMismatchError where the journal belongs to another checkpoint than this one.
    """
    contents = read_journal(path)
    if contents is None:
        return None
    records = _records_after(contents, digest(checkpoint), path)
    replay = _Replay(snapshot, seal)
    for record in records:
        replay.apply(record)
    snapshot.resources = acceptable(replay.ledger.resources())
    snapshot.pending_operations = replay.ledger.pending()
    recovery = Recovery(contents.end, len(records), replay.steps)
    header = contents.header
    unknown = len(snapshot.pending_operations)
    if replay.steps or unknown:
        recovery.notices.append(
            f"an earlier update (process {header.get('pid')}, since {header.get('time')}) ended without finishing: "
            f"{replay.steps} recorded steps were taken over into the state"
            + (
                f", {unknown} {'operation has' if unknown == 1 else 'operations have'} an unknown outcome."
                if unknown
                else "."
            )
        )
    if contents.damaged or replay.puzzling:
        recovery.notices.append(
            f"the journal {path} has {contents.damaged + replay.puzzling} unreadable places, as the sudden death of "
            f"a machine leaves them. What could be read was used. Run a refresh to compare the state with what really exists."
        )
    return recovery


def _records_after(contents: JournalContents, checkpoint: str, path: Path) -> list[dict[str, Any]]:
    """The records that the checkpoint does not include yet."""
    start = 0 if contents.header.get("checkpoint") == checkpoint else None
    for index, record in enumerate(contents.records):
        if record["do"] == "rebase" and record["checkpoint"] == checkpoint:
            start = index + 1
    if start is not None:
        return contents.records[start:]
    made = [record["new"] for record in contents.records if record["do"] == "end" and record.get("new")]
    listed = "\n".join(f"  {each['urn']} id {each.get('id') or '(none)'}" for each in made) or "  (none)"
    raise JournalMismatchError(
        f"the journal {path} was left by an update that did not finish (process {contents.header.get('pid')}, since "
        f"{contents.header.get('time')}), but the checkpoint beside it was replaced since then, for instance by the "
        f"Pulumi CLI. The journal recorded these resources, which the checkpoint may lack:\n{listed}\n"
        f"Nothing was changed. Restore the checkpoint from {path.with_suffix('.json')}.bak if that is the older one; "
        f"or, where the resources above are in the checkpoint or no longer exist, delete the journal. Then run again."
    )


class _Replay:
    def __init__(self, snapshot: Snapshot, seal: Seal) -> None:
        self._seal = seal
        self.ledger = Ledger(snapshot)
        self._by_key: defaultdict[Key, list[ResourceState]] = defaultdict(list)
        for state in snapshot.resources:
            self._by_key[key_of(state)].append(state)
        self.steps = 0
        self.puzzling = 0

    def apply(self, record: dict[str, Any]) -> None:
        action = record["do"]
        if action == "begin":
            self.ledger.add_pending(PendingOperation(record["type"], self._state(record["state"])))
        elif action == "end":
            self._finish_pending(record)
            self._end(record)
        elif action in ("abandon", "settle"):
            self._finish_pending(record)
        elif action == "swap":
            self._swap(record)

    def _end(self, record: dict[str, Any]) -> None:
        self.steps += 1
        for key in record.get("remove", ()):
            state = self._take(key)
            if state is not None:
                self.ledger.remove(state)
        for mark in ("delete", "pending_replacement"):
            for key in record.get(mark, ()):
                self._mark(key, mark)
        if record.get("new"):
            self.ledger.add(self._state(record["new"], known=True))

    def _swap(self, record: dict[str, Any]) -> None:
        self.steps += 1
        old = self._take(record["old"])
        new = self._state(record["new"], known=True) if record.get("new") else None
        if old is not None and new is not None:
            self.ledger.swap(old, new)
        elif old is not None:
            self.ledger.remove(old)
        elif new is not None:
            self.ledger.add(new)

    def _mark(self, key: Any, name: str) -> None:
        state = self._take(key)
        if state is not None:
            setattr(state, name, True)
            state.forget_encoding()
            self._by_key[key_of(state)].append(state)

    def _take(self, key: Any) -> ResourceState | None:
        states = self._by_key.get((key[0], key[1], bool(key[2])))
        if not states:
            self.puzzling += 1
            return None
        return states.pop(0)

    def _finish_pending(self, record: dict[str, Any]) -> None:
        if not record.get("pending"):
            return
        for operation in self.ledger.pending():
            if list(operation.name) == record["pending"]:
                self.ledger.drop_pending(operation)
                return
        self.puzzling += 1

    def _state(self, document: dict[str, Any], *, known: bool = False) -> ResourceState:
        state = ResourceState.from_json(document, self._seal)
        if known:
            self._by_key[key_of(state)].append(state)
        return state

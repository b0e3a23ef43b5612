"""An update's hold on its stack's state: what every step records, durably, from ``open`` to ``close``."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rehearsal.engine.state.deployment import PendingOperation, Snapshot, encode_checkpoint
from rehearsal.engine.state.durable import explained, replace_file
from rehearsal.engine.state.errors import StateWriteError
from rehearsal.engine.state.history import UpdateRecord, add_to_history
from rehearsal.engine.state.journal import Journal
from rehearsal.engine.state.layout import StackFiles
from rehearsal.engine.state.ledger import Ledger
from rehearsal.engine.state.lock import StackLock
from rehearsal.engine.state.ordering import acceptable
from rehearsal.engine.state.recovery import digest, key_of
from rehearsal.engine.state.resource import ResourceState, compact_json, timestamp
from rehearsal.engine.state.secrets import CiphertextCache

CHECKPOINT_SHARE = 0.02
"""At most this part of an update's time goes into rewriting the checkpoint while the update runs."""

_KINDS = {
    "create": "creating",
    "create-replacement": "creating",
    "import": "creating",
    "import-replacement": "creating",
    "update": "updating",
    "delete": "deleting",
    "delete-replaced": "deleting",
    "discard": "deleting",
    "discard-replaced": "deleting",
    "remove-pending-replace": "deleting",
    "read": "reading",
    "read-replacement": "reading",
}
_END_MARGIN = 16 * 1024


@dataclass(slots=True, eq=False)
class Token:
    """A step under way, from ``begin`` to ``end`` or ``abandon``."""

    op: str
    new: ResourceState | None
    old: ResourceState | None
    operation: PendingOperation
    reserved: int
    """Bytes of the journal that are kept free to record its end."""


# What may differ between two states that are the same: who wrote them when, and from which line of the program.
_INCIDENTAL = frozenset({"created", "modified", "source_position", "stack_trace", "aliases", "unknown_fields"})
_UNORDERED = frozenset({"dependencies"})
_ESSENTIAL = [name for name in ResourceState.__slots__ if not name.startswith("_") and name not in _INCIDENTAL]


def _same(old: ResourceState, new: ResourceState) -> bool:
    for name in _ESSENTIAL:
        before, after = getattr(old, name), getattr(new, name)
        if before != after and not (name in _UNORDERED and sorted(before) == sorted(after)):
            return False
    return True


@dataclass(slots=True)
class _Costs:
    """Keeps rewriting of the checkpoint cheap."""

    began: float = field(default_factory=time.monotonic)
    spent: float = 0.0
    last: float = 0.0
    not_before: float = 1.0

    def affordable(self) -> bool:
        elapsed = time.monotonic() - self.began
        return elapsed >= self.not_before and self.spent + self.last <= CHECKPOINT_SHARE * elapsed

    def add(self, seconds: float) -> None:
        self.last = seconds
        self.spent += seconds
        self.not_before = time.monotonic() - self.began + 1.0


class Session:
    """Holds the stack's lock. Every method returns when what it records survives the death of the process.

    ``snapshot`` is the state as the update found it. States are known by identity: hand back as ``old`` the objects
    that the snapshot or an earlier call gave. Methods may be called from any thread.
    """

    def __init__(
        self,
        files: StackFiles,
        lock: StackLock,
        snapshot: Snapshot,
        checkpoint: bytes,
        seal: CiphertextCache,
        notice: Callable[[str], None],
    ) -> None:
        self.snapshot = snapshot
        self.plugins: list[dict[str, str]] = []
        """Plugins this update used: ``name``, ``path``, ``type`` (``resource``, ``language``), ``version``."""
        self._files = files
        self._lock = lock
        self._seal = seal
        self._notice = notice
        self._ledger = Ledger(snapshot)
        self._inherited = list(snapshot.pending_operations)
        self._under_way: dict[Token, None] = {}
        self._reserved = 0
        self._unrecorded: list[ResourceState] = []
        self._changed = False
        self._renamed = False
        """Whether a resource was recorded under another URN than it had."""
        self._costs = _Costs()
        self._mutex = threading.RLock()
        self._journal = Journal(files.journal, self._header(checkpoint))

    def begin(self, op: str, new: ResourceState | None = None, old: ResourceState | None = None) -> Token:
        """Record that a step starts, before anything is done. ``op`` is one of Pulumi's step kinds (``events.Op``).

        Raises StateWriteError where it cannot be recorded: then the step must not be done.
        """
        state = old if _KINDS[op] == "deleting" else new
        if state is None:
            raise ValueError(f"{op} needs its {'old' if _KINDS[op] == 'deleting' else 'new'} state")
        with self._mutex:
            operation = PendingOperation(_KINDS[op], state)
            encoded = state.encode(self._seal)
            reserved = 2 * len(encoded) + _END_MARGIN
            self._journal.reserve(self._reserved + reserved + len(encoded))
            self._journal.append(b'{"do":"begin","type":"%s","state":%s}' % (operation.type.encode(), encoded))
            self._reserved += reserved
            self._ledger.add_pending(operation)
            token = Token(str(op), new, old, operation, reserved)
            self._under_way[token] = None
            self._changed = True
            return token

    def end(self, token: Token, new: ResourceState | None = None, *, pending_replacement: bool = False) -> None:
        """Record that a step succeeded (or left a resource that is not ready yet, with ``init_errors``).

        ``new`` is what exists now, by default the state given to ``begin``; nothing for a deletion. A replacement's
        ``old`` is marked for deletion, or leaves the state where it had been deleted before (``pending_replacement``).
        """
        with self._mutex:
            record: dict[str, Any] = {"do": "end", "pending": token.operation.name}
            made: ResourceState | None = None
            if token.operation.type == "deleting":
                self._delete(token.operation.resource, record, pending_replacement)
            else:
                made = new or token.operation.resource
                made.forget_encoding()  # the caller may have completed the object that begin recorded
                self._stamp(made, token.old, token.op)
                self._supersede(token, record)
                self._ledger.add(made)
            self._finish(token)
            self._record(record, made)

    def _delete(self, old: ResourceState, record: dict[str, Any], pending_replacement: bool) -> None:
        if pending_replacement:
            record["pending_replacement"] = [key_of(old)]
            old.pending_replacement = True
            old.forget_encoding()
        else:
            record["remove"] = [key_of(old)]
            self._ledger.remove(old)

    def _supersede(self, token: Token, record: dict[str, Any]) -> None:
        old = token.old
        if old is None:
            return
        if token.op.endswith("-replacement") and not old.pending_replacement:
            if not old.delete:
                record["delete"] = [key_of(old)]
                old.delete = True
                old.forget_encoding()
        else:
            record["remove"] = [key_of(old)]
            self._ledger.remove(old)

    def abandon(self, token: Token) -> None:
        """Record that a step failed and changed nothing."""
        with self._mutex:
            self._finish(token)
            self._record({"do": "abandon", "pending": token.operation.name}, None)

    def leave_pending(self, token: Token) -> None:
        """Nobody knows whether the step took effect: it stays a pending operation for the next update."""
        with self._mutex:
            self._reserved -= token.reserved
            self._under_way.pop(token, None)

    def same(self, old: ResourceState, new: ResourceState) -> ResourceState:
        """Record that a resource needs no step. Returns the state that is now the resource's.

        That is ``old`` where both say the same, and then nothing is written at all. Metadata may differ (protect,
        dependencies, …): then it is ``new``.
        """
        with self._mutex:
            if _same(old, new):
                self._ledger.confirm(old)
                return old
            record = {"do": "end", "remove": [key_of(old)]}
            self._stamp(new, old, "same")
            self._ledger.remove(old)
            self._ledger.add(new)
            self._record(record, new)
            return new

    def refreshed(self, old: ResourceState, new: ResourceState | None) -> None:
        """Record what a refresh found: ``new`` in the place of ``old``, or None where the resource is gone.

        From here on ``new`` is the resource's state, even where it says the same.
        """
        with self._mutex:
            if new is not None and _same(old, new):
                self._ledger.swap(old, new)
                new.adopt(old)
                return
            record = {"do": "swap", "old": key_of(old)}
            if new is None:
                self._ledger.remove(old)
            else:
                self._stamp(new, old, "refresh")
                self._ledger.swap(old, new)
            self._record(record, new)

    def outputs(self, state: ResourceState, outputs: Mapping[str, Any]) -> ResourceState:
        """Record the outputs a component registered. Returns the state that replaces ``state``."""
        with self._mutex:
            if state.outputs == outputs:
                return state
            new = replace(state, outputs=dict(outputs))
            self._ledger.swap(state, new)
            self._record({"do": "swap", "old": key_of(state)}, new)
            return new

    def settle(self, operation: PendingOperation) -> None:
        """Record that a pending operation of an earlier update has been looked into."""
        with self._mutex:
            if self._ledger.drop_pending(operation):
                self._record({"do": "settle", "pending": operation.name}, None)

    def resources(self) -> list[ResourceState]:
        """The stack's resources at this moment."""
        with self._mutex:
            return self._ledger.resources()

    def checkpoint(self) -> None:
        """Write the checkpoint now. Raises StateWriteError; then the journal still holds every step."""
        with self._mutex:
            self._write_checkpoint(self._ledger.pending())

    def close(self, record: UpdateRecord) -> None:
        """End the update: write checkpoint and history, remove the journal, release the lock.

        Raises StateWriteError where the checkpoint cannot be written. The journal then stays, and the next ``open``
        makes the checkpoint from it; the lock is released in any case.
        """
        with self._mutex:
            try:
                # As in Pulumi, only an unfinished creation is worth keeping: the others show in a refresh.
                pending = [
                    each for each in self._ledger.pending() if each.type == "creating" or each not in self._inherited
                ]
                self._changed = self._changed or len(pending) != len(self._inherited)
                if self._changed:
                    self._write_checkpoint(pending)
                    self._unrecorded.clear()
                self._journal.remove()
                add_to_history(self._files, record, self._notice)
            finally:
                self._journal.close()
                self._lock.release()

    def discard(self) -> None:
        """Release the lock without writing history: the update ended before it did anything.

        What was recorded all the same is kept in the journal for the next ``open``.
        """
        with self._mutex:
            try:
                if not self._changed:
                    self._journal.remove()
            finally:
                self._journal.close()
                self._lock.release()

    def _stamp(self, new: ResourceState, old: ResourceState | None, op: str) -> None:
        now = timestamp()
        if old is not None and not op.endswith("-replacement"):
            new.created = old.created
            new.unknown_fields = new.unknown_fields or old.unknown_fields
        else:
            new.created = now
        new.modified = now

    def _finish(self, token: Token) -> None:
        self._ledger.drop_pending(token.operation)
        self._reserved -= token.reserved
        self._under_way.pop(token, None)

    def _record(self, record: Mapping[str, Any], new: ResourceState | None) -> None:
        self._changed = True
        self._renamed = self._renamed or (new is not None and bool(new.aliases))
        payload = compact_json(record)
        if new is not None:
            payload = payload[:-1] + b',"new":' + new.encode(self._seal) + b"}"
        with contextlib.suppress(StateWriteError):
            # What this step needs was reserved when it began; the next begin reports the full disk.
            self._journal.reserve(self._reserved + len(payload))
        try:
            self._journal.append(payload)
        except StateWriteError as error:
            if new is not None:
                self._unrecorded.append(new)
            raise StateWriteError(str(error), self._unrecorded_names()) from error
        # A checkpoint names everything by its new URN, and later records of this journal would go on naming what was not
        # visited yet by its old one. The journal alone is as safe.
        if not self._renamed and self._costs.affordable():
            self._write_checkpoint_if_possible()

    def _write_checkpoint_if_possible(self) -> None:
        began = time.monotonic()
        try:
            self._write_checkpoint(self._ledger.pending())
        except StateWriteError as error:
            # Not needed for safety: the journal has it all, and close tries again.
            self._notice(str(error))
            self._costs.add(60.0)
        else:
            self._costs.add(time.monotonic() - began)

    def _write_checkpoint(self, pending: Sequence[PendingOperation]) -> None:
        data = encode_checkpoint(
            self._files.full_name,
            acceptable(self._ledger.resources()),
            pending,
            self._seal,
            self.plugins or self.snapshot.plugins,
            self.snapshot.other,
        )
        safe = f"Every step is safe in the journal {self._files.journal}, from which the next run goes on."
        if self._unrecorded:
            safe = f"The steps up to then are safe in the journal {self._files.journal}."
        # From here on the journal counts for the checkpoint of before as well as for the one that will take its place.
        rebase = compact_json({"do": "rebase", "checkpoint": digest(data)})
        try:
            self._journal.append(rebase)
            self._journal.sync()
        except StateWriteError:
            if not self._unrecorded:
                raise
        try:
            with explained(self._files.checkpoint, "the state", safe):
                self._files.back_up()
                replace_file(self._files.checkpoint, data)
        except StateWriteError as error:
            raise StateWriteError(str(error), self._unrecorded_names()) from error
        self._unrecorded.clear()

    def _unrecorded_names(self) -> list[tuple[str, str]]:
        return [(state.urn, state.id) for state in self._unrecorded]

    def _header(self, checkpoint: bytes) -> dict[str, Any]:
        return {
            "do": "start",
            "journal": 1,
            "stack": self._files.full_name,
            "checkpoint": digest(checkpoint),
            "pid": os.getpid(),
            "time": timestamp(),
        }

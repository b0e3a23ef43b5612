"""Which resources a stack has while an update goes on, and in which order they belong in the state.

Follows Pulumi's SnapshotManager: first the states this update has made or confirmed, in the order in which their steps
ended, then those of before that no step has visited yet. Since a step ends only after the steps it depends on, that
order has dependencies first.
"""

from __future__ import annotations

from rehearsal.engine.state.deployment import PendingOperation, Snapshot
from rehearsal.engine.state.resource import ResourceState


class Ledger:
    """The resources and pending operations of one stack."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._before = dict(enumerate(snapshot.resources))
        self._visited: dict[int, ResourceState] = {}
        self._place = {state: place for place, state in self._before.items()}
        self._next = len(self._before)
        self._pending = dict.fromkeys(snapshot.pending_operations)

    def resources(self) -> list[ResourceState]:
        return [*self._visited.values(), *self._before.values()]

    def pending(self) -> list[PendingOperation]:
        return list(self._pending)

    def add_pending(self, operation: PendingOperation) -> None:
        """One that was pending under the same name is begun once more: its outcome is that of the new one."""
        for each in [each for each in self._pending if each.name == operation.name]:
            del self._pending[each]
        self._pending[operation] = None

    def drop_pending(self, operation: PendingOperation) -> bool:
        """Whether it was pending."""
        return self._pending.pop(operation, operation) is None

    def add(self, state: ResourceState) -> None:
        self._visited[self._next] = state
        self._place[state] = self._next
        self._next += 1

    def remove(self, state: ResourceState) -> None:
        """Raises ValueError where the state is not one of the stack's."""
        place = self._place.pop(state, None)
        if place is None:
            raise ValueError(f"{state.urn} is not a state of this session: pass the object the session gave")
        if self._before.pop(place, None) is None:
            del self._visited[place]

    def confirm(self, state: ResourceState) -> None:
        """The resource was visited and is as it was."""
        place = self._place.get(state)
        if place is None or place in self._before:
            self.remove(state)
            self.add(state)

    def swap(self, old: ResourceState, new: ResourceState) -> None:
        """Put ``new`` in the place of ``old``."""
        place = self._place.pop(old, None)
        if place is None:
            raise ValueError(f"{old.urn} is not a state of this session: pass the object the session gave")
        (self._before if place in self._before else self._visited)[place] = new
        self._place[new] = place

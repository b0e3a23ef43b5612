"""The resources of one update: what was there before (olds), what has been registered so far (news)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from rehearsal.engine.errors import EngineError
from rehearsal.engine.goal import Goal
from rehearsal.engine.state import PendingOperation, ResourceState


@dataclass(slots=True)
class Resources:
    """``live`` maps URN to old state; ``condemned`` are old states already replaced and still to be deleted."""

    live: dict[str, ResourceState] = field(default_factory=dict[str, ResourceState])
    condemned: list[ResourceState] = field(default_factory=list[ResourceState])
    news: dict[str, ResourceState] = field(default_factory=dict[str, ResourceState])
    registered: set[str] = field(default_factory=set[str])
    renamed: dict[str, str] = field(default_factory=dict[str, str])
    """Old URN → new URN, for every resource that was found under an alias."""
    pending_creates: dict[str, ResourceState] = field(default_factory=dict[str, ResourceState])
    """Creations that a killed engine began and never finished: the resource may exist."""
    deleted_early: set[str] = field(default_factory=set[str])
    """Old URNs that were deleted before being replaced, in this update."""

    def fill(self, states: Iterable[ResourceState], pending: Iterable[PendingOperation]) -> None:
        """Start from these states. ``pending`` are operations that nobody has settled (there are none but in a preview)."""
        for state in states:
            if state.delete:
                self.condemned.append(state)
            else:
                self.live[state.urn] = state
        for operation in pending:
            if operation.type == "creating":
                self.pending_creates[operation.resource.urn] = operation.resource

    def claim(self, goal: Goal) -> ResourceState | None:
        """Note that ``goal`` is registered and find its old state, by its URN or by an alias. Raises EngineError."""
        if goal.urn in self.registered:
            raise EngineError(
                f"two resources have the URN {goal.urn}: the same type, name and parent. "
                "The engine could not tell them apart in the state. Give one of them another name or another parent."
            )
        self.registered.add(goal.urn)
        old = self.live.get(goal.urn)
        if old is not None:
            if goal.urn in self.renamed:
                raise EngineError(
                    f"{goal.urn} was already claimed, by alias, by {self.renamed[goal.urn]}. Remove one of the two."
                )
            return old
        for alias in goal.aliases:
            old = self.live.get(alias)
            if old is None:
                continue
            other = self.renamed.get(alias)
            if alias in self.registered or (other is not None and other != goal.urn):
                raise EngineError(
                    f"{goal.urn} has the alias {alias}, which {other or 'a resource of the program'} already uses. "
                    "One old resource cannot become two new ones: remove the alias from one of them."
                )
            self.renamed[alias] = goal.urn
            return old
        return None

    def old_urns(self, urn: str) -> list[str]:
        """The URNs that the resource now called ``urn`` had before."""
        return [old for old, new in self.renamed.items() if new == urn]

    def unclaimed(self) -> list[ResourceState]:
        """Live old resources that the program did not register again, in the order of the state."""
        return [
            state
            for urn, state in self.live.items()
            if urn not in self.registered and urn not in self.renamed and urn not in self.deleted_early
        ]


def direct_dependencies(state: ResourceState) -> set[str]:
    """URNs that must exist while ``state`` does: parent, provider, dependencies of any kind."""
    found = set(state.dependencies)
    for each in state.property_dependencies.values():
        found.update(each)
    if state.parent:
        found.add(state.parent)
    if state.provider:
        found.add(state.provider.rpartition("::")[0])
    if state.deleted_with:
        found.add(state.deleted_with)
    return found


def dependents(root: str, states: Iterable[ResourceState]) -> list[ResourceState]:
    """All states that depend on ``root``, directly or not, parents left out, in an order fit for creating."""
    affected = {root}
    found: list[ResourceState] = []
    for state in states:
        needs = set(state.dependencies) | {item for each in state.property_dependencies.values() for item in each}
        if state.provider:
            needs.add(state.provider.rpartition("::")[0])
        if needs & affected and state.urn != root:
            affected.add(state.urn)
            found.append(state)
    return found

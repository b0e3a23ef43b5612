"""The resources of one update: what was there before (olds), what has been registered so far (news)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from rehearsal.engine.errors import EngineError
from rehearsal.engine.goal import Goal
from rehearsal.engine.provider_registry import reference, urn_of_reference
from rehearsal.engine.state import PendingOperation, ResourceState
from rehearsal.engine.urn import is_provider


@dataclass(slots=True)
class Resources:
    """``live`` maps URN to old state; ``condemned`` are old states that this update replaced and has still to delete."""

    live: dict[str, ResourceState] = field(default_factory=dict[str, ResourceState])
    condemned: list[ResourceState] = field(default_factory=list[ResourceState])
    left_over: list[ResourceState] = field(default_factory=list[ResourceState])
    """States that an earlier update replaced and did not get round to deleting."""
    news: dict[str, ResourceState] = field(default_factory=dict[str, ResourceState])
    registered: set[str] = field(default_factory=set[str])
    renamed: dict[str, str] = field(default_factory=dict[str, str])
    """Old URN → new URN, for every resource that was found under an alias."""
    declared_aliases: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """URN → every alias that the program gave or that was inherited, whether an old state has it or not."""
    pending_creates: dict[str, ResourceState] = field(default_factory=dict[str, ResourceState])
    """Creations that a killed engine began and never finished: the resource may exist."""
    deleted_early: set[str] = field(default_factory=set[str])
    """Old URNs that were deleted before being replaced, in this update."""

    def fill(self, states: Iterable[ResourceState], pending: Iterable[PendingOperation]) -> None:
        """Start from these states. ``pending`` are operations that nobody has settled (there are none but in a preview)."""
        for state in states:
            if state.delete:
                self.left_over.append(state)
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
        if goal.aliases:
            self.declared_aliases[goal.urn] = goal.aliases
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
        """The URNs that the resource now called ``urn`` may have had before: by its aliases, not only by what this update
        found. Where an update renamed the parent and got no further, nobody but the program knows the old name."""
        return list(self.declared_aliases.get(urn, ()))

    def provider(self, provider_reference: str) -> ResourceState | None:
        """The provider state that a resource names by ``<urn>::<id>``, as it is now. A provider that was replaced has the
        URN of its successor: only the id tells which of the two a resource was made by."""
        urn = urn_of_reference(provider_reference)
        for state in (self.news.get(urn), self.live.get(urn), *self.left_over):
            if state is not None and reference(state) == provider_reference:
                return state
        return None

    def providers(self) -> dict[str, ResourceState]:
        """All provider states by reference, those among them that are to be deleted."""
        return provider_states([*self.left_over, *self.live.values(), *self.news.values()])

    def unclaimed(self) -> list[ResourceState]:
        """Live old resources that the program did not register again, in the order of the state."""
        return [
            state
            for urn, state in self.live.items()
            if urn not in self.registered
            and urn not in self.renamed
            # Deleted early for what it depends on, and not wanted any more: what is left of it names a provider that may go.
            and (urn not in self.deleted_early or state.pending_replacement)
        ]


def provider_states(states: Iterable[ResourceState]) -> dict[str, ResourceState]:
    """The providers among ``states`` by reference (``<urn>::<id>``), as resources name them; of equal ones the last."""
    return {reference(state): state for state in states if is_provider(state.type)}


def direct_dependencies(state: ResourceState) -> set[str]:
    """What must exist while ``state`` does: URNs of parent and dependencies of any kind, and the provider's reference."""
    found = set(state.dependencies)
    for each in state.property_dependencies.values():
        found.update(each)
    if state.parent:
        found.add(state.parent)
    if state.provider:
        found.add(state.provider)
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

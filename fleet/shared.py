"""What stacks of one fleet must not share: two stacks that create, or write to, the same thing fail at each other, or one deletes
what the other needs. What that is, the registry kind knows (``mendix_registry.settings.limits``)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fleet.fleet_file import Fleet
from fleet.limits import limits_of, path
from fleet.problems import FleetProblem
from fleet.stacks import FleetStack, value_at
from mendix_registry.settings.limits import STACK_PLACEHOLDER, Keys


def shared_problems(fleet: Fleet, stacks: Sequence[FleetStack]) -> Iterator[FleetProblem]:
    """What several stacks of this fleet would all create or write. A fleet of one stack shares nothing."""
    if fleet.stacks == 1 or not stacks:
        return
    limits = limits_of([stack.settings for stack in stacks])
    for shared in limits.shared(stacks[0].settings.registry):
        if STACK_PLACEHOLDER not in str(value_at(fleet.config, ("registry", *shared.keys))):
            yield FleetProblem(path(shared.keys), shared.what, shared.why, shared.remedy)
    # Only the first of each is reported: where there is one, there are thousands.
    reported: set[Keys] = set()
    owners: dict[tuple[Keys, str], str] = {}
    for stack in stacks:
        for owned in limits.owned(stack.settings, stack.settings.registry):
            owner = owners.setdefault((owned.keys, owned.name), stack.name)
            if owner != stack.name and owned.keys not in reported:
                reported.add(owned.keys)
                what = f"{owned.what} by the stack {owner} and by {stack.name}"
                yield FleetProblem(path(owned.keys), what, owned.why, owned.remedy)

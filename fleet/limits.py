"""How much of the clouds' limits a fleet takes: of the write quotas, and of the limits on numbers.

They are of the account, subscription, project or registry: all stacks of a fleet share them, and so does everything else there.
What they are is in the folder of the registry kind (``mendix_registry.kinds``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from fleet.problems import FleetProblem
from mendix_registry.kinds import KINDS
from mendix_registry.settings.limits import Amount, Keys, Limits, Rate
from mendix_registry.settings.problems import path_in_file
from mendix_registry.stack_file import Settings

if TYPE_CHECKING:
    from fleet.program import Registrations

Quotas = Mapping[str, float]
"""What the accounts allow, by the key in the fleet file."""


def limits_of(stacks: Sequence[Settings]) -> Limits:
    """The limits of the stacks' registry kind, which is one."""
    return KINDS[stacks[0].registry.type].limits if stacks else Limits()


def path(keys: Keys) -> str:
    """Where keys of the registry are in the fleet file."""
    return path_in_file(("registry", *keys))


def quota_problems(limits: Limits, quotas: Quotas) -> Iterator[FleetProblem]:
    """Quotas that this fleet's kind does not have."""
    for key in sorted(quotas.keys() - limits.quotas):
        yield FleetProblem(
            f"quotas.{key}",
            "the fleet's registry kind has no such quota",
            "it would have no effect",
            f"use one of {', '.join(sorted(limits.quotas))}" if limits.quotas else "remove it",
        )


def rates(limits: Limits, quotas: Quotas) -> tuple[Rate, ...]:
    """The write quotas, as high as the accounts have them."""
    return tuple(replace(rate, calls=quotas.get(rate.quota or "", rate.calls)) for rate in limits.rates)


def calls(rate: Rate, registered: Registrations) -> int:
    """Writes of one stack that count for ``rate``."""
    if rate.in_turn:
        return max((count for token, count in registered.siblings.items() if token.startswith(rate.types)), default=0)
    return sum(count for token, count in registered.resources.items() if token.startswith(rate.types))


def calls_together(rate: Rate, registered: Iterable[Registrations]) -> int:
    """Writes of all stacks that count for ``rate``."""
    each = (calls(rate, one) for one in registered)
    # What is written in turn is below one component, and so in one stack.
    return max(each, default=0) if rate.in_turn else sum(each)


def amounts(
    stacks: Sequence[Settings], registered: Sequence[Registrations], limits: Limits, quotas: Quotas
) -> tuple[Amount, ...]:
    """The limits on numbers that this fleet touches."""
    if not stacks:
        return ()
    total = sum((one.resources for one in registered), Counter[str]())
    counted = (
        Amount(each.title, total[each.type], int(quotas.get(each.quota, each.limit)), each.keys, each.remedy)
        for each in limits.counts
    )
    return tuple(amount for amount in (*counted, *limits.amounts(stacks, total)) if amount.used)


def exceeded(amounts: Iterable[Amount]) -> list[FleetProblem]:
    """What to report of the limits that this fleet exceeds."""
    return [
        FleetProblem(
            path(amount.keys),
            f"the fleet would have {amount.used:,} {amount.title}; {amount.limit:,} are allowed",
            "the limit counts over all stacks together, and what exists there already comes on top",
            amount.remedy,
        )
        for amount in amounts
        if amount.exceeded
    ]

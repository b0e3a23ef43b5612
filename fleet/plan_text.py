"""The plan as text."""

from __future__ import annotations

import io
import math

from rich.console import Console
from rich.table import Table
from rich.text import Text

from fleet.plan import KUBERNETES, FleetPlan
from fleet.state_writes import NAMESPACES_PER_STACK, enough_stacks

_WIDTH = 132


def plan_text(plan: FleetPlan) -> str:
    """The plan for a terminal or a file: the stacks, the quotas that all of them share, and how long it takes."""
    stream = io.StringIO()
    console = Console(file=stream, width=_WIDTH, color_system=None, highlight=False, markup=False, emoji=False)
    count = len(plan.stacks)
    console.print(
        f"Fleet {plan.name}: {plan.namespaces:,} namespace{_s(plan.namespaces)} in {count:,} stack{_s(count)}. "
        "Estimates are for the first update of each, when everything is created.\n"
    )
    console.print(_stacks(plan))
    enough = enough_stacks(plan.namespaces)
    if enough > 2 * count:
        console.print(
            f"\nThat is more than twice the {NAMESPACES_PER_STACK} namespaces that a stack should have; stacks: {enough} would be "
            "right (docs/fleet.md).",
            soft_wrap=True,
        )
    console.print("\nWrite quotas, shared by all stacks and by whatever else is in the account:")
    console.print(_clouds(plan) if plan.clouds else "  none: only Kubernetes is written to")
    console.print(f"\n{_state(plan)}", soft_wrap=True)
    if plan.amounts:
        console.print("\nLimits on numbers, over all stacks together; what exists already comes on top:")
        console.print(_amounts(plan))
    console.print(
        f"\nEstimated duration: {duration(plan.estimate.seconds)}, limited by {plan.estimate.limit}.", soft_wrap=True
    )
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"


def duration(seconds: float) -> str:
    """``40 s``, ``12 min``, ``3 h 20 min``; always rounded up."""
    if seconds <= 90:
        return f"{math.ceil(seconds)} s"
    minutes = math.ceil(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for column in columns:
        right = column not in ("stack", "limited by", "quota", "limit", "")
        table.add_column(Text(column), justify="right" if right else "left", overflow="fold")
    return table


def _stacks(plan: FleetPlan) -> Table:
    clouds = sorted({cloud for stack in plan.stacks for cloud in stack.resources})
    table = _table("stack", "namespaces", *clouds, "writes", "Jobs", "alone", "limited by")
    for stack in plan.stacks:
        # What counts for two quotas is one call nevertheless.
        writes = sum(count for cloud, count in stack.resources.items() if cloud != KUBERNETES)
        table.add_row(
            stack.name,
            f"{stack.namespaces:,}",
            *(f"{stack.resources.get(cloud, 0):,}" for cloud in clouds),
            f"{writes:,}",
            f"{stack.jobs:,}",
            duration(stack.estimate.seconds),
            stack.estimate.limit,
        )
    return table


def _clouds(plan: FleetPlan) -> Table:
    table = _table("quota", "writes", "per minute", "at least")
    for cloud in plan.clouds:
        table.add_row(
            cloud.rate.title, f"{cloud.calls:,}", f"{cloud.rate.per_second * 60:,.0f}", duration(cloud.seconds)
        )
    return table


def _state(plan: FleetPlan) -> str:
    if plan.backend is None:
        return "Writes of the state: a Pulumi Cloud is sent what changes, and no update waits for it."
    most = max(plan.stacks, key=lambda stack: stack.state_writes.seconds)
    total = sum(stack.state_writes.count for stack in plan.stacks)
    return (
        f"Writes of the state to {plan.backend}: {total:,}, of one stack one after the other; "
        f"{most.state_writes.count:,} of {most.name} take {duration(most.state_writes.seconds)}."
    )


def _amounts(plan: FleetPlan) -> Table:
    table = _table("limit", "used", "of", "")
    for amount in plan.amounts:
        table.add_row(amount.title, f"{amount.used:,}", f"{amount.limit:,}", "EXCEEDED" if amount.exceeded else "")
    return table


def _s(count: int) -> str:
    return "" if count == 1 else "s"

"""How long a fleet's first rollout takes, and what decides about it: the clouds' write quotas, the writes of the state, or the
builders' Jobs."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fleet.fleet_file import Fleet
from fleet.limits import amounts, calls, calls_together, exceeded, limits_of, rates
from fleet.problems import FleetProblem
from fleet.program import Progress, Registrations, registrations
from fleet.stacks import FleetStack
from fleet.state_writes import StateWrites, backend_title, state_writes
from mendix_registry.settings.limits import Amount, Limits, Rate

JOB = "kubernetes:batch/v1:Job"
"""What takes longest: a push, or a node's pull."""

KUBERNETES = "Kubernetes"
"""Whose resources wait for no quota."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Seconds, and what takes that long."""

    seconds: float
    limit: str


@dataclass(frozen=True, slots=True)
class StackPlan:
    """What the first update of one stack does: ``resources`` by cloud. ``estimate`` is for the stack alone."""

    name: str
    namespaces: int
    resources: Mapping[str, int]
    jobs: int
    state_writes: StateWrites
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class CloudPlan:
    """All stacks together against one write quota."""

    rate: Rate
    calls: int

    @property
    def seconds(self) -> float:
        """How long the quota alone makes it take."""
        return self.rate.seconds(self.calls)


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """The plan of a fleet. ``registered`` is what the program registers for each stack. ``backend`` is given the whole state at
    each step; None is a Pulumi Cloud."""

    name: str
    stacks: tuple[StackPlan, ...]
    registered: tuple[Registrations, ...] = field(repr=False)
    clouds: tuple[CloudPlan, ...]
    amounts: tuple[Amount, ...]
    backend: str | None
    at_once: int
    estimate: Estimate

    @property
    def namespaces(self) -> int:
        """How many there are."""
        return sum(stack.namespaces for stack in self.stacks)

    @property
    def problems(self) -> Sequence[FleetProblem]:
        """The limits on numbers that it exceeds."""
        return exceeded(self.amounts)


def make_plan(fleet: Fleet, stacks: Sequence[FleetStack], progress: Progress | None = None) -> FleetPlan:
    """The plan; nothing is asked of any cloud. Raises as :func:`fleet.program.registrations`."""
    settings = [stack.settings for stack in stacks]
    limits = limits_of(settings)
    known = rates(limits, fleet.quotas)
    registered = registrations(settings, progress)
    plans = tuple(_stack_plan(fleet, stack, one, known, limits) for stack, one in zip(stacks, registered, strict=True))
    clouds = tuple(CloudPlan(rate, together) for rate in known if (together := calls_together(rate, registered)))
    at_once = fleet.rollout.stacks_at_once
    lanes = _lanes([plan.estimate.seconds for plan in plans], at_once)
    longest = max((plan.estimate for plan in plans), key=lambda e: e.seconds, default=Estimate(0, "nothing"))
    estimate = Estimate(lanes, f"{longest.limit}, {at_once} stacks at once" if len(plans) > 1 else longest.limit)
    slowest = max(clouds, key=lambda cloud: cloud.seconds, default=None)
    # Together, stacks cannot be faster than the quota that they share.
    if slowest is not None and slowest.seconds >= lanes:
        estimate = Estimate(slowest.seconds, slowest.rate.title)
    return FleetPlan(
        fleet.name,
        plans,
        registered,
        clouds,
        amounts(settings, registered, limits, fleet.quotas),
        backend_title(fleet),
        at_once,
        estimate,
    )


def _stack_plan(
    fleet: Fleet, stack: FleetStack, registered: Registrations, known: Sequence[Rate], limits: Limits
) -> StackPlan:
    resources = registered.resources
    by_cloud: Counter[str] = Counter()
    for token, count in resources.items():
        by_cloud[KUBERNETES if token.startswith("kubernetes:") else limits.cloud] += count
    jobs = resources[JOB]
    rollout = fleet.rollout
    state = state_writes(fleet, registered)
    longest = max(
        (
            *(Estimate(rate.seconds(calls(rate, registered)), rate.title) for rate in known),
            Estimate(state.seconds, f"writes of the state to {backend_title(fleet)}"),
            Estimate(jobs * rollout.job_seconds / rollout.parallel, f"builder Jobs, {rollout.parallel} at once"),
            Estimate(
                (resources.total() - jobs) * rollout.resource_seconds / rollout.parallel,
                f"the writes themselves, {rollout.parallel} at once",
            ),
        ),
        key=lambda estimate: estimate.seconds,
    )
    # After the last write, the last namespace still has to be proved: a push, and then a pull.
    last = rollout.job_seconds * -(-jobs // len(stack.members)) if jobs else 0
    return StackPlan(
        stack.name, len(stack.members), by_cloud, jobs, state, Estimate(longest.seconds + last, longest.limit)
    )


def _lanes(seconds: Sequence[float], at_once: int) -> float:
    """When the last stack is done, if each begins as soon as one of ``at_once`` places is free."""
    ends = [0.0] * at_once
    for duration in seconds:
        heapq.heappush(ends, heapq.heappop(ends) + duration)
    return max(ends)

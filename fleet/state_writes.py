"""How long the state's own writes take: a self-managed backend is given the whole state at each step, one time after the other, and
no step goes on before.

The figures are those of ``make bench`` in docs/fleet.md (2 cores, 24 GiB, state in a directory): the seconds of the first ``up``
less those without checkpoints.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from fleet.fleet_file import Fleet
    from fleet.program import Registrations

MEASURED_SECONDS = 20.0 - 6.2
MEASURED_RESOURCES = 302
MEASURED_WRITES = 668
"""The row ``generic``, 30 namespaces: what the writes of the state took there, with how many resources in it at the end."""

REQUESTS = 3
"""A write of a bucket or database: a listing, a copy of the old state, the new one."""

NAMESPACES_PER_STACK = 30
"""How large a stack should be, by these figures: at 50 ms a request the writes of the state of 30 namespaces take two minutes, of
60 more than four, of 90 seven. What one broken namespace holds up also grows with it."""

_SECONDS_PER_RESOURCE = MEASURED_SECONDS / MEASURED_WRITES / (MEASURED_RESOURCES / 2)
"""What each resource that is in the state already adds to a write of it."""

_BACKENDS = {"s3": "Amazon S3", "azblob": "Azure Blob", "gs": "Google Cloud Storage", "postgres": "PostgreSQL"}


@dataclass(frozen=True, slots=True)
class StateWrites:
    """The writes of the state in a stack's first update."""

    count: int
    seconds: float


def backend_title(fleet: Fleet) -> str | None:
    """The backend that is given the whole state each time, by its name; None for a Pulumi Cloud, which is given the changes, and
    which Pulumi uses where no backend is named."""
    return _BACKENDS.get(urlsplit(fleet.state.backend or "").scheme)


def state_writes(fleet: Fleet, registered: Registrations) -> StateWrites:
    """The writes of a stack's first update."""
    if backend_title(fleet) is None:
        return StateWrites(0, 0)
    count = registered.state_writes
    # The state is empty at first and has everything at last.
    each = REQUESTS * fleet.rollout.state_request_seconds + _SECONDS_PER_RESOURCE * registered.everything / 2
    return StateWrites(count, count * each)


def enough_stacks(namespaces: int) -> int:
    """How many stacks a fleet of that many namespaces should have."""
    return math.ceil(namespaces / NAMESPACES_PER_STACK)

"""The record of the emulators' decisions, as it is read between attempts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rehearsal.access_matrix.registry import Service

_HOST = "decisions.mendix-rehearsal.internal"


def decisions(service: Service) -> Callable[[int], Sequence[Mapping[str, Any]]]:
    """Reads the decisions after a number."""

    def after(number: int) -> Sequence[Mapping[str, Any]]:
        with service.client(_HOST) as client:
            answer = client.get("/", params={"after": number})
        answer.raise_for_status()
        return answer.json()["decisions"]

    return after

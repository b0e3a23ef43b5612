"""A pod as far as a cloud's metadata server has to know it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pod:
    """A running pod: where it is and as which ServiceAccount it runs."""

    namespace: str
    name: str
    uid: str
    service_account: str
    host_network: bool = False

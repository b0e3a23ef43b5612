"""What a stack needs from an emulated cloud."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

CLUSTER_USER = "mendix-rehearsal-clouds"
"""Who the clouds' process is to the API server."""


@dataclass(frozen=True, slots=True)
class WantedCloud:
    """One cloud of a stack.

    ``settings`` is the cloud's part of the clouds' settings; ``names`` are the host names that lead there, ``registry_hosts`` those
    that are registries; ``environment`` is added to the program's and the plugins', with ``{address}`` and ``{authority}`` (the
    service's address, the file of its authority) filled in. ``passwords`` are environment variables from which the program takes a
    password that a person has got of the cloud, each with whose it is: one that is not set is given the sandbox's
    own, and the cloud is given the digests as ``token_passwords``. ``addresses`` are host names that lead to their
    own addresses. ``prepare`` creates the stack's prerequisites, called with the finished environment; ``objects``
    are applied in the cluster, each with its path; ``furnish`` gives more of the environment, from what answers by
    then. ``platform`` is a cloud that any real cluster of its kind has inside: a cluster that is not the rehearsal's
    own is taken for such a one. ``joined`` are the lists among the settings, and ``names`` and ``registry_hosts``,
    that are joined with those of the home's earlier stacks.
    """

    name: str
    package: str
    settings: Mapping[str, Any]
    names: tuple[str, ...]
    registry_hosts: tuple[str, ...]
    environment: Mapping[str, str]
    passwords: Mapping[str, str] = field(default_factory=dict[str, str])
    addresses: Mapping[str, str] = field(default_factory=dict[str, str])
    prepare: Callable[[Mapping[str, str]], None] = field(default=lambda _: None)
    objects: Sequence[tuple[str, dict[str, Any]]] = ()
    furnish: Callable[[Mapping[str, str]], Mapping[str, str]] = field(default=lambda _: {})
    platform: bool = False
    joined: tuple[str, ...] = ()

"""What an emulated cloud is to the process that serves it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from starlette.types import ASGIApp

from rehearsal.emulators.admission import Mutator
from rehearsal.emulators.nodes import NodeIdentity
from rehearsal.registry.authority import Authority


class Cloud(Protocol):
    """One cloud as far as a stack needs it.

    ``apis`` maps host names (``*.`` in front: all below) to the application that answers there; ``registries`` maps
    registry host names to who decides about each request; ``local`` maps link-local addresses, such as
    ``169.254.170.23``, to what pods find there on port 80; ``realms`` maps ``HOST/PATH`` of a registry host to what answers there
    instead of the registry, such as a token realm; ``mutators`` are the cloud's admission webhooks; ``nodes`` gives
    the identity that nodes pull with; ``api`` is the application that provider plugins reach by the service's
    address and the cloud's port (``service.API_PORTS``).
    """

    @property
    def apis(self) -> Mapping[str, ASGIApp]: ...

    @property
    def registries(self) -> Mapping[str, Authority]: ...

    @property
    def realms(self) -> Mapping[str, ASGIApp]: ...

    @property
    def local(self) -> Mapping[str, ASGIApp]: ...

    @property
    def mutators(self) -> Sequence[Mutator]: ...

    @property
    def nodes(self) -> NodeIdentity: ...

    @property
    def api(self) -> ASGIApp: ...


@runtime_checkable
class Platform(Cloud, Protocol):
    """A cloud that is the cluster's own platform and works inside it.

    ``ports`` are further ports of its registry hosts; ``authorities`` maps host names to certificate and key of the authority that
    issues their certificates in place of the clouds'; ``run`` is its controllers, until it is cancelled.
    """

    @property
    def ports(self) -> Sequence[int]: ...

    @property
    def authorities(self) -> Mapping[str, tuple[Path, Path]]: ...

    async def run(self) -> None: ...

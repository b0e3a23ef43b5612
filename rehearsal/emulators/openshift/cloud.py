"""OpenShift put together from its settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp

from rehearsal.emulators.admission import Mutator
from rehearsal.emulators.decisions import DecisionLog
from rehearsal.emulators.openshift.api import PlatformApi
from rehearsal.emulators.openshift.controllers import Controllers
from rehearsal.emulators.openshift.registry import REALM, ImageStreams, OpenShiftRegistry, TokenEndpoint
from rehearsal.emulators.openshift.security_context import restricted
from rehearsal.emulators.openshift.service_ca import ensure_service_ca


@dataclass(frozen=True, slots=True)
class OpenShiftSettings:
    """What the stacks of a home need of OpenShift.

    ``hosts`` are all host names and addresses of the registry with their port; ``projects`` the namespaces that are looked after;
    ``build`` is the cluster's capability *Build*, which makes ServiceAccount ``builder`` and its RoleBinding.
    """

    hosts: tuple[str, ...]
    projects: frozenset[str]
    build: bool = True

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> OpenShiftSettings:
        return cls(tuple(document["hosts"]), frozenset(document["projects"]), bool(document.get("build", True)))


class _NoNodes:
    """OpenShift's nodes have no identity at its registry: pods bring their ServiceAccount's pull secret."""

    def node_credentials(self, host: str) -> tuple[str, str] | None:
        del host
        return None


class OpenShiftCloud:
    """Satisfies :class:`rehearsal.emulators.cloud.Platform`."""

    def __init__(self, settings: OpenShiftSettings, api: PlatformApi, data: Path, decisions: DecisionLog) -> None:
        directory = data / "openshift"
        self._authority = ensure_service_ca(directory)
        registry = OpenShiftRegistry(api, ImageStreams(directory / "image-streams.json"), decisions)
        # Clients come under the name; a node's runtime, which comes by address, states the name with its port.
        names = dict.fromkeys(name for host in settings.hosts for name in (host.rpartition(":")[0], host))
        self.registries = dict.fromkeys(names, registry)
        self.realms: Mapping[str, ASGIApp] = {f"{name}{REALM}": TokenEndpoint(registry) for name in names}
        self.ports = tuple(sorted({int(host.rpartition(":")[2]) for host in settings.hosts} - {443}))
        self.authorities = dict.fromkeys(names, (self._authority.certificate, self._authority.key))
        # A home's cluster also has stacks that are not OpenShift's.
        cares = settings.projects.__contains__
        self._controllers = Controllers(api, settings.hosts, self._authority.pem, cares, build=settings.build)
        self.apis: Mapping[str, ASGIApp] = {}
        self.local: Mapping[str, ASGIApp] = {}
        self.mutators: Sequence[Mutator] = (restricted(cares),)
        self.nodes = _NoNodes()
        self.api: ASGIApp = PlainTextResponse(self._authority.pem)

    async def run(self) -> None:
        await self._controllers.run()

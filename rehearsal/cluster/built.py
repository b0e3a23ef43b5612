"""The cluster that is built from Go modules, in namespaces of this machine."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rehearsal.cluster import registries, services
from rehearsal.cluster.api import ApiServer
from rehearsal.cluster.cluster import Cluster, Kind
from rehearsal.cluster.control_plane import CONTEXT, ISSUER
from rehearsal.cluster.errors import ClusterError, Progress, Report
from rehearsal.cluster.node import BuiltNode
from rehearsal.cluster.paths import NodeDirectory
from rehearsal.cluster.services import ServiceEndpoint, ServiceSpec
from rehearsal.cluster.state import NodeState
from rehearsal.registry.spec import RegistryEndpoint, RegistrySpec
from rehearsal.toolchain.lock import exclusive


class BuiltCluster(Cluster):
    """The node built from Go modules, in namespaces of this machine.

    ``host_ip`` is this machine as pods see it: where a process of the rehearsal has to listen so that pods reach it.
    ``issuer`` is the issuer of ServiceAccount tokens; its keys are at ``/openid/v1/jwks`` of the API server, open to all.
    """

    kind: Kind = "built"
    context = CONTEXT
    issuer = ISSUER

    def __init__(self, home: Path, state: NodeState, report: Report) -> None:
        if state.subnet is None:
            raise ClusterError("The sandbox's cluster is not running.", "Start it with `rehearse up`.")
        self._node = BuiltNode(home, report)
        self._state = state
        self._report = report
        self.kubeconfig = self._node.directory.kubeconfig
        self.node_ip = state.subnet.node
        self.host_ip = state.subnet.host

    def registry(self, spec: RegistrySpec) -> RegistryEndpoint:
        with exclusive(self._node.directory.lock):
            return registries.serve(self._node, self._state, spec, self._report)

    def end_registry(self, push_host: str) -> None:
        """End the registry of this name, so that another can have its pull host."""
        with exclusive(self._node.directory.lock):
            registries.end(self._node, self._state, push_host)

    def service(self, spec: ServiceSpec) -> ServiceEndpoint:
        node, subnet = self._node.directory, self._state.subnet
        if subnet is None:
            raise ClusterError("The sandbox's cluster is not running.", "Start it with `rehearse up`.")
        with exclusive(node.lock):
            services.remember(node, spec)
            self._node.apply(self._state)
            endpoint = services.await_answer(node, subnet, spec, self._report)
            with self._node.connect(subnet) as server:
                for path, document in spec.objects(endpoint.address, endpoint.authority.read_text()):
                    server.apply(path, document)
        return endpoint

    def service_endpoint(self, name: str) -> ServiceEndpoint | None:
        """Where a service answers that this home runs; None where there is none of that name."""
        if self._state.subnet is None:
            return None
        return services.endpoint(self._node.directory, self._state.subnet, name)

    def ensure(self, objects: Sequence[tuple[str, dict[str, Any]]]) -> None:
        if objects and self._state.subnet is not None:
            with self._node.connect(self._state.subnet) as server:
                for path, document in objects:
                    if server.get(path) is None:
                        server.apply(path, document)

    def get(self, path: str) -> dict[str, Any] | None:
        """The object at a path of the API, as an administrator sees it; None where there is none."""
        if self._state.subnet is None:
            raise ClusterError("The sandbox's cluster is not running.", "Start it with `rehearse up`.")
        with self._node.connect(self._state.subnet) as server:
            return server.get(path)

    @property
    def node_token(self) -> str:
        """What the node proves itself with to the emulated clouds, when it asks for its identity at a registry."""
        return (self._node.directory.configuration / "services" / "clouds" / "node-token").read_text()

    @property
    def signing_key(self) -> Path:
        """The key that signs ServiceAccount tokens (PEM): a rehearsal may make tokens that no cluster would give out."""
        return self._node.directory.pki / "service-account.key"

    def token(self, namespace: str, service_account: str, audience: str) -> str:
        """A token of a ServiceAccount by the TokenRequest API; namespace and ServiceAccount are made where they are missing."""
        if self._state.subnet is None:
            raise ClusterError("The sandbox's cluster is not running.", "Start it with `rehearse up`.")
        home = f"/api/v1/namespaces/{namespace}"
        account = f"{home}/serviceaccounts/{service_account}"
        metadata = {"name": service_account, "namespace": namespace}
        self.ensure(
            [
                (home, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}),
                (account, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}),
            ]
        )
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"audiences": [audience], "expirationSeconds": 3600},
        }
        with self._node.connect(self._state.subnet) as server:
            return str(server.create(f"{account}/token", request)["status"]["token"])

    def connect(self) -> ApiServer:
        """A connection to the API server as its administrator, to be used in a ``with`` statement."""
        if self._state.subnet is None:
            raise ClusterError("The sandbox's cluster is not running.", "Start it with `rehearse up`.")
        return self._node.connect(self._state.subnet)

    def annotations(self, namespace: str, service_account: str) -> dict[str, str]:
        """The annotations of a ServiceAccount; none where there is no such account."""
        found = self.get(f"/api/v1/namespaces/{namespace}/serviceaccounts/{service_account}") or {}
        return found.get("metadata", {}).get("annotations") or {}

    def add_names(self, names: Mapping[str, str]) -> None:
        with exclusive(self._node.directory.lock):
            self._node.set_names({**self._node.names(), **names})
            self._node.apply(self._state)


def open_built(home: Path, progress: Report) -> BuiltCluster:
    """The built node of ``home``. Raises :class:`ClusterError`."""
    _require_root()
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    began = time.monotonic()

    def waiting(seconds: float) -> None:
        progress(
            Progress("node", "waiting for another command that starts or ends the sandbox's cluster", seconds=seconds)
        )

    with exclusive(NodeDirectory.of(home).lock, waiting):
        state = BuiltNode(home, progress).ensure()
    progress(Progress("node", "cluster open", seconds=time.monotonic() - began))
    return BuiltCluster(home, state, progress)


def _require_root() -> None:
    if os.geteuid() != 0:
        raise ClusterError(
            "The rehearsal's own cluster needs root: it creates namespaces, mounts and network links.",
            "Run it with sudo, or use an existing cluster with --context (or install kind and a container engine).",
        )

"""What every kind of cluster is to its users."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

from rehearsal.cluster.services import ServiceEndpoint, ServiceSpec
from rehearsal.registry.spec import RegistryEndpoint, RegistrySpec

Kind: TypeAlias = Literal["context", "kind", "built"]


class Cluster(ABC):
    """A cluster that answers.

    ``kubeconfig`` and ``context`` are how to reach it, ``kind`` what it is, ``node_ip`` the address of a node (empty where
    it is not known or not reachable from here).
    """

    kubeconfig: Path
    context: str
    kind: Kind
    node_ip: str

    @abstractmethod
    def registry(self, spec: RegistrySpec) -> RegistryEndpoint:
        """Serve ``spec`` to this cluster; does nothing when it is served already.

        Raises :class:`ClusterError` when this kind of cluster cannot, with what to do instead.
        """

    @abstractmethod
    def service(self, spec: ServiceSpec) -> ServiceEndpoint:
        """Run ``spec`` in this cluster; does nothing when it runs already.

        Raises :class:`ClusterError` when this kind of cluster cannot, with what to do instead.
        """

    @abstractmethod
    def ensure(self, objects: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """Make objects (each with its path in the API) that are not there; those that are stay as they are.

        Does nothing in a cluster that is not the rehearsal's own. Raises :class:`ClusterError`.
        """

    @abstractmethod
    def add_names(self, names: Mapping[str, str]) -> None:
        """Let pods resolve DNS names (``*.`` in front: all below) to IPv4 addresses; adds to what was added before."""

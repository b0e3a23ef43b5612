"""A Kubernetes cluster for a rehearsal: a given one, kind, or a node built from Go modules in its own namespaces."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rehearsal.cluster.built import BuiltCluster
    from rehearsal.cluster.cluster import Cluster
    from rehearsal.cluster.diagnosis import Check, doctor
    from rehearsal.cluster.errors import ClusterError, Progress
    from rehearsal.cluster.inspection import ProcessStatus, Status, status
    from rehearsal.cluster.opening import open_cluster
    from rehearsal.cluster.shutdown import down

__all__ = [
    "BuiltCluster",
    "Check",
    "Cluster",
    "ClusterError",
    "ProcessStatus",
    "Progress",
    "Status",
    "doctor",
    "down",
    "open_cluster",
    "status",
]

_MODULES = {
    "BuiltCluster": "built",
    "Check": "diagnosis",
    "Cluster": "cluster",
    "ClusterError": "errors",
    "ProcessStatus": "inspection",
    "Progress": "errors",
    "Status": "inspection",
    "doctor": "diagnosis",
    "down": "shutdown",
    "open_cluster": "opening",
    "status": "inspection",
}


def __getattr__(name: str) -> Any:
    # Loaded when asked for: the node's supervisor is a module of this package too, lives as long as the node, and needs
    # none of the libraries behind these names.
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)

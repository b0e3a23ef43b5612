"""A cluster that was there before: given by its kubeconfig context, used as it is."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from rehearsal.cluster import in_cluster
from rehearsal.cluster.api import install_operator_configuration
from rehearsal.cluster.cluster import Cluster
from rehearsal.cluster.errors import ClusterError, Progress, Report
from rehearsal.cluster.kubeconfig import kubeconfig_files, kubeconfig_of_context
from rehearsal.cluster.kubeconfig_api import KubeconfigApi
from rehearsal.cluster.paths import write_atomically
from rehearsal.cluster.services import ServiceEndpoint, ServiceSpec
from rehearsal.registry.spec import RegistryEndpoint, RegistrySpec


@dataclass(frozen=True, slots=True)
class Remembered:
    """A cluster that a home uses without having built it. ``name`` is kind's own name of it."""

    kind: Literal["context", "kind"]
    kubeconfig: str
    context: str
    name: str = ""


class ExistingCluster(Cluster):
    """A cluster whose nodes and DNS are not the rehearsal's to change."""

    def __init__(self, home: Path, remembered: Remembered, api: KubeconfigApi, report: Report) -> None:
        self.kubeconfig = Path(remembered.kubeconfig)
        self.context = remembered.context
        self.kind = remembered.kind
        self.node_ip = ""
        self.api = api
        self._home = home
        self._report = report

    def registry(self, spec: RegistrySpec) -> RegistryEndpoint:
        """A registry as Deployment and Service; see :mod:`rehearsal.cluster.in_cluster` for what it can be."""
        images = in_cluster.Images.from_environment(os.environ)
        return in_cluster.serve(self.api, self._home, spec, images, self._report)

    def service(self, spec: ServiceSpec) -> ServiceEndpoint:
        raise ClusterError(
            f"The rehearsal's {spec.name} cannot be served to the cluster {self.context}: its DNS and its nodes' container "
            "runtime are not the rehearsal's own, and production host names cannot lead to the emulators.",
            "Rehearse this stack in the built cluster (Linux, root): leave --context out.",
        )

    def ensure(self, objects: Sequence[tuple[str, dict[str, Any]]]) -> None:
        del objects  # here the cluster's owner creates the stack's prerequisites

    def add_names(self, names: Mapping[str, str]) -> None:
        raise ClusterError(
            f"The names {', '.join(names)} cannot be added to the DNS of the cluster {self.context}, which is not the "
            "rehearsal's own.",
            "Rehearse this stack in the built cluster (Linux, root), which answers any name.",
        )


def directory(home: Path) -> Path:
    """Where a home keeps what it knows of a cluster it has not built."""
    return home / "existing"


def open_context(home: Path, context: str | None, report: Report) -> ExistingCluster:
    """The cluster of a kubeconfig context, used as it is.

    It has to be named: the rehearsal creates and deletes objects, and a current context may be production. Raises
    :class:`ClusterError` when it is not named, not known or not reachable.
    """
    if not context:
        raise ClusterError(
            "An existing cluster is only used when its context is named: the current one may be production.",
            "Name it with --context; `kubectl config get-contexts` lists them.",
        )
    path = directory(home) / "kubeconfig"
    write_atomically(path, kubeconfig_of_context(context, kubeconfig_files(os.environ)))
    return opened(home, Remembered("context", str(path), context), report)


def opened(home: Path, remembered: Remembered, report: Report) -> ExistingCluster:
    """The cluster, after it has answered and has the OperatorConfiguration definition."""
    api = KubeconfigApi(Path(remembered.kubeconfig), remembered.context)
    version = api.version()
    report(Progress("kubernetes", f"cluster {remembered.context} answers: Kubernetes {version}"))
    install_operator_configuration(api)
    remember(home, remembered)
    return ExistingCluster(home, remembered, api, report)


def remember(home: Path, remembered: Remembered) -> None:
    """Make ``remembered`` the cluster that ``home`` uses, and ends."""
    write_atomically(directory(home) / "cluster.json", json.dumps(asdict(remembered), indent=1))


def recall(home: Path) -> Remembered | None:
    """The cluster that ``home`` last used, if it was not a built one."""
    try:
        return Remembered(**json.loads((directory(home) / "cluster.json").read_text()))
    except FileNotFoundError:
        return None


def trouble(remembered: Remembered) -> str | None:
    """What is wrong with a remembered cluster; None when it answers."""
    try:
        KubeconfigApi(Path(remembered.kubeconfig), remembered.context).version()
    except ClusterError as error:
        return error.message
    return None


def close(home: Path) -> list[str]:
    """Remove from a given cluster what the rehearsal put into it beside the stack's own resources, and forget it.

    The custom resource definition stays: removing it would remove every object of that kind.
    """
    remembered = recall(home)
    if remembered is None or remembered.kind != "context":
        return []
    ended: list[str] = []
    try:
        api = KubeconfigApi(Path(remembered.kubeconfig), remembered.context)
        if in_cluster.remove(api):
            ended.append(f"namespace {in_cluster.NAMESPACE} in the cluster {remembered.context}")
    except ClusterError as error:
        # A cluster that is gone holds nothing any more; one that is only away keeps a namespace the next `up` reuses.
        ended.append(f"nothing in the cluster {remembered.context}: {error.message}")
    shutil.rmtree(directory(home))
    return ended

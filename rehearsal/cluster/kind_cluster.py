"""A cluster of kind's, where a container engine runs: made for a home, and ended with it."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

import yaml

from rehearsal.cluster.errors import ClusterError, Progress, Report
from rehearsal.cluster.existing import ExistingCluster, Remembered, directory, opened, recall, remember
from rehearsal.toolchain.commands import run

_ENGINES = ("docker", "podman", "nerdctl")


def usable() -> bool:
    """Whether ``kind`` and a container engine that answers are there."""
    return shutil.which("kind") is not None and _engine() is not None


def open_kind(home: Path, report: Report) -> ExistingCluster:
    """The kind cluster of this home, made when there is none.

    Raises :class:`ClusterError` when kind or a container engine is missing, or with kind's own words.
    """
    if not usable():
        raise ClusterError(
            "A kind cluster needs the program kind and a container engine that runs; this machine lacks one of them.",
            "Install kind and start Docker or Podman, name an existing cluster with --context, or use the built cluster.",
        )
    known = recall(home)
    name = known.name if known is not None and known.name else f"mendix-rehearsal-{secrets.token_hex(3)}"
    kubeconfig = directory(home) / "kubeconfig"
    remembered = Remembered("kind", str(kubeconfig), f"kind-{name}", name)
    if name not in run(["kind", "get", "clusters"]).output.split():
        report(Progress("node", f"creating the kind cluster {name}"))
        # Before it is there: whatever becomes of this command, the next finds the cluster, and `down` ends it.
        remember(home, remembered)
        document = {"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4", "nodes": [{"role": "control-plane"}]}
        command = ["kind", "create", "cluster", "--name", name, "--kubeconfig", kubeconfig, "--wait", "120s"]
        made = run([*command, "--config", "-"], text=yaml.safe_dump(document))
        if not made.ok:
            raise ClusterError(f"kind could not create a cluster:\n{made.words()}", "Its own words are above.")
    return opened(home, remembered, report)


def close(home: Path) -> list[str]:
    """Delete the kind cluster of ``home``, if it has one. Raises :class:`ClusterError` when kind cannot."""
    known = recall(home)
    if known is None or known.kind != "kind":
        return []
    deleted = run(["kind", "delete", "cluster", "--name", known.name])
    if not deleted.ok:
        raise ClusterError(
            f"kind could not delete the cluster {known.name}: {deleted.words()}",
            f"Start the container engine and run `kind delete cluster --name {known.name}`.",
        )
    shutil.rmtree(directory(home))
    return [f"kind cluster {known.name}"]


def _engine() -> str | None:
    return next((e for e in _ENGINES if shutil.which(e) and run([e, "info"], seconds=10).ok), None)

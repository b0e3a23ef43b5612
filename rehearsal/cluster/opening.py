"""The one way in: a cluster for a rehearsal, whichever kind it is."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from rehearsal.cluster.cluster import Cluster
from rehearsal.cluster.errors import Report
from rehearsal.cluster.paths import NodeDirectory


def open_cluster(
    home: Path,
    *,
    context: str | None = None,
    kind: Literal["auto", "context", "kind", "built"] = "auto",
    progress: Report = lambda _: None,
) -> Cluster:
    """The cluster of the sandbox ``home``, started or found running.

    ``auto`` is ``context`` when a context is named, else ``kind`` where a container engine and the ``kind`` program
    work, else ``built``. Blocks until the cluster can run pods. Raises :class:`ClusterError`.
    """
    # Imported where it is used: what the other kinds need takes a tenth of a second of every command.
    if kind == "context" or (kind == "auto" and context is not None):
        from rehearsal.cluster.existing import open_context

        return open_context(home, context, progress)
    if kind == "kind" or (kind == "auto" and not NodeDirectory.of(home).state.exists()):
        from rehearsal.cluster import kind_cluster

        if kind == "kind" or kind_cluster.usable():
            return kind_cluster.open_kind(home, progress)
    from rehearsal.cluster.built import open_built

    return open_built(home, progress)

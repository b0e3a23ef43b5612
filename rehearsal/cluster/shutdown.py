"""Ends what a home started, and only that."""

from __future__ import annotations

import shutil
from pathlib import Path

from rehearsal.cluster import existing, kind_cluster
from rehearsal.cluster.launch import end_node
from rehearsal.cluster.paths import NodeDirectory
from rehearsal.cluster.state import NodeState
from rehearsal.toolchain.lock import exclusive


def down(home: Path, *, purge: bool = False) -> list[str]:
    """End the cluster of ``home``; gives a line for each thing that was ended or removed, none when there was nothing.

    The cluster's objects and images stay in the home, so that the next start finds what the stack's state lists;
    ``purge`` removes them too. A cluster that was given by its context is not touched beyond what the rehearsal put into
    it. Raises :class:`ClusterError` when a process survives being killed.
    """
    node = NodeDirectory.of(home)
    if not home.exists():
        return []
    with exclusive(node.lock):
        ended: list[str] = []
        state = NodeState.read(node)
        if state is not None:
            ended += end_node(state)
            state.with_changes(launcher=None, init=None).write(node)
            node.running.unlink(missing_ok=True)
        ended += existing.close(home) + kind_cluster.close(home)
        if purge and node.root.is_dir():
            shutil.rmtree(node.root)
            ended.append(f"data of the cluster in {node.root}")
        return ended

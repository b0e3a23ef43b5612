"""When the processes of the control plane are started again, and when they are left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from rehearsal.cluster import control_plane
from rehearsal.cluster.network import Subnet
from rehearsal.cluster.node_files import cloud_authority
from rehearsal.cluster.paths import NodeDirectory
from rehearsal.cluster.processes import ProcessSpec
from rehearsal.cluster.registry_files import sandbox_authority

SUBNET = Subnet(7)


@pytest.fixture
def node(tmp_path: Path) -> NodeDirectory:
    node = NodeDirectory.of(tmp_path)
    node.create()
    return node


def wanted(node: NodeDirectory) -> list[ProcessSpec]:
    certificates = control_plane.ensure_certificates(node.pki, SUBNET.node)
    control_plane.write_configuration(node, SUBNET, certificates)
    return control_plane.specifications(node, Path("/cache/kubernetes"), SUBNET, certificates)


def test_new_authorities_of_registries_restart_no_control_plane(node: NodeDirectory) -> None:
    """The first registry of each home did: ten seconds of every cold start, and a cluster that was gone meanwhile."""
    before = wanted(node)
    sandbox_authority(node)
    cloud_authority(node)
    assert wanted(node) == before


@pytest.mark.parametrize("name", ["kube-apiserver", "kubelet-server", "kubelet", "admin", "apiserver-kubelet"])
def test_programs_that_read_certificates_at_start_follow_renewals(node: NodeDirectory, name: str) -> None:
    before = {process.name: process for process in wanted(node)}
    (node.pki / f"{name}.crt").unlink()
    after = {process.name: process for process in wanted(node)}
    assert before.keys() == after.keys()
    assert {key for key in before if before[key] != after[key]} >= {"kube-apiserver", "kubelet"}

"""What the node's container runtime is told, checked by the programs that read it."""

from __future__ import annotations

import ipaddress
import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from rehearsal.cluster import containerd, node_files
from rehearsal.cluster.network import Subnet
from rehearsal.cluster.packages import CNI_DIRECTORIES, Tool
from rehearsal.cluster.paths import NodeDirectory

RUNTIME = Tool("containerd", "containerd").find()
CTR = Tool("ctr", "containerd").find()
ADDRESSES = Tool("host-local", "", plugin=True).find()
TEXT = containerd.configuration("/usr/lib/cni", "overlayfs", "/run/rehearsal/etc/runtime-specification.json")
CRI = "io.containerd.grpc.v1.cri"


@pytest.mark.skipif(RUNTIME is None, reason="needs containerd")
def test_containerd_reads_its_configuration_as_it_is_meant(tmp_path: Path) -> None:
    """Unknown keys it warns of; what is not in the dump has been ignored."""
    (tmp_path / "config.toml").write_text(TEXT)
    command = [str(RUNTIME), "--config", str(tmp_path / "config.toml"), "config", "dump"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "ignoring" not in done.stderr
    effective = tomllib.loads(done.stdout)

    def contains(whole: Any, part: Any, path: str = "") -> None:
        if isinstance(part, dict):
            for key, value in part.items():
                assert key in whole, f"{path}.{key}"
                contains(whole[key], value, f"{path}.{key}")
        else:
            assert whole == part, path

    contains(effective, tomllib.loads(TEXT))


def test_nothing_of_the_runtime_lies_outside_the_node() -> None:
    """Two nodes, or a containerd of the machine's own, would share it."""
    document = tomllib.loads(TEXT)
    plugins = document["plugins"]
    for path in (
        *(document["root"], document["state"], document["grpc"]["address"]),
        *(plugins[CRI]["cni"]["conf_dir"], plugins[CRI]["registry"]["config_path"]),
        plugins["io.containerd.internal.v1.opt"]["path"],
    ):
        # /run of a node is its own, see namespaces.mount_node_directory.
        assert path.startswith("/run/"), path


@pytest.mark.skipif(ADDRESSES is None, reason=f"needs the CNI plugin host-local in one of {CNI_DIRECTORIES}")
def test_a_pod_gets_an_address_and_a_route(tmp_path: Path) -> None:
    """The plugin itself is asked, as containerd does (CNI specification, section 4: ADD)."""
    subnet = Subnet(7)
    network = json.loads(containerd.pod_network(subnet))
    (plugin,) = network["plugins"]
    plugin |= {"cniVersion": network["cniVersion"], "name": network["name"]}
    plugin["ipam"] |= {"dataDir": str(tmp_path)}
    environment = {
        "CNI_COMMAND": "ADD",
        "CNI_CONTAINERID": "pod",
        "CNI_NETNS": "/proc/self/ns/net",
        "CNI_IFNAME": "eth0",
        "CNI_PATH": str(Path(str(ADDRESSES)).parent),
    }
    done = subprocess.run([str(ADDRESSES)], input=json.dumps(plugin), env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    result = json.loads(done.stdout)
    address = ipaddress.IPv4Interface(result["ips"][0]["address"])
    assert address.network == ipaddress.IPv4Network(subnet.pods)
    assert result["routes"] == [{"dst": "0.0.0.0/0"}]


@pytest.mark.skipif(CTR is None, reason="needs ctr")
def test_every_container_gets_the_clouds_and_the_machines_authorities(tmp_path: Path) -> None:
    """And not the registries' own: to trust that is the stack file's decision."""
    node = NodeDirectory.of(tmp_path)
    node.create()
    path = node_files.write_runtime_specification(node)
    mounts = json.loads(path.read_text())["mounts"]
    (mount,) = [mount for mount in mounts if mount["destination"] == "/etc/ssl/certs/ca-certificates.crt"]
    assert "ro" in mount["options"]
    assert {"/proc", "/dev", "/sys"} <= {mount["destination"] for mount in mounts}, "containerd's own are kept"
    bundle = node.configuration / "trust-bundle.pem"
    assert mount["source"] == node.inside(bundle)
    text = bundle.read_text()
    assert node_files.cloud_authority(node).certificate.read_text() in text
    assert text.count("BEGIN CERTIFICATE") >= 1
    assert bundle.stat().st_mode & 0o004, "read by users of images"
    assert path.read_text() == node_files.write_runtime_specification(node).read_text()


def test_without_a_service_a_node_pulls_anonymously(tmp_path: Path) -> None:
    """The kubelet's protocol: kubernetes.io/docs/reference/config-api/kubelet-credentialprovider.v1."""
    node = NodeDirectory.of(tmp_path)
    node.create()
    node_files.write_credential_provider(node)
    files = node_files.credential_provider_files(node)
    (program,) = files.programs.iterdir()
    assert program.stat().st_mode & 0o777 == 0o700
    request = {
        "apiVersion": "credentialprovider.kubelet.k8s.io/v1",
        "kind": "CredentialProviderRequest",
        "image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/a:1",
    }
    environment = {"REHEARSAL_SERVICE_SETTINGS": str(tmp_path / "absent.json")}
    assert program.read_text().startswith(f"#!{sys.executable} ")
    done = subprocess.run([str(program)], input=json.dumps(request), env=environment, capture_output=True, text=True)
    answer = json.loads(done.stdout)
    assert (answer["apiVersion"], answer["kind"]) == (request["apiVersion"], "CredentialProviderResponse")
    assert answer["cacheKeyType"] in ("Image", "Registry", "Global")
    assert answer["auth"] == {}

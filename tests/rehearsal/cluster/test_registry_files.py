"""What a node's registries, its container runtime and its DNS are told of one another."""

from __future__ import annotations

import os
import ssl
import stat
import tomllib
from pathlib import Path, PurePosixPath
from typing import Any

import bcrypt
import pytest
import yaml
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store

from rehearsal.cluster import registry_files
from rehearsal.cluster.containerd import hosts_file, write_registry_hosts
from rehearsal.cluster.network import Subnet
from rehearsal.cluster.paths import INSIDE, NodeDirectory
from rehearsal.cluster.registry_files import ServedRegistry, remember, served, write_password
from rehearsal.registry import RegistrySpec

SUBNET = Subnet(7)
HOST_KEYS = {"capabilities", "ca", "client", "skip_verify", "header", "override_path", "dial_timeout"}
"""Of a host in hosts.toml, as containerd's docs/hosts.md has them."""


@pytest.fixture
def node(tmp_path: Path) -> NodeDirectory:
    node = NodeDirectory.of(tmp_path)
    node.create()
    return node


def outside(node: NodeDirectory, path: str) -> Path:
    return node.root / PurePosixPath(path).relative_to(INSIDE)


def runtime(node: NodeDirectory) -> dict[str, Any]:
    """containerd's registry map: by host, what is in its hosts.toml."""
    certificates = node.configuration / "certs.d"
    return {path.name: tomllib.loads((path / "hosts.toml").read_text()) for path in certificates.iterdir()}


def two(**changes: str) -> list[ServedRegistry]:
    return [
        ServedRegistry(
            changes.get("a", "a.example.com:5000"), changes.get("a_pull", "localhost:32000"), "builder", True, 0
        ),
        ServedRegistry(changes.get("b", "b.example.com"), changes.get("b_pull", "b.example.com"), "", False, 1),
    ]


def test_the_runtime_finds_each_registry_by_both_hosts(node: NodeDirectory) -> None:
    remember(node, two())
    registry_files.write_configuration(node, SUBNET, {"gcr.io": hosts_file("198.18.7.250", "/ca.crt", tls=True)})
    found = runtime(node)
    assert set(found) == {"a.example.com:5000", "localhost:32000", "b.example.com", "gcr.io"}
    assert found["localhost:32000"] == found["a.example.com:5000"]
    for host, address in (
        ("a.example.com:5000", "https://198.18.7.129:5000"),
        ("b.example.com", "http://198.18.7.130:80"),
    ):
        assert found[host]["server"] == address
        ((url, entry),) = found[host]["host"].items()
        assert url == address
        assert set(entry) <= HOST_KEYS
        assert set(entry["capabilities"]) == {"pull", "resolve"}
    ca = found["localhost:32000"]["host"]["https://198.18.7.129:5000"]["ca"]
    ssl.create_default_context(cafile=str(outside(node, ca)))
    assert "ca" not in found["b.example.com"]["host"]["http://198.18.7.130:80"]


def test_hosts_of_a_registry_that_is_gone_are_gone(node: NodeDirectory) -> None:
    write_registry_hosts(node, {"a.example.com": "x", "b.example.com": "y"})
    before = (node.configuration / "certs.d" / "b.example.com" / "hosts.toml").stat()
    write_registry_hosts(node, {"b.example.com": "y"})
    (left,) = (node.configuration / "certs.d").iterdir()
    assert left.name == "b.example.com"
    assert (left / "hosts.toml").stat().st_ino == before.st_ino


def test_each_registry_serves_a_certificate_for_its_hosts(node: NodeDirectory) -> None:
    remember(node, two())
    processes, names = registry_files.write_configuration(node, SUBNET, {})
    assert names == {"a.example.com": "198.18.7.129", "b.example.com": "198.18.7.130"}
    a, b = (yaml.safe_load(outside(node, process.argv[-1]).read_text()) for process in processes)
    assert (a["http"]["addr"], b["http"]["addr"]) == ("198.18.7.129:5000", "198.18.7.130:80")
    assert a["http"]["secret"] != b["http"]["secret"]
    assert a["storage"]["filesystem"] != b["storage"]["filesystem"]
    assert "tls" not in b["http"]
    assert "auth" not in b
    authority = x509.load_pem_x509_certificate((node.pki / "sandbox-ca.crt").read_bytes())
    leaf = x509.load_pem_x509_certificate(outside(node, a["http"]["tls"]["certificate"]).read_bytes())
    builder = PolicyBuilder().store(Store([authority]))
    for name in ("a.example.com", "localhost"):
        builder.build_server_verifier(x509.DNSName(name)).verify(leaf, [])
    for process in processes:
        assert not {"a.example.com:5000", "builder"} & set(process.environment.values())


def test_every_container_trusts_public_registries_and_no_other(node: NodeDirectory) -> None:
    def issuer(public: bool) -> str:
        remember(node, [ServedRegistry("a.example.com", "a.example.com", "", True, 0, public)])
        registry_files.write_configuration(node, SUBNET, {})
        return runtime(node)["a.example.com"]["host"]["https://198.18.7.129:443"]["ca"]

    assert outside(node, issuer(True)).parent == node.pki / "clouds"
    assert outside(node, issuer(False)) == node.pki / "sandbox-ca.crt"


def test_a_pull_host_never_redirects_another_registrys_push_host(node: NodeDirectory) -> None:
    """On another port it is another registry to nodes; to DNS it is one name."""
    for registries in (two(b_pull="a.example.com:32000"), two(a="b.example.com:5000", a_pull="z:1", b="z", b_pull="z")):
        remember(node, registries)
        _, names = registry_files.write_configuration(node, SUBNET, {})
        for registry in registries:
            name = registry.push_host.partition(":")[0]
            assert names[name] == SUBNET.registry(registry.number), registry


def test_a_new_host_restarts_only_its_registry(node: NodeDirectory) -> None:
    def processes(registries: list[ServedRegistry]) -> list[Any]:
        remember(node, registries)
        return registry_files.write_configuration(node, SUBNET, {})[0]

    write_password(node, RegistrySpec("a.example.com:5000", "localhost:32000", "builder", "first"))
    before = processes(two())
    write_password(node, RegistrySpec("a.example.com:5000", "localhost:32000", "builder", "second"))
    assert processes(two()) == before
    after = processes(two(a_pull="pull.example.com"))
    assert [one == other for one, other in zip(before, after, strict=True)] == [False, True]


def test_the_password_is_a_hash_in_a_private_file(node: NodeDirectory) -> None:
    spec = RegistrySpec("a.example.com:5000", "localhost:32000", "builder", "canary")
    write_password(node, spec)
    remember(node, two())
    registry_files.write_configuration(node, SUBNET, {})
    (file,) = node.configuration.rglob("htpasswd")
    user, _, hashed = file.read_text().strip().partition(":")
    assert user == "builder"
    assert bcrypt.checkpw(b"canary", hashed.encode())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    inode = file.stat().st_ino
    write_password(node, spec)
    assert file.stat().st_ino == inode, "the registry reads it again when it changes"
    for directory, _, files in os.walk(node.root):
        for name in files:
            assert b"canary" not in Path(directory, name).read_bytes()


def test_registries_are_remembered_as_they_are(node: NodeDirectory) -> None:
    assert served(node) == []
    remember(node, two()[::-1])
    assert served(node) == two()


def test_a_node_on_another_subnet_gets_new_certificates(node: NodeDirectory) -> None:
    remember(node, two())
    (before, *_), _ = registry_files.write_configuration(node, SUBNET, {})
    (after, *_), names = registry_files.write_configuration(node, Subnet(8), {})
    assert before.content != after.content, "the process that reads them is restarted"
    assert names["a.example.com"] == "198.18.8.129"
    (path,) = node.configuration.glob("registries/a-example-com*/server.crt")
    names_ = x509.load_pem_x509_certificate(path.read_bytes()).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert [str(address) for address in names_.value.get_values_for_type(x509.IPAddress)] == ["198.18.8.129"]

"""The files of a built node's registries, and the processes that read them."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from rehearsal.cluster import pki
from rehearsal.cluster.containerd import hosts_file, write_registry_hosts
from rehearsal.cluster.network import Subnet
from rehearsal.cluster.node_files import cloud_authority
from rehearsal.cluster.paths import INSIDE, NodeDirectory, cache_directory, write_atomically
from rehearsal.cluster.pki import Pair
from rehearsal.cluster.processes import ProcessSpec
from rehearsal.registry.configuration import directory_name, distribution_configuration, htpasswd
from rehearsal.registry.spec import HostPort, RegistrySpec
from rehearsal.toolchain.programs import REGISTRY


@dataclass(frozen=True, slots=True)
class ServedRegistry:
    """A registry of the node as it is remembered: everything but the password, of which only the hash is kept."""

    push_host: str
    pull_host: str
    username: str
    tls: bool
    number: int
    public: bool = False


def served(node: NodeDirectory) -> list[ServedRegistry]:
    """The registries this node serves."""
    try:
        entries = json.loads((node.root / "registries.json").read_text())
    except FileNotFoundError:
        return []
    return [ServedRegistry(**entry) for entry in entries]


def remember(node: NodeDirectory, registries: list[ServedRegistry]) -> None:
    """Make ``registries`` the ones this node serves."""
    entries = [asdict(registry) for registry in sorted(registries, key=lambda registry: registry.number)]
    write_atomically(node.root / "registries.json", json.dumps(entries, indent=1))


def sandbox_authority(node: NodeDirectory) -> Pair:
    """The authority of the registries' certificates."""
    return pki.ensure_authority(node.pki, "sandbox-ca", "mendix-registry rehearsal sandbox")


def authority_of(node: NodeDirectory, *, public: bool) -> Pair:
    """Who issues a registry's certificate: for a ``public`` one the authority that every container trusts."""
    return cloud_authority(node) if public else sandbox_authority(node)


def write_password(node: NodeDirectory, spec: RegistrySpec) -> None:
    """Write the registry's password file, which it reads again by itself."""
    path = _directory(node, spec.push_host) / "htpasswd"
    present = path.read_text() if path.is_file() else ""
    write_atomically(path, htpasswd(spec, present))


def write_configuration(
    node: NodeDirectory, subnet: Subnet, more_hosts: Mapping[str, str]
) -> tuple[list[ProcessSpec], dict[str, str]]:
    """Write the files of every registry for the node's present addresses; ``more_hosts`` are containerd's files of further hosts.

    Gives the processes that read them and the names (to addresses) that the node's DNS has to answer.
    """
    hosts: dict[str, str] = dict(more_hosts)
    names: dict[str, str] = {}
    own_names: dict[str, str] = {}
    processes: list[ProcessSpec] = []
    for registry in served(node):
        spec = _spec(registry)
        address = subnet.registry(registry.number)
        authority = node.inside(authority_of(node, public=registry.public).certificate)
        processes.append(_process(node, subnet, registry))
        for host in (registry.pull_host, registry.push_host):
            hosts.setdefault(host, hosts_file(f"{address}:{spec.port}", authority, tls=registry.tls))
        names.update(dict.fromkeys(spec.dns_names, address))
        own_names[HostPort.parse(registry.push_host, "push_host").name] = address
    write_registry_hosts(node, hosts)
    # Pods push by these: another registry's pull host on another port must not lead them elsewhere.
    return processes, {name: own_names.get(name, address) for name, address in names.items()}


def _process(node: NodeDirectory, subnet: Subnet, registry: ServedRegistry) -> ProcessSpec:
    name = directory_name(registry.push_host)
    spec = _spec(registry)
    address = subnet.registry(registry.number)
    directory = _directory(node, registry.push_host)
    authority = authority_of(node, public=registry.public)
    pair = pki.ensure_server(directory, "server", authority, [*spec.host_names, address])
    secret = directory / "secret"
    if not secret.is_file():
        write_atomically(secret, secrets.token_hex(32))
    text = distribution_configuration(
        spec,
        f"{address}:{spec.port}",
        storage=INSIDE / "data" / "registries" / name,
        htpasswd=Path(node.inside(directory / "htpasswd")),
        certificate=Path(node.inside(pair.certificate)),
        key=Path(node.inside(pair.key)),
        secret=secret.read_text(),
    )
    write_atomically(directory / "config.yml", text)
    # The password file is not part of this: the registry reads it again when it changes.
    content = hashlib.sha256(text.encode() + pair.certificate.read_bytes()).hexdigest()
    return ProcessSpec(
        f"registry {registry.push_host}",
        (str(REGISTRY.cached(cache_directory())), "serve", node.inside(directory / "config.yml")),
        str(INSIDE / "logs" / f"registry-{name}.log"),
        {"OTEL_TRACES_EXPORTER": "none"},
        content,
    )


def _spec(registry: ServedRegistry) -> RegistrySpec:
    # The password itself is not remembered, and only its presence matters to the configuration.
    password = "in htpasswd" if registry.username else ""
    return RegistrySpec(
        registry.push_host, registry.pull_host, registry.username, password, registry.tls, registry.public
    )


def _directory(node: NodeDirectory, push_host: str) -> Path:
    return node.configuration / "registries" / directory_name(push_host)

"""Runs a service of the rehearsal in a built node: a Python module as a supervised process on its own address, found by pods
under any names, trusted by every container.

The cluster knows nothing of what a service does. It gives it a file with its settings, to which it adds what only the cluster
knows (addresses, files, the token that authenticates the node), and applies the objects that the service asks for.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import ssl
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from rehearsal.cluster import pki
from rehearsal.cluster.answers import UNREACHABLE, status
from rehearsal.cluster.containerd import hosts_file
from rehearsal.cluster.control_plane import API_PORT, ISSUER
from rehearsal.cluster.errors import ClusterError, Progress, Report
from rehearsal.cluster.network import Subnet
from rehearsal.cluster.node_files import cloud_authority
from rehearsal.cluster.paths import INSIDE, NodeDirectory, write_atomically
from rehearsal.cluster.pki import Pair
from rehearsal.cluster.processes import ProcessSpec

_PROJECT = Path(__file__).resolve().parents[2]
_READY_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """A service.

    ``module`` is run as ``python -m module SETTINGS``; ``sources`` are the directories (below ``rehearsal/``)
    whose change restarts it.
    ``settings`` goes into the file, which the service reads again at SIGHUP. ``names`` are DNS names that lead to it,
    ``registry_hosts`` those from which nodes pull through it.
    ``health`` is a host name under which ``https://address/DIGEST`` answers 200 once the file with that digest (SHA-256) is served.
    ``objects`` makes the Kubernetes objects it needs, each with its path, from its address and the authority of its certificate
    (PEM); the user ``user`` has a client certificate.
    """

    name: str
    module: str
    sources: tuple[str, ...]
    settings: Mapping[str, Any]
    names: tuple[str, ...]
    registry_hosts: tuple[str, ...]
    health: str
    user: str
    objects: Callable[[str, str], Sequence[tuple[str, dict[str, Any]]]]


@dataclass(frozen=True, slots=True)
class ServiceEndpoint:
    """A service that answers: its address, and the file with its certificate's authority."""

    address: str
    authority: Path


def remember(node: NodeDirectory, spec: ServiceSpec) -> None:
    """Make ``spec`` a service of this node."""
    entry = {
        "module": spec.module,
        "sources": list(spec.sources),
        "settings": dict(spec.settings),
        "names": list(spec.names),
        "registry_hosts": list(spec.registry_hosts),
        "user": spec.user,
    }
    entries = {**_remembered(node), spec.name: entry}
    # With passwords of the sandbox: readable by their owner only, as write_atomically's default is.
    write_atomically(node.root / "services.json", json.dumps(entries, indent=1, sort_keys=True))


def write_configuration(
    node: NodeDirectory, subnet: Subnet
) -> tuple[list[ProcessSpec], dict[str, str], dict[str, str]]:
    """Write the settings of every service for the node's present addresses.

    Gives the processes, the names (to addresses) for the node's DNS, and containerd's host files by registry host.
    """
    processes: list[ProcessSpec] = []
    names: dict[str, str] = {}
    hosts: dict[str, str] = {}
    authority = cloud_authority(node)
    for name, entry in _remembered(node).items():
        processes.append(_process(node, subnet, name, entry, authority))
        names.update(dict.fromkeys(entry["names"], subnet.service))
        for host in entry["registry_hosts"]:
            # By address: the runtime then states which registry it means (the parameter "ns" of its mirror protocol).
            hosts[host] = hosts_file(subnet.service, node.inside(authority.certificate), tls=True)
    return processes, names, hosts


def endpoint(node: NodeDirectory, subnet: Subnet, name: str) -> ServiceEndpoint | None:
    """Where a service of this node is to be found; None where it has none of that name."""
    if name not in _remembered(node):
        return None
    return ServiceEndpoint(subnet.service, cloud_authority(node).certificate)


def await_answer(node: NodeDirectory, subnet: Subnet, spec: ServiceSpec, report: Report) -> ServiceEndpoint:
    """Wait until the service answers by its present settings. Raises :class:`ClusterError`."""
    authority = cloud_authority(node).certificate
    settings = hashlib.sha256(_settings(node, spec.name).read_bytes()).hexdigest()
    context = ssl.create_default_context(cafile=str(authority))
    began = time.monotonic()
    last = ""
    while time.monotonic() - began < _READY_SECONDS:
        try:
            answered = status(subnet.service, f"/{settings}", context, {"Host": spec.health})
        except UNREACHABLE as error:
            last = str(error)
        else:
            if answered == HTTPStatus.OK:
                report(Progress(spec.name, f"{spec.name} answer", seconds=time.monotonic() - began))
                return ServiceEndpoint(subnet.service, authority)
            last = f"status {answered}"
        report(Progress(spec.name, f"waiting for {spec.name}", seconds=time.monotonic() - began))
        time.sleep(0.1)
    log = node.logs / f"service-{spec.name}.log"
    raise ClusterError(f"The rehearsal's {spec.name} did not answer at https://{subnet.service}: {last}", f"See {log}.")


def _remembered(node: NodeDirectory) -> dict[str, dict[str, Any]]:
    try:
        return json.loads((node.root / "services.json").read_text())
    except FileNotFoundError:
        return {}


def _process(node: NodeDirectory, subnet: Subnet, name: str, entry: Mapping[str, Any], authority: Pair) -> ProcessSpec:
    directory = node.configuration / "services" / name
    cluster_authority = Pair.named(node.pki, "cluster-ca")
    client = pki.ensure_client(directory, "client", cluster_authority, entry["user"])
    token = directory / "node-token"
    if not token.is_file():
        write_atomically(token, secrets.token_urlsafe(32))
    settings = {
        **entry["settings"],
        "node_token": token.read_text(),
        "address": subnet.service,
        "data": str(INSIDE / "data" / "services" / name),
        "authority": node.inside(authority.certificate),
        "authority_key": node.inside(authority.key),
        "api_server": f"https://127.0.0.1:{API_PORT}",
        "api_server_authority": node.inside(cluster_authority.certificate),
        "client_certificate": node.inside(client.certificate),
        "client_key": node.inside(client.key),
        "issuer": ISSUER,
    }
    text = json.dumps(settings, indent=1, sort_keys=True)
    write_atomically(_settings(node, name), text)
    return ProcessSpec(
        f"service {name}",
        (sys.executable, "-m", entry["module"], node.inside(_settings(node, name))),
        str(INSIDE / "logs" / f"service-{name}.log"),
        # With byte code, whatever the machine sets: without it each start compiles the service's libraries again.
        {"PYTHONPATH": str(_PROJECT)},
        _digest(authority, client, entry["sources"]),
        hashlib.sha256(text.encode()).hexdigest(),
    )


def _settings(node: NodeDirectory, name: str) -> Path:
    return node.configuration / "services" / name / "settings.json"


def _digest(authority: Pair, client: Pair, sources: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for path in (authority.certificate, client.certificate):
        digest.update(path.read_bytes())
    for source in sources:
        for path in sorted((_PROJECT / "rehearsal" / source).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()

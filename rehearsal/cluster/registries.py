"""Serves registries in a built node: each a supervised process on its own address."""

from __future__ import annotations

import ssl
import time
from dataclasses import replace
from http import HTTPStatus

from rehearsal.cluster.answers import UNREACHABLE, basic_authentication, status
from rehearsal.cluster.errors import ClusterError, Progress, Report
from rehearsal.cluster.images import CLIENT_REPOSITORY
from rehearsal.cluster.node import BuiltNode
from rehearsal.cluster.paths import NodeDirectory
from rehearsal.cluster.registry_files import ServedRegistry, authority_of, remember, served, write_password
from rehearsal.cluster.state import NodeState
from rehearsal.registry.configuration import directory_name
from rehearsal.registry.spec import HostPort, RegistryEndpoint, RegistrySpec

_READY_SECONDS = 20.0
_HIGHEST_NUMBER = 120


def client_image(state: NodeState) -> str:
    """Digest reference of the client image that the node holds."""
    return next(image for image in state.images if image.startswith(f"{CLIENT_REPOSITORY}@"))


def serve(built: BuiltNode, state: NodeState, spec: RegistrySpec, report: Report) -> RegistryEndpoint:
    """Serve ``spec`` and wait until it answers.

    Unchanged it is left alone. A new user or password is taken up by the running registry; a new host name, address or
    transport restarts that one registry, never the cluster. Raises :class:`ClusterError`.
    """
    node = built.directory
    subnet = state.subnet
    if subnet is None:
        raise ClusterError("The sandbox's cluster is not running.", "Start it with `rehearse up`.")
    others = [
        _without_hosts_of(spec, registry, report) for registry in served(node) if registry.push_host != spec.push_host
    ]
    number = _number(node, spec.push_host)
    own = ServedRegistry(spec.push_host, spec.pull_host, spec.username, spec.tls, number, spec.public)
    write_password(node, spec)
    remember(node, [*others, own])
    built.apply(state)
    authority = authority_of(node, public=spec.public).certificate if spec.tls else None
    endpoint = RegistryEndpoint(
        ca_pem=authority.read_text() if authority else "",
        client_image=client_image(state),
        address=f"{subnet.registry(number)}:{spec.port}",
        authority=authority,
    )
    _await_answer(built, endpoint, spec, report)
    return endpoint


def end(built: BuiltNode, state: NodeState, push_host: str) -> None:
    """End a registry and forget it: its names are free again, its images stay on disk."""
    node = built.directory
    remember(node, [registry for registry in served(node) if registry.push_host != push_host])
    built.apply(state)


def _number(node: NodeDirectory, push_host: str) -> int:
    taken = {registry.push_host: registry.number for registry in served(node)}
    if push_host in taken:
        return taken[push_host]
    # A name has one address: registries that differ only in their port share it.
    name = HostPort.parse(push_host, "push_host").name
    shared = [taken[host] for host in taken if HostPort.parse(host, "push_host").name == name]
    if shared:
        return shared[0]
    free = next((n for n in range(_HIGHEST_NUMBER + 1) if n not in taken.values()), None)
    if free is None:
        raise ClusterError(
            f"The rehearsal's node already serves {len(taken)} registries and has no address for {push_host}.",
            "End it with `rehearse down --purge` and start it again.",
        )
    return free


def _without_hosts_of(spec: RegistrySpec, other: ServedRegistry, report: Report) -> ServedRegistry:
    """``other`` without a pull host that is a host of ``spec``: it leads to one registry at a time, that of the stack that
    was brought up last.

    Two stacks for two clusters may well call their registries by one name, as each MicroK8s' add-on is ``localhost:32000``; the
    rehearsal has one cluster for both. Where the name is the other's own, pods push to it under that name, and it stays.
    """
    if spec.pull_host == other.push_host:
        raise ClusterError(
            f"The pull host {spec.pull_host} is the registry that another stack pushes to: nodes would pull what was not pushed "
            f"to {spec.push_host}.",
            "Give this stack's registry its own pull host, or end the other with `rehearse down --purge`.",
        )
    if other.pull_host not in (spec.pull_host, spec.push_host):
        return other
    report(
        Progress(
            "registry",
            f"{other.pull_host} leads nodes to {spec.push_host} now, no longer to {other.push_host} of another stack",
        )
    )
    return replace(other, pull_host=other.push_host)


def _await_answer(built: BuiltNode, endpoint: RegistryEndpoint, spec: RegistrySpec, report: Report) -> None:
    context = ssl.create_default_context(cadata=endpoint.ca_pem) if spec.tls else None
    headers = basic_authentication(spec.username, spec.password) if spec.username else {}
    began = time.monotonic()
    last = ""
    while time.monotonic() - began < _READY_SECONDS:
        try:
            answered = status(endpoint.address, "/v2/", context, headers)
        except UNREACHABLE as error:
            last = str(error)
        else:
            if answered == HTTPStatus.OK:
                report(Progress("registry", f"registry {spec.push_host} answers", seconds=time.monotonic() - began))
                return
            last = f"status {answered}"
        time.sleep(0.05)
    log = built.directory.logs / f"registry-{directory_name(spec.push_host)}.log"
    raise ClusterError(f"The registry {spec.push_host} did not answer at {endpoint.address}: {last}", f"See {log}.")

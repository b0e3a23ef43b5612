"""The node's DNS: dnsmasq with exactly the names of the rehearsal; every other name does not exist."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from rehearsal.cluster.errors import ClusterError
from rehearsal.cluster.network import SERVICE_ADDRESS, Subnet
from rehearsal.cluster.packages import locate
from rehearsal.cluster.paths import INSIDE, NodeDirectory, write_atomically
from rehearsal.cluster.processes import ProcessSpec

_NAME = re.compile(r"(\*\.)?([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)+[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def checked(names: Mapping[str, str]) -> dict[str, str]:
    """``names`` (DNS name, ``*.`` in front for all below it, to IPv4 address) if dnsmasq can serve them.

    Raises :class:`ClusterError` naming the first that is no DNS name.
    """
    for name in names:
        if not _NAME.fullmatch(name):
            raise ClusterError(
                f"{name!r} is not a DNS name that the rehearsal's cluster can answer.",
                "Give a lower-case name with at least one dot, without port, or `*.` and such a name.",
            )
    return dict(names)


def configuration(subnet: Subnet, names: Mapping[str, str]) -> str:
    """dnsmasq.conf. No upstream server: nothing a pod looks up leaves the machine."""
    own = {
        "kubernetes.default.svc.cluster.local": SERVICE_ADDRESS,
        "kubernetes.default.svc": SERVICE_ADDRESS,
        "host.rehearsal.internal": subnet.host,
        "node.rehearsal.internal": subnet.node,
    }
    lines = [
        "keep-in-foreground",
        "log-facility=-",
        "user=root",
        "pid-file=",
        "no-resolv",
        "no-hosts",
        "no-poll",
        f"listen-address={subnet.node},127.0.0.1",
        "bind-interfaces",
        "local-ttl=1",
        # Without an address this makes every other name not exist; the default refuses, which clients try again.
        "address=/#/",
    ]
    for name, address in sorted({**own, **names}.items()):
        if name.startswith("*."):
            # Without "local" such a name does not exist for a question of another type, as IPv6: musl then takes it for none.
            lines += [f"address=/{name[2:]}/{address}", f"local=/{name[2:]}/"]
        else:
            lines.append(f"host-record={name},{address}")
    return "\n".join(lines) + "\n"


def write_configuration(node: NodeDirectory, subnet: Subnet, names: Mapping[str, str]) -> ProcessSpec:
    """Write dnsmasq's file and give the process that reads it."""
    path = node.configuration / "dnsmasq.conf"
    text = configuration(subnet, names)
    write_atomically(path, text)
    return ProcessSpec(
        "dnsmasq",
        (str(locate("dnsmasq")), f"--conf-file={node.inside(path)}"),
        str(INSIDE / "logs" / "dnsmasq.log"),
        content=hashlib.sha256(text.encode()).hexdigest(),
    )

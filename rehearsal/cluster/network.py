"""The link between this machine and a built node: a veth pair with its own subnet."""

from __future__ import annotations

import contextlib
import ipaddress
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rehearsal.cluster.errors import ClusterError
from rehearsal.cluster.packages import locate
from rehearsal.toolchain.commands import run
from rehearsal.toolchain.lock import exclusive

MACHINE_LOCK = Path("/run/lock/mendix-rehearsal.lock")
"""Held while a subnet is chosen or released, by every rehearsal of the machine whatever its home or cache."""

SERVICE_RANGE = "10.96.0.0/16"
SERVICE_ADDRESS = "10.96.0.1"
METADATA_ADDRESSES = ("169.254.169.252/32", "169.254.169.254/32", "169.254.170.23/32")
"""Where clouds serve credentials to pods (GKE's and every VM's metadata server, EKS's Pod Identity agent). They
are the node's own, so that
an emulator can listen there, and a client that asks in vain is refused at once instead of waiting."""
_LAST_INDEX = 255
_LINK_PREFIX = "mxrehearsal"
_INTERFACES = Path("/sys/class/net")


@dataclass(frozen=True, slots=True)
class Subnet:
    """Addresses of one node.

    From 198.18.0.0/15, which RFC 2544 keeps for tests inside one site: no route of a laptop or its VPN leads there.
    """

    index: int

    @property
    def network(self) -> str:
        return f"198.18.{self.index}.0/24"

    @property
    def host(self) -> str:
        """This machine's address, as pods see it."""
        return f"198.18.{self.index}.1"

    @property
    def node(self) -> str:
        return f"198.18.{self.index}.2"

    @property
    def local_range(self) -> str:
        """Addresses that are all the node's own, for registries."""
        return f"198.18.{self.index}.128/25"

    def registry(self, number: int) -> str:
        """The address of the registry ``number`` (0-120)."""
        return f"198.18.{self.index}.{129 + number}"

    @property
    def service(self) -> str:
        """The address of the rehearsal's own services (the emulated clouds)."""
        return f"198.18.{self.index}.250"

    @property
    def pods(self) -> str:
        return f"198.19.{self.index}.0/24"

    @property
    def link(self) -> str:
        """Name of the host's end of the pair."""
        return f"{_LINK_PREFIX}{self.index}"

    @property
    def peer(self) -> str:
        """Name of the other end until it is moved into the node."""
        return f"mxrehpeer{self.index}"


def free_subnet(preferred: int | None, taken: set[int] | None = None) -> Subnet | None:
    """The first subnet that no interface or route of this machine touches, ``preferred`` first."""
    used = taken if taken is not None else _used_indexes()
    candidates = [preferred] if preferred is not None else []
    for index in [*candidates, *range(_LAST_INDEX + 1)]:
        if index not in used:
            return Subnet(index)
    return None


def claim_subnet(preferred: int | None, owner: str) -> Subnet:
    """Choose a free subnet and make its link, which is what claims it for ``owner``. Raises :class:`ClusterError`."""
    with exclusive(MACHINE_LOCK):
        # No one else is in the middle of a claim: a link without an owner is of one that was killed there.
        _remove_links("", owner)
        subnet = free_subnet(preferred)
        if subnet is None:
            raise ClusterError(
                "No subnet of 198.18.0.0/15 is free for another rehearsal: interfaces or routes of this machine cover all.",
                "Look at `ip route` and `rehearse status`; end rehearsals that are not used with `rehearse down`.",
            )
        try:
            _ip(
                f"link add {subnet.link} type veth peer name {subnet.peer}",
                f"link set {subnet.link} alias {owner}",
                f"addr add {subnet.host}/24 dev {subnet.link}",
                f"link set {subnet.link} up",
            )
        except ClusterError:
            _remove_links("", owner)
            raise
    return subnet


def join_node(subnet: Subnet, init: int, interface: str) -> None:
    """Move the other end of the link into the network namespace of process ``init``, and route its pods."""
    _ip(
        f"link set {subnet.peer} netns {init} name {interface}",
        f"route replace {subnet.pods} via {subnet.node} dev {subnet.link} onlink",
    )


def release_subnet(owner: str) -> list[str]:
    """Remove the links of ``owner`` (and with them their routes) that are still there, and give their names: the kernel removes
    a link with the node's namespace.

    The owner is asked for, not the name that a home remembers: another home's node may have that since. Under the lock, because
    the kernel may remove the link at any moment, and a claim would make another of the same name before it is removed here.
    """
    if owner not in _links().values():
        return []
    with exclusive(MACHINE_LOCK):
        return _remove_links(owner)


def _remove_links(*owners: str) -> list[str]:
    wanted = [name for name, owner in _links().items() if owner in owners]
    return [name for name in wanted if run([locate("ip"), "link", "delete", name]).ok]


def _links() -> dict[str, str]:
    """The rehearsals' links on this machine, each with its owner; empty for one that has none yet."""
    found: dict[str, str] = {}
    for link in _INTERFACES.glob(f"{_LINK_PREFIX}*"):
        # The kernel removes links at any time.
        with contextlib.suppress(OSError):
            found[link.name] = (link / "ifalias").read_text().strip()
    return found


def _used_indexes() -> set[int]:
    ranges: list[ipaddress.IPv4Network] = []
    for interface in _query("addr"):
        ranges += [
            ipaddress.IPv4Network(f"{address['local']}/{address['prefixlen']}", strict=False)
            for address in interface.get("addr_info", [])
            if address.get("family") == "inet"
        ]
    for route in _query("route"):
        destination = str(route.get("dst", ""))
        if destination and destination != "default":
            ranges.append(ipaddress.IPv4Network(destination, strict=False))
    # A link that has lost its address is another rehearsal's all the same.
    links = _links()
    return used_indexes(ranges) | {index for index in range(_LAST_INDEX + 1) if Subnet(index).link in links}


def used_indexes(ranges: list[ipaddress.IPv4Network]) -> set[int]:
    """Indexes of the subnets that overlap any of ``ranges``."""
    near = [r for r in ranges if r.overlaps(ipaddress.IPv4Network("198.18.0.0/15"))]
    return {
        index
        for index in range(_LAST_INDEX + 1)
        for own in (ipaddress.IPv4Network(Subnet(index).network), ipaddress.IPv4Network(Subnet(index).pods))
        if any(own.overlaps(other) for other in near)
    }


def _query(what: str) -> list[dict[str, Any]]:
    return json.loads(run([locate("ip"), "-json", "-4", what, "show"]).output or "[]")


def _ip(*commands: str) -> None:
    result = run([locate("ip"), "-batch", "-"], text="\n".join(commands))
    if not result.ok:
        raise ClusterError(
            f"The network link to the rehearsal's node could not be made: {result.words()}",
            "The rehearsal needs root with CAP_NET_ADMIN and the kernel's veth driver; in a container run it privileged, "
            "or use an existing cluster with --context.",
        )

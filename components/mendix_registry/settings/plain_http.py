"""For which hosts go-containerregistry, the client of Mendix's build and of krane, tries plain http beside https.

Source: ``Registry.Scheme`` in its ``pkg/name/registry.go``. The rule changed in two patch releases: 0.21.6 dropped every ``.local``
name, 0.21.7 anchored the loopback addresses, which until then could stand anywhere in a name. Where it gives http, the client tries
https first and takes plain http when that fails or is slow.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TypeAlias

Version: TypeAlias = tuple[int, int, int]

NEWEST: Version = (0, 21, 7)
"""The first version with the rule as it is today."""

_PRIVATE_NETWORKS = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
_PORT = r"(?::\d{1,5})?$"


def parse_version(text: str) -> Version | None:
    """``0.21.6`` or ``v0.21.6`` as numbers, or None."""
    match = re.fullmatch(r"v?(\d+)\.(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2]), int(match[3])) if match else None


def plain_http_rule(host: str, version: Version = NEWEST) -> str | None:
    """The rule with which a client of ``version`` allows plain http for ``host`` (``host`` or ``host:port``), in words, or None."""
    if _is_private(host):
        return "an address of a private network (RFC 1918)"
    if host.startswith("localhost:"):
        return "localhost with a port"
    if re.search(r"\.localhost" + _PORT, host):
        return "a name under .localhost"
    if version < (0, 21, 6) and re.search(r"\.local" + _PORT, host):
        return "a name under .local"
    if version < (0, 21, 7):
        if "127.0.0.1" in host or "::1" in host:
            return "a host with a loopback address somewhere in it"
    elif re.fullmatch(r"127\.0\.0\.1(?::\d{1,5})?|::1|\[::1\](?::\d{1,5})?", host):
        return "a loopback address"
    return None


def _is_private(host: str) -> bool:
    try:
        address = ipaddress.IPv4Address(host.split(":")[0])
    except ValueError:
        return False
    return any(address in network for network in _PRIVATE_NETWORKS)

"""What a rehearsal asks of a registry, and what it gets."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?P<name>{_LABEL}(\.{_LABEL})*)(:(?P<port>[0-9]{{1,5}}))?")
_LONGEST_NAME = 253
"""Of a DNS name as text (RFC 1035, 2.3.4)."""


@dataclass(frozen=True, slots=True)
class HostPort:
    """A registry host as image references spell it."""

    name: str
    port: int | None

    @classmethod
    def parse(cls, text: str, path: str) -> HostPort:
        """Raises ValueError naming ``path`` when ``text`` is not ``host`` or ``host:port``."""
        match = _HOST.fullmatch(text)
        port = int(match["port"]) if match and match["port"] else None
        if match is None or len(match["name"]) > _LONGEST_NAME or (port is not None and not 0 < port < 65536):
            raise ValueError(
                f"{path}: {text!r} is not a registry host. Give host or host:port in lower case, without scheme or path."
            )
        return cls(match["name"], port)

    @property
    def is_name(self) -> bool:
        """Whether it has to be found by DNS: not an address, and not this machine."""
        try:
            ipaddress.ip_address(self.name)
        except ValueError:
            return self.name != "localhost"
        return False


def is_host(text: str) -> bool:
    """Whether ``text`` is ``host`` or ``host:port``."""
    try:
        HostPort.parse(text, "")
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class RegistrySpec:
    """A registry the rehearsal shall serve.

    ``push_host`` (``host`` or ``host:port``) is what pods use and names the registry; ``pull_host`` is what the nodes'
    container runtime uses. ``username`` and ``password`` are both given, or both empty for a registry open to
    everyone. ``tls`` false serves plain http; ``public`` gives it a certificate that every container trusts, as those of
    registries in the internet are. Raises ValueError for what no registry can serve.
    """

    push_host: str
    pull_host: str
    username: str = ""
    password: str = field(default="", repr=False)
    tls: bool = True
    public: bool = False

    def __post_init__(self) -> None:
        HostPort.parse(self.push_host, "push_host")
        HostPort.parse(self.pull_host, "pull_host")
        if bool(self.username) != bool(self.password):
            raise ValueError("username, password: give both, or neither for a registry open to everyone.")
        if ":" in self.username:
            raise ValueError("username: a colon cannot be sent in HTTP basic authentication (RFC 7617).")
        if any(unicodedata.category(character) == "Cc" for character in self.username):
            raise ValueError("username: a control character cannot be sent in HTTP basic authentication (RFC 7617).")
        if self.username.startswith("#") or self.username != self.username.strip():
            raise ValueError(
                "username: with # in front it is a comment to the registry's password file, and space around it is lost there."
            )
        if len(self.password.encode()) > 72:
            raise ValueError("password: longer than 72 bytes, of which bcrypt reads no more.")

    @property
    def port(self) -> int:
        """The port the registry listens on: that of the push host, else its scheme's."""
        return HostPort.parse(self.push_host, "push_host").port or (443 if self.tls else 80)

    @property
    def host_names(self) -> list[str]:
        """Names and addresses the registry is called by, without ports, each once."""
        return list(dict.fromkeys(HostPort.parse(host, "").name for host in (self.push_host, self.pull_host)))

    @property
    def dns_names(self) -> list[str]:
        """The names that the cluster's DNS has to answer."""
        hosts = [HostPort.parse(host, "") for host in (self.push_host, self.pull_host)]
        return list(dict.fromkeys(host.name for host in hosts if host.is_name))


@dataclass(frozen=True, slots=True)
class RegistryEndpoint:
    """A registry that answers.

    ``ca_pem``: the authority of its certificate (empty for plain http). ``client_image``: digest reference of the builder
    Job's client image in the nodes. ``address``: ``host:port`` reachable from this machine. ``authority``: the file of its
    certificate's authority, where there is one.
    """

    ca_pem: str
    client_image: str
    address: str
    authority: Path | None = None

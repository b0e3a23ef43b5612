"""Reads from a stack file which of the sandbox's registries it needs. Checking the configuration is left to the program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from rehearsal.registry.spec import is_host

SANDBOX_DOMAIN = ".mendix-rehearsal.svc.cluster.local"
"""Push hosts below this name are the sandbox's own; a registry under any other name belongs to someone else and is not touched."""

_NOBODYS = (".example.com", ".example.org", ".example.net", ".example", ".test")
"""Names that are set apart for documents (RFC 2606): no registry of anybody's can be meant."""

_IN_CLUSTER = ".svc.cluster.local"
SANDBOX_USER = "builder"
_KINDS = frozenset({"generic", "docker-secret"})


@dataclass(frozen=True, slots=True)
class WantedRegistry:
    """The names under which a stack expects its registry. Hosts have their port: ``localhost:32000``.

    ``username`` is empty for a registry that is open to everyone. ``password_variable`` is the environment variable from which
    the stack file takes the password, empty where it does not. ``tls`` is false where in the stack file the registry has no
    certificate; ``public`` true where it names no authority for the certificate.
    """

    push_host: str
    pull_host: str
    username: str
    password_variable: str = ""
    tls: bool = True
    public: bool = False


def wanted_registry(config: Mapping[str, Any], *, own_cluster: bool = False) -> WantedRegistry | None:
    """The sandbox registry that a stack file asks for, or None where it names one that exists elsewhere, or none that can be.

    ``config`` maps the program's keys (without the project's name) to their values, secrets encrypted. In the rehearsal's own
    cluster nothing else answers under a name set apart for examples, or a Service's: such a registry is the sandbox's too.
    """
    value = config.get("registry")
    if not isinstance(value, Mapping):
        return None
    registry = cast("Mapping[str, Any]", value)
    push_host = registry.get("pushHost")
    if registry.get("type") not in _KINDS or not isinstance(push_host, str):
        return None
    name = push_host.partition(":")[0]
    own = name.endswith(SANDBOX_DOMAIN)
    if not own and not (own_cluster and name.endswith((*_NOBODYS, _IN_CLUSTER))):
        return None
    pull_host = registry.get("pullHost")
    given_pull_host = pull_host if isinstance(pull_host, str) else push_host
    if not (is_host(push_host) and is_host(given_pull_host)):
        return None
    transport = _mapping(registry.get("transport"))
    tls = transport.get("insecure") is not True
    if own:
        # Its password and its certificate's authority are the sandbox's own: a stack file with others is refused by it.
        return WantedRegistry(push_host, given_pull_host, _user(registry), tls=tls)
    variable = _mapping(_mapping(registry.get("authentication")).get("password")).get("environment")
    return WantedRegistry(
        push_host,
        given_pull_host,
        _user(registry),
        variable if isinstance(variable, str) else "",
        tls,
        tls and "caCertificate" not in transport,
    )


def _user(registry: Mapping[str, Any]) -> str:
    authentication = registry.get("authentication", {})
    if authentication == "none":
        return ""
    username = _mapping(authentication).get("username")
    return username if isinstance(username, str) and username else SANDBOX_USER


def _mapping(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}

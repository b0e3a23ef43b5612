"""Which of the sandbox's registries a stack needs."""

from __future__ import annotations

from dataclasses import dataclass

from rehearsal.registry.spec import is_host
from rehearsal.sandbox.description import Description

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


def wanted_registry(described: Description, *, own_cluster: bool = False) -> WantedRegistry | None:
    """The sandbox registry that a stack asks for, or None where it names one that exists elsewhere, or none that can be.

    In the rehearsal's own cluster nothing else answers under a name set apart for examples, or a Service's: such a registry is the
    sandbox's too.
    """
    push_host, pull_host = described.push_host, described.pull_host
    if described.kind not in _KINDS:
        return None
    name = push_host.partition(":")[0]
    own = name.endswith(SANDBOX_DOMAIN)
    if not own and not (own_cluster and name.endswith((*_NOBODYS, _IN_CLUSTER))):
        return None
    if not (is_host(push_host) and is_host(pull_host)):
        return None
    transport = described.registry["transport"]
    tls = transport["insecure"] is not True
    anonymous = described.registry.get("authentication") == "none"
    user = "" if anonymous else described.authentication.get("username") or SANDBOX_USER
    if own:
        # Its password and its certificate's authority are the sandbox's own: a stack file with others is refused by it.
        return WantedRegistry(push_host, pull_host, user, tls=tls)
    variable = described.variables.get("registry.authentication.password", "")
    trusted = transport["caCertificate"] is None and "registry.transport.caCertificate" not in described.variables
    return WantedRegistry(push_host, pull_host, user, variable, tls, tls and trusted)

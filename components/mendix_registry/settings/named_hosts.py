"""Rules of the kinds whose hosts the stack file names."""

from __future__ import annotations

from collections.abc import Iterator

from mendix_registry.settings.named_registry import NamedRegistry
from mendix_registry.settings.places import REGISTRY
from mendix_registry.settings.plain_http import NEWEST, parse_version, plain_http_rule
from mendix_registry.settings.problems import Problem, Rule, Severity
from mendix_registry.settings.references import is_ecr, is_loopback, split_host
from mendix_registry.settings.stack import Settings
from mendix_registry.settings.transport import decide

STK053 = Rule(
    "STK053",
    "the host is missing",
    "builds must know where to push",
    "add pushHost (Mendix: Push URL), the host as pods inside the cluster reach it",
)
STK054 = Rule(
    "STK054",
    "{host} belongs to Amazon ECR, which cannot be used with {type}",
    "ECR has no lasting password, and Mendix sets up its token exchange only for the type amazon-ecr",
    "use the type amazon-ecr",
)
STK055 = Rule(
    "STK055",
    "{host!r} is the build pod itself",
    "Mendix pushes from a pod inside the cluster; only nodes can reach a registry under localhost",
    "give the registry's service name here, such as registry.container-registry.svc.cluster.local:5000, and keep localhost "
    "as pullHost",
)
STK056 = Rule(
    "STK056",
    "nodes pull from {host}, a name of the cluster's own DNS",
    "the nodes' container runtime does not ask the cluster's DNS, so it usually cannot resolve it",
    "give the host that nodes reach (such as localhost:32000 or a node port), unless your nodes map this name themselves",
    Severity.WARNING,
)


def host_problems(settings: Settings, registry: NamedRegistry, preset: str | None = None) -> Iterator[Problem]:
    """Push and pull host: there, of the right registry, reachable from where they are used."""
    if registry.push_host is None and preset is None:
        yield STK053.at((*REGISTRY, "pushHost"))
    for key, host in (("pushHost", registry.push_host), ("pullHost", registry.pull_host)):
        if not host:
            continue
        at = (*REGISTRY, key)
        if is_ecr(host):
            yield STK054.at(at, host=host, type=registry.type)
    if registry.push_host and is_loopback(registry.push_host):
        yield STK055.at((*REGISTRY, "pushHost"), host=registry.push_host)
    pull = split_host(settings.pull_host)[0]
    if pull.endswith(".svc") or ".svc." in pull:
        yield STK056.at((*REGISTRY, "pullHost"), host=settings.pull_host)


STK057 = Rule(
    "STK057",
    "the client's version decides nothing here",
    "insecure is {insecure}, and only auto looks at it",
    "remove clientVersion, or set insecure: auto",
)
STK058 = Rule(
    "STK058",
    "a certificate authority and insecure: true contradict each other",
    "insecure clients verify no certificate, so the authority would have no effect",
    "remove 'insecure' to have the certificate verified, or remove the certificate",
)
STK059 = Rule(
    "STK059",
    "{host} may be reached by plain http or with an unverified certificate ({reason})",
    "the password, if there is one, and the images that your cluster runs can be read and changed on the way",
    "give caCertificate and insecure: false, unless this is a test cluster",
    Severity.WARNING,
)
STK060 = Rule(
    "STK060",
    "Mendix's own build decides by the host's name, and {host} is one for which it insists on https",
    "its client, go-containerregistry, has only treated .local names as plain http up to 0.21.5, and others never",
    "serve the registry by https, or reach it by an address of a private network",
    Severity.WARNING,
)


def transport_problems(settings: Settings, registry: NamedRegistry) -> Iterator[Problem]:
    """https or plain http: no contradiction, and never silently plain."""
    at = (*REGISTRY, "transport")
    if registry.transport.client_version and registry.transport.insecure != "auto":
        yield STK057.at((*at, "clientVersion"), insecure=str(registry.transport.insecure).lower())
    if registry.transport.insecure is True and registry.transport.ca_certificate:
        yield STK058.at((*at, "caCertificate"))
    if not settings.push_host:
        return
    decision = decide(settings.push_host, registry.transport)
    if not decision.insecure:
        return
    yield STK059.at((*at, "insecure"), host=settings.push_host, reason=decision.reason)
    version = parse_version(registry.transport.client_version or "")
    if plain_http_rule(settings.push_host, version or NEWEST) is None:
        yield STK060.at((*at, "insecure"), host=settings.push_host)

"""Rules of the kinds ``generic`` and ``docker-secret``."""

from __future__ import annotations

from collections.abc import Iterator

from mendix_registry.stack_file import image_name_template
from mendix_registry.stack_file.kinds.generic import DockerSecretRegistry, GenericRegistry
from mendix_registry.stack_file.plain_http import NEWEST, parse_version, plain_http_rule
from mendix_registry.stack_file.problems import Location, Problem, Severity
from mendix_registry.stack_file.references import is_ecr, is_loopback, split_host
from mendix_registry.stack_file.rules import presets
from mendix_registry.stack_file.rules.places import NAMESPACES, REGISTRY
from mendix_registry.stack_file.settings import Settings
from mendix_registry.stack_file.transport import decide


def check(settings: Settings, registry: GenericRegistry | DockerSecretRegistry) -> Iterator[Problem]:
    """Every problem of a registry whose hosts and credentials the stack file names."""
    yield from _hosts(settings, registry)
    if isinstance(registry, GenericRegistry):
        yield from _authentication(registry)
    else:
        yield from _existing_secrets(settings)
    yield from _transport(settings, registry)


def _hosts(settings: Settings, registry: GenericRegistry | DockerSecretRegistry) -> Iterator[Problem]:
    """Push and pull host: there, of the right registry, reachable from where they are used."""
    generic = isinstance(registry, GenericRegistry)
    if registry.push_host is None and not (generic and registry.preset):
        yield Problem(
            (*REGISTRY, "pushHost"),
            "the host is missing",
            "builds must know where to push",
            "add pushHost (Mendix: Push URL), the host as pods inside the cluster reach it",
        )
    for key, host in (("pushHost", registry.push_host), ("pullHost", registry.pull_host)):
        if not host:
            continue
        at = (*REGISTRY, key)
        if is_ecr(host):
            yield Problem(
                at,
                f"{host} belongs to Amazon ECR, which cannot be used with {registry.type}",
                "ECR has no lasting password, and Mendix sets up its token exchange only for the type amazon-ecr",
                "use the type amazon-ecr",
            )
        if generic:
            yield from presets.host_problems(host, at)
    if registry.push_host and is_loopback(registry.push_host):
        yield Problem(
            (*REGISTRY, "pushHost"),
            f"{registry.push_host!r} is the build pod itself",
            "Mendix pushes from a pod inside the cluster; only nodes can reach a registry under localhost",
            "give the registry's service name here, such as registry.container-registry.svc.cluster.local:5000, "
            "and keep localhost as pullHost",
        )
    pull = split_host(settings.pull_host)[0]
    if pull.endswith(".svc") or ".svc." in pull:
        yield Problem(
            (*REGISTRY, "pullHost"),
            f"nodes pull from {settings.pull_host}, a name of the cluster's own DNS",
            "the nodes' container runtime does not ask the cluster's DNS, so it usually cannot resolve it",
            "give the host that nodes reach (such as localhost:32000 or a node port), unless your nodes map this name themselves",
            Severity.WARNING,
        )


def _authentication(registry: GenericRegistry) -> Iterator[Problem]:
    """What the preset's registry takes, and no pull secret without credentials."""
    yield from presets.registry_problems(registry)
    if registry.authentication == "none" and registry.link_to_default_service_account:
        yield Problem(
            (*REGISTRY, "linkToDefaultServiceAccount"),
            "there are no credentials to link",
            "authentication is none, so no pull secret is made",
            "remove the key, or give authentication",
        )


def _existing_secrets(settings: Settings) -> Iterator[Problem]:
    """Each namespace names a Secret that can exist before this stack."""
    for index, namespace in enumerate(settings.namespaces):
        at = (*NAMESPACES, index)
        if settings.secret_name(namespace) is None:
            yield Problem(
                (*at, "secretName"),
                f"namespace {namespace.name!r} names no Secret",
                "docker-secret takes the credentials from an existing Secret",
                "add secretName here, or once for all namespaces under registry",
            )
        if namespace.create:
            yield Problem(
                (*at, "create"),
                f"namespace {namespace.name!r} is created by this stack, so its Secret cannot exist before",
                "docker-secret only checks and uses a Secret, it never makes one",
                "create namespace and Secret first and remove this key, or use the type generic",
            )


def _transport(settings: Settings, registry: GenericRegistry | DockerSecretRegistry) -> Iterator[Problem]:
    """https or plain http: no contradiction, and never silently plain."""
    at = (*REGISTRY, "transport")
    if registry.transport.client_version and registry.transport.insecure != "auto":
        yield Problem(
            (*at, "clientVersion"),
            "the client's version decides nothing here",
            f"insecure is {str(registry.transport.insecure).lower()}, and only auto looks at it",
            "remove clientVersion, or set insecure: auto",
        )
    if registry.transport.insecure is True and registry.transport.ca_certificate:
        yield Problem(
            (*at, "caCertificate"),
            "a certificate authority and insecure: true contradict each other",
            "insecure clients verify no certificate, so the authority would have no effect",
            "remove 'insecure' to have the certificate verified, or remove the certificate",
        )
    if not settings.push_host:
        return
    decision = decide(settings.push_host, registry.transport)
    if not decision.insecure:
        return
    credentials = isinstance(registry, DockerSecretRegistry) or registry.authentication != "none"
    yield Problem(
        (*at, "insecure"),
        f"{settings.push_host} may be reached by plain http or with an unverified certificate ({decision.reason})",
        ("the password and " if credentials else "")
        + "the images that your cluster runs can be read and changed on the way",
        "give caCertificate and insecure: false, unless this is a test cluster",
        Severity.WARNING,
    )
    version = parse_version(registry.transport.client_version or "")
    if plain_http_rule(settings.push_host, version or NEWEST) is None:
        yield Problem(
            (*at, "insecure"),
            f"Mendix's own build decides by the host's name, and {settings.push_host} is one for which it insists on https",
            "its client, go-containerregistry, has only treated .local names as plain http up to 0.21.5, and others never",
            "serve the registry by https, or reach it by an address of a private network",
            Severity.WARNING,
        )


def template_problems(registry: GenericRegistry, template: str, at: Location) -> Iterator[Problem]:
    """Whether the preset's registry can have the repositories that an image name template makes."""
    rendered = image_name_template.render(template, image_name_template.DOCUMENTED[0])
    other = image_name_template.render(template, image_name_template.DOCUMENTED[1])
    title = presets.must_exist(registry)
    if title and rendered.repository != other.repository:
        yield Problem(
            at,
            "it gives every app a repository of its own",
            f"{title} wants a repository to exist before the first push to it",
            "keep the variables after the colon: {repository}:{{.Name}}-{{.Timestamp}}",
        )
    limit = presets.most_parts(registry)
    parts = rendered.repository.count("/") + 1
    if limit and parts > limit[1]:
        yield Problem(
            at,
            f"it gives repositories of {parts} path parts",
            f"{limit[0]} takes at most {limit[1]}",
            "keep the variables after the colon: {repository}:{{.Name}}-{{.Timestamp}}",
        )

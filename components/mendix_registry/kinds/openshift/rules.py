"""Rules of the kinds ``openshift3`` and ``openshift4``."""

from __future__ import annotations

from collections.abc import Iterator

from mendix_registry.kinds.openshift.settings import (
    BUILDER,
    OPENSHIFT3_HOST,
    OpenShift3Registry,
    OpenShift4Registry,
    OpenShiftRegistry,
)
from mendix_registry.settings import image_name_template
from mendix_registry.settings.places import BUILDER as BUILDER_KEY
from mendix_registry.settings.places import NAMESPACES, OPERATOR, REGISTRY
from mendix_registry.settings.plain_http import plain_http_rule
from mendix_registry.settings.problems import Location, Problem, Rule, Severity
from mendix_registry.settings.references import is_loopback, split_host
from mendix_registry.settings.stack import Namespace, Settings

_RESERVED = ("openshift-", "kube-")
_OLDEST = (0, 0, 0)


OCP001 = Rule(
    "OCP001",
    "pods of the namespaces would have to run as user {user}",
    "OpenShift gives each project a range of users and rejects pods that choose another",
    "remove runAsUser: OpenShift then assigns one",
    Severity.WARNING,
)


def check(settings: Settings, registry: OpenShiftRegistry) -> Iterator[Problem]:
    """Every problem of OpenShift's own registry."""
    yield from _namespaces(settings, registry)
    yield from _templates(settings)
    yield from _transport(registry)
    if isinstance(registry, OpenShift3Registry):
        yield from _hosts(registry)
    builder = settings.builder
    if builder.mode != "none" and "run_as_user" in builder.model_fields_set and builder.run_as_user is not None:
        yield OCP001.at((*BUILDER_KEY, "runAsUser"), user=builder.run_as_user)


OCP002 = Rule(
    "OCP002",
    "{repository!r} is no ImageStream of namespace {namespace!r}",
    "OpenShift's registry accepts only <project>/<ImageStream>, and 'builder' may push only to its own project",
    "begin it with {{namespace}}/",
)


def check_copy(
    settings: Settings, registry: OpenShiftRegistry, namespace: Namespace, repository: str, at: Location
) -> Iterator[Problem]:
    """ServiceAccount ``builder`` pushes only to ImageStreams of its project."""
    project, _, name = repository.partition("/")
    if project != namespace.name or not name or "/" in name:
        yield OCP002.at(at, repository=repository, namespace=namespace.name)


OCP003 = Rule(
    "OCP003",
    "the repository {repository!r} is no ImageStream of namespace {namespace!r}",
    "OpenShift's registry accepts only <project>/<ImageStream>, and 'builder' may push only to its own project",
    "write it as {{namespace}}/<name>, such as {{namespace}}/mendix-apps",
)
OCP004 = Rule(
    "OCP004",
    "builds would be proved as ServiceAccount {account!r}",
    f"on OpenShift, Mendix's build runs as {BUILDER!r}, the ServiceAccount that every project has",
    f"remove serviceAccount, or write {{{{name: {BUILDER}, create: true}}}} where the project lacks it",
)
OCP005 = Rule(
    "OCP005",
    "OpenShift keeps names such as {namespace!r} to itself",
    "it runs no ordinary builds there and may remove what it does not know",
    "choose a name that begins neither with 'openshift-' nor with 'kube-'",
)


def _namespaces(settings: Settings, registry: OpenShiftRegistry) -> Iterator[Problem]:
    """Each namespace pushes to an ImageStream of its project, as ServiceAccount ``builder``."""
    for index, namespace in enumerate(settings.namespaces):
        at: Location = (*NAMESPACES, index)
        repository = settings.repository(namespace)
        project, _, name = repository.partition("/")
        if project != namespace.name or not name or "/" in name:
            yield OCP003.at(
                (*at, "repository") if namespace.repository else (*REGISTRY, "repository"),
                repository=repository,
                namespace=namespace.name,
            )
        account = namespace.service_account
        if "service_account" in namespace.model_fields_set and account.name != BUILDER:
            yield OCP004.at((*at, "serviceAccount", "name"), account=account.name)
        if namespace.create and namespace.name.startswith(_RESERVED):
            yield OCP005.at((*at, "name"), namespace=namespace.name)


OCP006 = Rule(
    "OCP006",
    "in namespace {namespace!r} it gives {rendered!r}, which is no ImageStream of that project",
    "OpenShift's registry accepts only <project>/<ImageStream>, and 'builder' may push only to its own project",
    "begin it with {{namespace}}/, as in {{namespace}}/{{{{.Name}}}}:{{{{.Timestamp}}}}, or with {{repository}}",
)


def _templates(settings: Settings) -> Iterator[Problem]:
    """The Operator's image names are ImageStreams of the namespace's project as well."""
    if settings.operator_configuration.adopt == "none":
        return
    for namespace in settings.namespaces:
        template = settings.image_name_template(namespace)
        if template is None or any(image_name_template.syntax_problems(template, OPERATOR)):
            continue
        rendered = image_name_template.render(template, image_name_template.DOCUMENTED[0]).repository
        project, _, name = rendered.partition("/")
        if project != namespace.name or not name or "/" in name:
            yield OCP006.at((*OPERATOR, "imageNameTemplate"), namespace=namespace.name, rendered=rendered)
            return


OCP007 = Rule(
    "OCP007",
    "{host!r} is the build pod itself",
    "Mendix pushes from a pod inside the cluster",
    "remove pushHost: the registry's service name is the default",
)
OCP008 = Rule(
    "OCP008",
    "nodes pull from {host}, a name of the cluster's own DNS",
    "not every node resolves it; Mendix's page asks for the service's address here",
    "remove pullHost, and it is read from the Service ('oc get svc docker-registry -n default' shows it)",
    Severity.WARNING,
)


def _hosts(registry: OpenShift3Registry) -> Iterator[Problem]:
    """Builds reach the service by its name, nodes by its address."""
    if is_loopback(registry.push_host):
        yield OCP007.at((*REGISTRY, "pushHost"), host=registry.push_host)
    elif registry.transport.insecure is not True:
        yield from _plain_http(registry.push_host)
    pull = registry.pull_host and split_host(registry.pull_host)[0]
    if pull and (pull.endswith(".svc") or ".svc." in pull):
        yield OCP008.at((*REGISTRY, "pullHost"), host=registry.pull_host)


OCP009 = Rule(
    "OCP009",
    "{host} is {rule}, for which {client} also tries plain http",
    "whoever is on the way could take the builder's token there; this stack's own Job reaches the registry by https "
    "only{address}",
    f"remove pushHost: the registry's service name, {OPENSHIFT3_HOST}, is the default, and only reached by https",
    Severity.WARNING,
)


def _plain_http(host: str) -> Iterator[Problem]:
    """Mendix's own build decides by the host's name, and no setting changes that."""
    rule = plain_http_rule(host, _OLDEST)
    if rule is None:
        return
    client = (
        "Mendix's own build"
        if plain_http_rule(host)
        else "Mendix's own build, if its go-containerregistry is 0.21.5 or older,"
    )
    address = "; its certificate must name this address" if rule.startswith("an address") else ""
    yield OCP009.at((*REGISTRY, "pushHost"), host=host, rule=rule, client=client, address=address)


OCP010 = Rule(
    "OCP010",
    "the registry's certificate would not be verified",
    "the builder's token and the images that your cluster runs can be read and changed on the way",
    "remove insecure; with openshift3 give caCertificate: {{file: registry-ca.pem}}",
    Severity.WARNING,
)
OCP011 = Rule(
    "OCP011",
    "a certificate authority and insecure: true contradict each other",
    "insecure clients verify no certificate, so the authority would have no effect",
    "remove 'insecure' to have the certificate verified, or remove the certificate",
)
OCP012 = Rule(
    "OCP012",
    "OpenShift 4 hands out its registry's authority itself",
    "another one in its place would make every push fail",
    "remove caCertificate",
)


def _transport(registry: OpenShiftRegistry) -> Iterator[Problem]:
    """OpenShift's registry speaks https with a certificate of the cluster's own authority."""
    at = (*REGISTRY, "transport")
    if registry.transport.insecure is True:
        yield OCP010.at((*at, "insecure"))
        if registry.transport.ca_certificate:
            yield OCP011.at((*at, "caCertificate"))
    elif isinstance(registry, OpenShift4Registry) and registry.transport.ca_certificate:
        yield OCP012.at((*at, "caCertificate"))

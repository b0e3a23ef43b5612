"""Rules that hold for every kind of registry."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, cast

from pydantic import BaseModel

from mendix_registry.settings import credentials, image_name_template
from mendix_registry.settings.places import BUILDER, NAMESPACES, OPERATOR, REGISTRY
from mendix_registry.settings.problems import Location, Problem, Rule, Severity
from mendix_registry.settings.references import NAME_LENGTH
from mendix_registry.settings.stack import Settings
from mendix_registry.settings.values import SecretText
from mendix_registry.stack_file.rules import kubeconfig

MANAGED_REGISTRY_FIELDS = {
    "type": "operatorConfiguration.type",
    "pullURL": "registry.pullHost",
    "pushURL": "registry.pushHost",
    "imageNameTemplate": "operatorConfiguration.imageNameTemplate",
}
"""The fields of the Operator's ``spec.registry`` that this stack sets, each with the key that it is set by."""


STK097 = Rule(
    "STK097",
    "the {secret} stands in plain text in the stack file",
    "everyone who can read the repository could push images that your cluster then runs",
    "run 'pulumi config set --secret --path mendix-registry:{path}', or give {{environment: NAME}} or {{file: path}}; and "
    "change it, it has been seen",
)
STK098 = Rule(
    "STK098",
    "the overlay stands in plain text in the stack file, with {found} in it",
    "everyone who can read the repository could use it",
    "run 'pulumi config set --secret --path mendix-registry:{path}.<key>'; and change it, it has been seen",
)
STK099 = Rule(
    "STK099",
    "the URL stands in plain text in the stack file, with {found} in it",
    "everyone who can read the repository could download as this stack does",
    "run 'pulumi config set --secret --path mendix-registry:{path}', or give {{environment: NAME}} or {{file: path}}; and "
    "change it, it has been seen",
)


def plain_text(settings: Settings, encrypted_keys: Collection[str]) -> Iterator[Problem]:
    """No secret stands in plain text in the stack file. Pulumi reports only whether a key has encrypted parts, not which."""
    for at, secret in _secrets(settings.registry, REGISTRY):
        if secret.origin == "text" and "registry" not in encrypted_keys:
            yield STK097.at(at, secret=_words(at), path=_dotted(at))
    configured = settings.cluster.kubeconfig
    if configured is not None and configured.origin == "text" and "cluster" not in encrypted_keys:
        yield from _plain_kubeconfig(configured)
    if "operatorConfiguration" not in encrypted_keys:
        at = (*OPERATOR, "overlay")
        if found := credentials.in_tree(settings.operator_configuration.overlay):
            yield STK098.at(at, found=found, path=_dotted(at))
    build = settings.builder.build
    url = build.mda.url if build is not None else None
    if url is not None and url.origin == "text" and "builder" not in encrypted_keys:
        at = (*BUILDER, "build", "mda", "url")
        if found := credentials.in_url(url):
            yield STK099.at(at, found=found, path=_dotted(at))


STK100 = Rule(
    "STK100",
    "the kubeconfig stands in plain text in the stack file, and {error}",
    "whether it has a credential in it cannot be checked, and no client can read it",
    "correct it, or give {{environment: NAME}} or {{file: path}}",
)
STK101 = Rule(
    "STK101",
    "the kubeconfig stands in plain text in the stack file, with {found} in it",
    "everyone who can read the repository could do in the cluster what this stack may",
    "run 'pulumi config set --secret --path mendix-registry:{path}', or give {{environment: NAME}} or {{file: path}}; and "
    "change it, it has been seen",
)


def _plain_kubeconfig(text: str) -> Iterator[Problem]:
    at = ("cluster", "kubeconfig")
    try:
        found = kubeconfig.credential(text)
    except ValueError as error:
        yield STK100.at(at, error=error)
        return
    if found:
        yield STK101.at(at, found=found, path=_dotted(at))


def _dotted(at: Location) -> str:
    return ".".join(map(str, at))


def _secrets(value: Any, at: Location) -> Iterator[tuple[Location, SecretText]]:
    if isinstance(value, SecretText):
        yield at, value
    elif isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            yield from _secrets(getattr(value, name), (*at, field.alias or name))
    elif isinstance(value, dict):
        for key, item in cast("dict[str, Any]", value).items():
            yield from _secrets(item, (*at, key))


def _words(at: Location) -> str:
    key = str(at[-1])
    if at[-2] == "passwords":
        return f"password of {key}"
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in key)


STK102 = Rule(
    "STK102",
    "namespace {namespace!r} would have two authentication methods: {type} and an existing Secret",
    "Mendix can use one method per namespace; it cannot combine them",
    "remove secretName, or put the namespace into a separate stack with the type docker-secret",
)


def one_method(settings: Settings) -> Iterator[Problem]:
    """One authentication method per namespace, which is Mendix's own limit."""
    registry = settings.registry
    if registry.credentials_in_secret:
        return
    for index, namespace in enumerate(settings.namespaces):
        if namespace.secret_name is not None:
            yield STK102.at((*NAMESPACES, index, "secretName"), namespace=namespace.name, type=registry.type)


STK103 = Rule(
    "STK103",
    "namespace {namespace!r} stands at position {position} already",
    "a namespace has one registry and one authentication method; Mendix cannot combine two",
    "remove one of them; a second registry needs another namespace",
)
STK104 = Rule(
    "STK104",
    "labels are only set on a namespace that this stack creates",
    "an existing namespace belongs to someone else",
    "remove the labels, or add create: true for a new namespace",
)
STK105 = Rule(
    "STK105",
    "host and repository of namespace {namespace!r} have {length} characters",
    f"an image name has at most {NAME_LENGTH}",
    "shorten the repository",
)


def namespaces(settings: Settings) -> Iterator[Problem]:
    """Namespaces: each once, its repository not too long."""
    seen: dict[str, int] = {}
    for index, namespace in enumerate(settings.namespaces):
        at = (*NAMESPACES, index)
        if namespace.name in seen:
            yield STK103.at((*at, "name"), namespace=namespace.name, position=seen[namespace.name])
            continue
        seen[namespace.name] = index
        if namespace.labels and not namespace.create:
            yield STK104.at((*at, "labels"))
        repository = settings.repository(namespace)
        place: Location = (*at, "repository") if namespace.repository else (*REGISTRY, "repository")
        length = max(len(settings.push_host), len(settings.pull_host)) + 1 + len(repository)
        if length > NAME_LENGTH:
            yield STK105.at(place, namespace=namespace.name, length=length)


def templates(settings: Settings) -> Iterator[Problem]:
    """The image name template, rendered for every namespace; each fault once."""
    configuration = settings.operator_configuration
    template = configuration.image_name_template
    if configuration.adopt == "none" or template is None:
        return
    at = (*OPERATOR, "imageNameTemplate")
    found: dict[str, Problem] = {}
    for namespace in settings.namespaces:
        filled = settings.image_name_template(namespace) or ""
        for problem in image_name_template.problems(filled, settings.pull_host, at):
            found.setdefault(problem.what, problem)
    errors = [problem for problem in found.values() if problem.severity is Severity.ERROR]
    # One template is checked for many namespaces; the first fault of each severity is enough.
    yield from (errors or list(found.values()))[:2]


STK106 = Rule("STK106", "there is an overlay, but adopt is none", "nothing is written then", "remove one of the two")
STK107 = Rule(
    "STK107",
    "spec.registry.{field} is set by this stack",
    "two values for one field cannot both hold",
    "set {key}",
)
STK108 = Rule(
    "STK108",
    "spec.trust.customCASecretName is set by this stack, because registry.transport.caCertificate is given",
    "the Operator accepts one Secret with authorities",
    "set operatorConfiguration.trustCaCertificate: false and also put the registry's authority into your own Secret",
)


def overlays(settings: Settings) -> Iterator[Problem]:
    """The overlay of the OperatorConfiguration does not fight the fields that this stack manages."""
    configuration = settings.operator_configuration
    if not configuration.overlay:
        return
    at = (*OPERATOR, "overlay")
    if configuration.adopt == "none":
        yield STK106.at(at)
        return
    registry = configuration.overlay.get("registry")
    if isinstance(registry, dict):
        for field, key in MANAGED_REGISTRY_FIELDS.items():
            if field in registry:
                yield STK107.at((*at, "registry", field), field=field, key=key)
    trust = configuration.overlay.get("trust")
    if (
        isinstance(trust, dict)
        and "customCASecretName" in trust
        and configuration.trust_ca_certificate
        and settings.registry.transport.ca_certificate
    ):
        yield STK108.at((*at, "trust", "customCASecretName"))


STK109 = Rule(
    "STK109",
    "the client's version decides nothing here",
    "{type} is reached by https, whatever older clients take its host for",
    "remove clientVersion",
)


def client_version(settings: Settings) -> Iterator[Problem]:
    """The client's version is only asked where plain http is possible."""
    if settings.registry.only_https and settings.registry.transport.client_version:
        yield STK109.at((*REGISTRY, "transport", "clientVersion"), type=settings.registry.type)

"""Rules of the kind ``docker-secret``."""

from __future__ import annotations

from collections.abc import Iterator

from mendix_registry.kinds.docker_secret.settings import DockerSecretRegistry
from mendix_registry.settings.named_hosts import host_problems, transport_problems
from mendix_registry.settings.places import NAMESPACES
from mendix_registry.settings.problems import Location, Problem, Rule
from mendix_registry.settings.stack import Namespace, Settings


def check(settings: Settings, registry: DockerSecretRegistry) -> Iterator[Problem]:
    """Every problem of a registry whose credentials each namespace has already."""
    yield from host_problems(settings, registry)
    yield from _secrets(settings)
    yield from transport_problems(settings, registry)


def check_copy(
    settings: Settings, registry: DockerSecretRegistry, namespace: Namespace, repository: str, at: Location
) -> Iterator[Problem]:
    """Who may push where is not known here."""
    yield from ()


DKS001 = Rule(
    "DKS001",
    "namespace {namespace!r} names no Secret",
    "docker-secret takes the credentials from an existing Secret",
    "add secretName here, or once for all namespaces under registry",
)
DKS002 = Rule(
    "DKS002",
    "namespace {namespace!r} is created by this stack, so its Secret cannot exist before",
    "docker-secret only checks and uses a Secret, it never creates one",
    "create namespace and Secret first and remove this key, or use the type generic",
)


def _secrets(settings: Settings) -> Iterator[Problem]:
    """Each namespace names a Secret that can exist before this stack."""
    for index, namespace in enumerate(settings.namespaces):
        at = (*NAMESPACES, index)
        if settings.secret_name(namespace) is None:
            yield DKS001.at((*at, "secretName"), namespace=namespace.name)
        if namespace.create:
            yield DKS002.at((*at, "create"), namespace=namespace.name)

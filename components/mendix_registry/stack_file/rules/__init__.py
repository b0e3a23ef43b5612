"""Rules that look at more than one field of the stack file. Rules of a single field stand with its type.

Each rule is a generator of problems; :func:`check` runs those that hold for every kind, then those of the stack's kind.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from mendix_registry.stack_file.kinds import (
    AmazonEcrRegistry,
    AzureRegistry,
    DockerSecretRegistry,
    GenericRegistry,
    GoogleRegistry,
    OpenShift3Registry,
    OpenShift4Registry,
)
from mendix_registry.stack_file.problems import Problem
from mendix_registry.stack_file.rules import aws, azure, builder, gcp, general, generic, namespaces, openshift
from mendix_registry.stack_file.settings import Settings

_GENERAL: tuple[Callable[[Settings], Iterator[Problem]], ...] = (
    general.one_method,
    general.namespaces,
    namespaces.created,
    general.templates,
    general.overlays,
    general.client_version,
    builder.image,
    builder.nodes,
    builder.modes,
    builder.app,
    builder.mirror,
)


def check(settings: Settings, encrypted_keys: Collection[str]) -> Iterator[Problem]:
    """Every problem that the fields of ``settings`` have with each other.

    ``encrypted_keys``: the configuration keys (without their namespace) that Pulumi knows to hold something encrypted.
    """
    yield from general.plain_text(settings, encrypted_keys)
    yield from _of_kind(settings)
    for rule in _GENERAL:
        yield from rule(settings)


def _of_kind(settings: Settings) -> Iterator[Problem]:
    match settings.registry:
        case GenericRegistry() | DockerSecretRegistry() as registry:
            yield from generic.check(settings, registry)
        case AmazonEcrRegistry() as registry:
            yield from aws.check(settings, registry)
        case AzureRegistry() as registry:
            yield from azure.check(settings, registry)
        case GoogleRegistry() as registry:
            yield from gcp.check(settings, registry)
        case OpenShift3Registry() | OpenShift4Registry() as registry:
            yield from openshift.check(settings, registry)

"""The Secrets that builds authenticate by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mendix_registry.kinds.docker_secret.settings import DockerSecretRegistry
from mendix_registry.settings.plan import EXISTING, PlannedIdentity, Prerequisite
from mendix_registry.settings.stack import Settings


def identities(settings: Settings, registry: DockerSecretRegistry, stack: str) -> Mapping[str, PlannedIdentity]:
    """Each namespace's Secret: who it authenticates as is not known here."""
    return {
        namespace.name: PlannedIdentity("Secret", settings.secret_name(namespace), EXISTING)
        for namespace in settings.namespaces
    }


def prerequisites(settings: Settings, registry: DockerSecretRegistry) -> Iterator[Prerequisite]:
    """These Secrets."""
    for namespace in settings.namespaces:
        yield Prerequisite("Secret", f"{namespace.name}/{settings.secret_name(namespace)}")


def where(settings: Settings, registry: DockerSecretRegistry, providers: Mapping[str, Any]) -> Mapping[str, Any]:
    """Nothing beyond its hosts."""
    return {}

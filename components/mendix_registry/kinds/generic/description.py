"""Who pushes to a registry with user and password, and what must exist there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mendix_registry.kinds.generic import preset_rules
from mendix_registry.kinds.generic.settings import BasicAuthentication, GenericRegistry
from mendix_registry.settings.plan import EXISTING, PlannedIdentity, Prerequisite, each
from mendix_registry.settings.stack import Settings


def identities(settings: Settings, registry: GenericRegistry, stack: str) -> Mapping[str, PlannedIdentity]:
    """The registry's user, the same for every namespace; none where everyone may push."""
    if not isinstance(registry.authentication, BasicAuthentication):
        return {}
    user = PlannedIdentity("registry user", registry.authentication.username, EXISTING)
    return {namespace.name: user for namespace in settings.namespaces}


def prerequisites(settings: Settings, registry: GenericRegistry) -> Iterator[Prerequisite]:
    """The user, and the repositories where the registry creates none by a push."""
    if isinstance(registry.authentication, BasicAuthentication):
        yield Prerequisite("registry user", registry.authentication.username)
    if preset_rules.must_exist(registry):
        yield from each("repository", dict.fromkeys(map(settings.repository, settings.namespaces)))


def where(settings: Settings, registry: GenericRegistry, providers: Mapping[str, Any]) -> Mapping[str, Any]:
    """Nothing beyond its hosts."""
    return {}

"""Who pushes to OpenShift's own registry, and what it needs in the cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mendix_registry.kinds.openshift.settings import OPENSHIFT3_SERVICE, OpenShift3Registry, OpenShiftRegistry
from mendix_registry.settings.plan import CREATED, EXISTING, PlannedIdentity, Prerequisite
from mendix_registry.settings.stack import Settings


def identities(settings: Settings, registry: OpenShiftRegistry, stack: str) -> Mapping[str, PlannedIdentity]:
    """Each namespace's ServiceAccount that OpenShift makes for builds."""
    found: dict[str, PlannedIdentity] = {}
    for namespace in settings.namespaces:
        account = settings.service_account(namespace)
        found[namespace.name] = PlannedIdentity("ServiceAccount", account.name, CREATED if account.create else EXISTING)
    return found


def prerequisites(settings: Settings, registry: OpenShiftRegistry) -> Iterator[Prerequisite]:
    """The registry's Service, where its address is read from it."""
    if isinstance(registry, OpenShift3Registry) and not registry.pull_host:
        yield Prerequisite("Service", "/".join(OPENSHIFT3_SERVICE))


def where(settings: Settings, registry: OpenShiftRegistry, providers: Mapping[str, Any]) -> Mapping[str, Any]:
    """Nothing beyond its hosts: it is in the cluster."""
    return {}

"""What a stack with Google Artifact Registry names at Google, and what it needs there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mendix_registry.kinds.google_gcr.principals import principal
from mendix_registry.kinds.google_gcr.settings import Direct, GoogleRegistry, WorkloadIdentity
from mendix_registry.settings.plan import CREATED, EXISTING, IMPORTED, PlannedIdentity, Prerequisite, each
from mendix_registry.settings.stack import Namespace, Settings


def identities(settings: Settings, registry: GoogleRegistry, stack: str) -> Mapping[str, PlannedIdentity]:
    """Each namespace's service account by its address, or its ServiceAccount as a principal."""
    return {namespace.name: _identity(registry, namespace) for namespace in settings.namespaces}


def prerequisites(settings: Settings, registry: GoogleRegistry) -> Iterator[Prerequisite]:
    """Projects, workload identity pool, and the repositories, service accounts and keys that exist."""
    addresses = [registry.address(settings.repository(namespace)) for namespace in settings.namespaces]
    known = list(dict.fromkeys(address for address in addresses if address is not None))
    yield from each("project", dict.fromkeys(address.project for address in known))
    yield Prerequisite("workload identity pool", registry.workload_pool)
    options = registry.artifact_registry
    if options.existing or options.import_:
        yield from each("Artifact Registry repository", (address.name for address in known))
    yield from each("KMS key", [options.kms_key_name])
    method = registry.authentication
    if isinstance(method, WorkloadIdentity):
        names = (method.email(namespace.name) for namespace in settings.namespaces)
        yield from each("service account", dict.fromkeys(names))
    yield from each("service account", registry.node_service_accounts)


def where(settings: Settings, registry: GoogleRegistry, providers: Mapping[str, Any]) -> Mapping[str, Any]:
    """The location, the cluster's workload identity pool, and each namespace's repository as the API names it."""
    addresses = {each.name: registry.address(settings.repository(each)) for each in settings.namespaces}
    return {
        "location": registry.effective_location,
        "workloadPool": registry.workload_pool,
        "repositories": {name: address.name if address else None for name, address in addresses.items()},
    }


def _identity(registry: GoogleRegistry, namespace: Namespace) -> PlannedIdentity:
    match registry.authentication:
        case Direct() as method:
            account = namespace.service_account.name
            pool, domain = registry.workload_pool, method.principal_domain
            name = principal(method.project_number, pool, namespace.name, account, domain)
            return PlannedIdentity("principal", name, CREATED if namespace.service_account.create else EXISTING)
        case WorkloadIdentity() as method:
            origin = EXISTING if method.existing else IMPORTED if method.import_ else CREATED
            return PlannedIdentity("service account", registry.account_email(method, namespace.name), origin)

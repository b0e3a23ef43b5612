"""What a stack with Azure Container Registry names in Azure, and what it needs there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mendix_registry.kinds.microsoft_acr import plan as acr_plan
from mendix_registry.kinds.microsoft_acr.resource_ids import parse_resource_id
from mendix_registry.kinds.microsoft_acr.settings import (
    AdminAuthentication,
    AzureRegistry,
    TokenAuthentication,
    WorkloadIdentityAuthentication,
)
from mendix_registry.settings.plan import CREATED, EXISTING, IMPORTED, PlannedIdentity, Prerequisite, each
from mendix_registry.settings.stack import Settings


def identities(settings: Settings, registry: AzureRegistry, stack: str) -> Mapping[str, PlannedIdentity]:
    """Each namespace's managed identity or token, or the registry's admin user, whose name Azure chooses."""
    match registry.authentication:
        case WorkloadIdentityAuthentication() as method:
            origin = EXISTING if method.existing else IMPORTED if method.import_ else CREATED
            return {
                namespace.name: PlannedIdentity("managed identity", name, origin)
                for name, members in acr_plan.identities(settings, method).items()
                for namespace in members
            }
        case TokenAuthentication() as method:
            return {
                namespace.name: PlannedIdentity("token", method.token_name(namespace.name), CREATED)
                for namespace in settings.namespaces
            }
        case AdminAuthentication():
            origin = EXISTING if registry.existing else CREATED
            return {namespace.name: PlannedIdentity("admin user", None, origin) for namespace in settings.namespaces}


def prerequisites(settings: Settings, registry: AzureRegistry) -> Iterator[Prerequisite]:
    """Resource group, registry, identities and keys that exist."""
    yield from each("resource group", [registry.resource_group])
    yield from each("container registry", [registry.existing, registry.import_])
    method = registry.authentication
    if isinstance(method, WorkloadIdentityAuthentication):
        yield from each("managed identity", [method.existing, method.import_])
        yield from each("OIDC issuer", method.issuer_urls)
    yield from each("kubelet identity", registry.kubelet_object_ids)
    if registry.customer_key is not None:
        yield Prerequisite("Key Vault key", registry.customer_key.key_identifier)
        yield Prerequisite("managed identity", registry.customer_key.identity)


def where(settings: Settings, registry: AzureRegistry, providers: Mapping[str, Any]) -> Mapping[str, Any]:
    """The registry's name, and which roles it heeds."""
    given = registry.existing or registry.import_
    return {
        "name": parse_resource_id(given).name if given else registry.name,
        "roleAssignmentMode": "abac" if registry.abac else "classic",
    }

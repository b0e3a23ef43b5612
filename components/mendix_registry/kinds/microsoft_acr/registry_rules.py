"""Rules of the kind ``microsoft-acr`` about the registry itself: which one it is, and what it can have."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mendix_registry.kinds.microsoft_acr.settings import AzureRegistry, WorkloadIdentityAuthentication
from mendix_registry.settings.places import REGISTRY
from mendix_registry.settings.problems import Problem

_LOGIN_SERVER = re.compile(r"[a-z0-9.-]+\.azurecr\.[a-z.]*[a-z]")
_ONLY_PREMIUM = {
    "public_network_access": ("publicNetworkAccess", "private endpoints, the only other way in,"),
    "allowed_ip_ranges": ("allowedIpRanges", "the registry's firewall"),
    "data_endpoints": ("dataEndpoints", "dedicated data endpoints"),
    "zone_redundancy": ("zoneRedundancy", "zone redundancy"),
    "retention_days": ("retentionDays", "retention of untagged manifests"),
    "allow_export": ("allowExport", "the export policy"),
    "customer_key": ("customerKey", "customer-managed key"),
}
_OF_A_NEW_REGISTRY = {
    "location": "location",
    "deletion_protection": "deletionProtection",
    "trusted_services": "trustedServices",
    **{field: key for field, (key, _) in _ONLY_PREMIUM.items()},
}


def check(registry: AzureRegistry) -> Iterator[Problem]:
    """Every problem of the registry, whoever pushes to it."""
    yield from _which_registry(registry)
    yield from _features(registry)


def _which_registry(registry: AzureRegistry) -> Iterator[Problem]:
    """Created, existing or imported: exactly one of the three, and what goes with it."""
    given = [key for key in ("name", "existing", "import") if getattr(registry, "import_" if key == "import" else key)]
    if not given:
        yield Problem(
            "ACR032",
            REGISTRY,
            "no registry is named",
            "this stack must know whether to create one or to use one",
            "add name for a new registry, existing (a resource id) for one that stays as it is, or import to take one over",
        )
    for key in given[1:]:
        yield Problem(
            "ACR033",
            (*REGISTRY, key),
            f"{given[0]} and {key} name two registries",
            "a stack has one registry",
            f"keep one of {given[0]} and {key}",
        )
    if registry.name and not registry.resource_group:
        yield Problem(
            "ACR034",
            (*REGISTRY, "resourceGroup"),
            "the resource group is missing",
            "Azure creates nothing outside of one",
            "add resourceGroup, an existing one ('az group create' makes it)",
        )
    if registry.role_assignment_mode is None:
        yield from _mode_of_a_registry_that_exists(registry)
    if registry.existing:
        for field, key in _OF_A_NEW_REGISTRY.items():
            if field in registry.model_fields_set:
                yield Problem(
                    "ACR035",
                    (*REGISTRY, key),
                    f"{key} would have no effect",
                    "an existing registry stays as it is",
                    f"remove {key}, or take the registry over with import",
                )
    elif registry.login_server:
        yield Problem(
            "ACR036",
            (*REGISTRY, "loginServer"),
            "the login server of a registry that this stack manages is read from Azure",
            "its name can contain a hash that Azure chooses",
            "remove loginServer",
        )
    if registry.login_server and not _LOGIN_SERVER.fullmatch(registry.login_server):
        yield Problem(
            "ACR037",
            (*REGISTRY, "loginServer"),
            f"{registry.login_server} is not a login server of Azure Container Registry",
            "clients choose Azure's token exchange by the host's name",
            "give what 'az acr show --query loginServer' prints, such as example.azurecr.io",
        )


def _mode_of_a_registry_that_exists(registry: AzureRegistry) -> Iterator[Problem]:
    """The mode of a registry that others use already is not guessed. An import's comparison does not see it either."""
    roles = registry.kubelet_object_ids or isinstance(registry.authentication, WorkloadIdentityAuthentication)
    if registry.import_ or (registry.existing and roles):
        yield Problem(
            "ACR038",
            (*REGISTRY, "roleAssignmentMode"),
            f"an {'imported' if registry.import_ else 'existing'} registry's mode must be given",
            "Azure ignores AcrPush in an ABAC registry and repository roles in a classic one, without an error",
            "add roleAssignmentMode: abac or classic ('az acr show --query roleAssignmentMode' prints "
            "AbacRepositoryPermissions or LegacyRegistryPermissions)",
        )


def _features(registry: AzureRegistry) -> Iterator[Problem]:
    """What the tier does not have, and settings that cannot hold together."""
    if registry.existing:
        return
    if registry.sku != "Premium":
        for field, (key, words) in _ONLY_PREMIUM.items():
            value = getattr(registry, field)
            if value != type(registry).model_fields[field].default:
                yield Problem(
                    "ACR039",
                    (*REGISTRY, key),
                    f"the tier {registry.sku} has no {words.rstrip(',')}",
                    "Azure refuses to create the registry",
                    f"write sku: Premium, or remove {key}",
                )
    if not registry.allow_export and registry.public_network_access:
        yield Problem(
            "ACR040",
            (*REGISTRY, "allowExport"),
            "export can only be forbidden where the registry has no public access",
            "Azure refuses this",
            "add publicNetworkAccess: false, or remove allowExport",
        )
    if registry.allowed_ip_ranges is not None and not registry.public_network_access:
        yield Problem(
            "ACR041",
            (*REGISTRY, "allowedIpRanges"),
            "without public access no address can get to the firewall",
            "the ranges would have no effect",
            "remove allowedIpRanges, or publicNetworkAccess: false",
        )
    if registry.allowed_ip_ranges is not None and len(registry.allowed_ip_ranges) > 200:
        yield Problem(
            "ACR042",
            (*REGISTRY, "allowedIpRanges"),
            f"{len(registry.allowed_ip_ranges)} ranges are given",
            "a registry's firewall takes 200",
            "merge them, or use a private endpoint",
        )

"""Rules of the kind ``microsoft-acr`` about the registry itself: which one it is, and what it can have."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mendix_registry.kinds.microsoft_acr.settings import AzureRegistry, WorkloadIdentityAuthentication
from mendix_registry.settings.places import REGISTRY
from mendix_registry.settings.problems import Problem, Rule

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


ACR032 = Rule(
    "ACR032",
    "no registry is named",
    "this stack must know whether to create one or to use one",
    "add name for a new registry, existing (a resource id) for one that stays as it is, or import to take one over",
)
ACR033 = Rule(
    "ACR033",
    "{first} and {key} name two registries",
    "a stack has one registry",
    "keep one of {first} and {key}",
)
ACR034 = Rule(
    "ACR034",
    "the resource group is missing",
    "Azure creates nothing outside of one",
    "add resourceGroup, an existing one ('az group create' creates one)",
)
ACR035 = Rule(
    "ACR035",
    "{key} would have no effect",
    "an existing registry stays as it is",
    "remove {key}, or take the registry over with import",
)
ACR036 = Rule(
    "ACR036",
    "the login server of a registry that this stack manages is read from Azure",
    "its name can contain a hash that Azure chooses",
    "remove loginServer",
)
ACR037 = Rule(
    "ACR037",
    "{host} is not a login server of Azure Container Registry",
    "clients choose Azure's token exchange by the host's name",
    "give what 'az acr show --query loginServer' prints, such as example.azurecr.io",
)


def _which_registry(registry: AzureRegistry) -> Iterator[Problem]:
    """Created, existing or imported: exactly one of the three, and what goes with it."""
    given = [key for key in ("name", "existing", "import") if getattr(registry, "import_" if key == "import" else key)]
    if not given:
        yield ACR032.at(REGISTRY)
    for key in given[1:]:
        yield ACR033.at((*REGISTRY, key), first=given[0], key=key)
    if registry.name and not registry.resource_group:
        yield ACR034.at((*REGISTRY, "resourceGroup"))
    if registry.role_assignment_mode is None:
        yield from _mode_of_a_registry_that_exists(registry)
    if registry.existing:
        for field, key in _OF_A_NEW_REGISTRY.items():
            if field in registry.model_fields_set:
                yield ACR035.at((*REGISTRY, key), key=key)
    elif registry.login_server:
        yield ACR036.at((*REGISTRY, "loginServer"))
    if registry.login_server and not _LOGIN_SERVER.fullmatch(registry.login_server):
        yield ACR037.at((*REGISTRY, "loginServer"), host=registry.login_server)


ACR038 = Rule(
    "ACR038",
    "an {origin} registry's mode must be given",
    "Azure ignores AcrPush in an ABAC registry and repository roles in a classic one, without an error",
    "add roleAssignmentMode: abac or classic ('az acr show --query roleAssignmentMode' prints AbacRepositoryPermissions or "
    "LegacyRegistryPermissions)",
)


def _mode_of_a_registry_that_exists(registry: AzureRegistry) -> Iterator[Problem]:
    """The mode of a registry that others use already is not guessed. An import's comparison does not see it either."""
    roles = registry.kubelet_object_ids or isinstance(registry.authentication, WorkloadIdentityAuthentication)
    if registry.import_ or (registry.existing and roles):
        yield ACR038.at((*REGISTRY, "roleAssignmentMode"), origin="imported" if registry.import_ else "existing")


ACR039 = Rule(
    "ACR039",
    "the tier {sku} has no {feature}",
    "Azure does not create such a registry",
    "write sku: Premium, or remove {key}",
)
ACR040 = Rule(
    "ACR040",
    "export can only be forbidden where the registry has no public access",
    "Azure rejects this",
    "add publicNetworkAccess: false, or remove allowExport",
)
ACR041 = Rule(
    "ACR041",
    "without public access no address can get to the firewall",
    "the ranges would have no effect",
    "remove allowedIpRanges, or publicNetworkAccess: false",
)
ACR042 = Rule(
    "ACR042",
    "{count} ranges are given",
    "a registry's firewall accepts 200",
    "merge them, or use a private endpoint",
)


def _features(registry: AzureRegistry) -> Iterator[Problem]:
    """What the tier does not have, and settings that cannot hold together."""
    if registry.existing:
        return
    if registry.sku != "Premium":
        for field, (key, words) in _ONLY_PREMIUM.items():
            value = getattr(registry, field)
            if value != type(registry).model_fields[field].default:
                yield ACR039.at((*REGISTRY, key), sku=registry.sku, feature=words.rstrip(","), key=key)
    if not registry.allow_export and registry.public_network_access:
        yield ACR040.at((*REGISTRY, "allowExport"))
    if registry.allowed_ip_ranges is not None and not registry.public_network_access:
        yield ACR041.at((*REGISTRY, "allowedIpRanges"))
    if registry.allowed_ip_ranges is not None and len(registry.allowed_ip_ranges) > 200:
        yield ACR042.at((*REGISTRY, "allowedIpRanges"), count=len(registry.allowed_ip_ranges))

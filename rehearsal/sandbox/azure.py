"""What a ``microsoft-acr`` stack needs of Azure, and what its subscription holds before the stack is brought up."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from rehearsal.sandbox.description import Description
from rehearsal.sandbox.wanted_cloud import WantedCloud

DEFAULT_SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
DEFAULT_TENANT = "00000000-0000-0000-0000-000000000002"
DEFAULT_NODE = "00000000-0000-0000-0000-000000000004"
DEFAULT_LOCATION = "westeurope"
# Hosts of Entra and of Resource Manager, suffix of registries: go-autorest's autorest/azure/environments.go.
_CLOUDS = {
    "public": ("login.microsoftonline.com", "management.azure.com", "azurecr.io"),
    "usgovernment": ("login.microsoftonline.us", "management.usgovcloudapi.net", "azurecr.us"),
    "china": ("login.chinacloudapi.cn", "management.chinacloudapi.cn", "azurecr.cn"),
}
_AKS_TENANT = re.compile(r"https://[^/]+/([0-9a-fA-F-]{36})/")
_ACR_PULL, _REPOSITORY_READER = "7f951dda-4ed3-4680-a7ca-43fe172d538d", "b93aa761-3e63-49ed-ac28-beffa264f7ac"
_PULL_BY_GROUP = ("11111111-aaaa-4aaa-8aaa-000000000001", "11111111-aaaa-4aaa-8aaa-000000000002")


def wanted_azure(described: Description) -> WantedCloud:
    """The tenant and hosts of the stack."""
    registry, authentication = described.registry, described.authentication
    authority, management, suffix = _CLOUDS[registry["azureEnvironment"]]
    # A new registry has the name that Azure would give without a domain name label.
    login = described.push_host or f"{described.place['name'].lower()}.{suffix}"
    other = f"rehearsalneighbour.{suffix}"
    issuer = next(iter(authentication.get("issuerUrls", ())), None) or ""
    tenant = match[1] if (match := _AKS_TENANT.match(issuer)) else DEFAULT_TENANT
    subscription = str(
        described.providers.get("azure-native:subscriptionId")
        or os.environ.get("ARM_SUBSCRIPTION_ID")
        or DEFAULT_SUBSCRIPTION
    )
    settings: dict[str, Any] = {
        "tenant": tenant,
        "authority_host": authority,
        "management_host": management,
        "registry_suffix": suffix,
        "registry_hosts": [login, other],
        "issuer": issuer,
        "node_principal": node_principal(described),
    }
    if registry["azureEnvironment"] != "public" and "audience" in authentication:
        # Which audience the webhook of a sovereign cloud's AKS asks for is not known: the stack's is believed.
        settings["audience"] = authentication["audience"]
    return WantedCloud(
        name="azure",
        package="azure-native",
        settings=settings,
        names=(authority, management, login, other),
        registry_hosts=(login, other),
        environment={
            "REHEARSAL_AZURE_ENDPOINT": "https://{address}:9002",
            "REHEARSAL_CLOUD_CA_FILE": "{authority}",
            "ARM_SUBSCRIPTION_ID": subscription,
        },
        passwords=token_passwords(described),
        prepare=_preparations(described, subscription, login),
    )


def registry_id(described: Description, subscription: str) -> str:
    """The resource id of the stack's registry."""
    registry = described.registry
    given = registry["existing"] or registry["import"]
    group = f"/subscriptions/{subscription}/resourceGroups/{registry['resourceGroup']}"
    return given or f"{group}/providers/Microsoft.ContainerRegistry/registries/{registry['name']}"


def token_passwords(described: Description) -> dict[str, str]:
    """The variables from which the stack takes the passwords of its tokens, with the tokens' names. Azure shows a generated
    password once, to a person: here someone has done that at some time."""
    setting = "registry.authentication.passwords"
    found = ((described.variables.get(f"{setting}.{each.name}"), each.identity) for each in described.namespaces)
    return {variable: token for variable, token in found if variable}


def node_principal(described: Description) -> str:
    """Object id of the kubelet's identity: the first that the stack file names. Without one, nodes of a stack by workload identity
    have one that someone has attached; those of the other methods pull by the linked Secret."""
    given = described.registry["kubeletObjectIds"]
    if given:
        return str(given[0])
    return DEFAULT_NODE if _attached(described) else ""


def _attached(described: Description) -> bool:
    """Whether the nodes may pull without the stack's doing."""
    return not described.registry["kubeletObjectIds"] and not described.place["linksPullSecret"]


def _preparations(described: Description, subscription: str, login: str) -> Callable[[Mapping[str, str]], None]:
    """Make what the stack names as existing and the emulator does not have: groups, registry, identity, others' assignments."""

    def prepare(environment: Mapping[str, str]) -> None:
        import ssl

        import httpx

        from rehearsal.emulators.azure.operator import OPERATOR_TOKEN

        with httpx.Client(
            base_url=environment["REHEARSAL_AZURE_ENDPOINT"],
            verify=ssl.create_default_context(cafile=environment["REHEARSAL_CLOUD_CA_FILE"]),
            headers={"authorization": f"Bearer {OPERATOR_TOKEN}"},
            params={"api-version": "2025-11-01"},
            trust_env=False,
            timeout=10,
        ) as client:
            _Preparation(described, subscription, login, client).run()

    return prepare


class _Preparation:
    """``client`` speaks to the emulator's management API."""

    def __init__(self, described: Description, subscription: str, login: str, client: Any) -> None:
        self._described, self._subscription, self._login, self._client = described, subscription, login, client

    def run(self) -> None:
        registry, method = self._described.registry, self._described.authentication
        location = registry["location"] or DEFAULT_LOCATION
        group = registry["resourceGroup"]
        groups = [f"/subscriptions/{self._subscription}/resourceGroups/{group}"] if group else []
        identities = [method.get("existing"), method.get("import")]
        key = registry["customerKey"]["identity"] if registry["customerKey"] else None
        registries: list[str | None] = [registry["existing"], registry["import"]]
        given = [str(item) for item in (*registries, *identities, key) if item]
        for item in (*groups, *(identity.partition("/providers/")[0] for identity in given)):
            self._ensure(item, {"location": location})
        for item in filter(None, registries):
            self._ensure(str(item), self._as_described(location))
        for item in filter(None, identities):
            self._ensure(
                str(item),
                {"location": method.get("location") or location, "tags": registry["tags"]},
            )
        neighbours = f"/subscriptions/{self._subscription}/resourceGroups/rehearsal-neighbour"
        self._ensure(neighbours, {"location": location})
        self._ensure(
            f"{neighbours}/providers/Microsoft.ContainerRegistry/registries/rehearsalneighbour",
            {"location": location, "sku": {"name": "Basic"}, "properties": {}},
        )
        if _attached(self._described):
            # As `az aks update --attach-acr` by someone else; on the group, since the registry may not be there yet.
            where = str(next(filter(None, registries), "")).partition("/providers/")[0] or (groups[0] if groups else "")
            for name, role in zip(_PULL_BY_GROUP, (_ACR_PULL, _REPOSITORY_READER), strict=True):
                self._assign(where, name, role)

    def _as_described(self, location: str) -> dict[str, Any]:
        """A registry as the stack file describes it, so that an import finds no difference."""
        registry = self._described.registry
        abac = self._described.place["roleAssignmentMode"] == "abac"
        return {
            "location": location,
            "sku": {"name": "Premium" if registry["existing"] else registry["sku"]},
            "tags": registry["tags"],
            "properties": {
                "adminUserEnabled": self._described.method == "admin",
                "roleAssignmentMode": "AbacRepositoryPermissions" if abac else "LegacyRegistryPermissions",
                "rehearsalLoginServer": self._login,
            },
        }

    def _assign(self, group: str, name: str, role: str) -> None:
        if not group:
            return
        definition = f"/subscriptions/{self._subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}"
        properties = {"principalId": DEFAULT_NODE, "principalType": "ServicePrincipal", "roleDefinitionId": definition}
        # Each group has assignments with its own names.
        unique = hashlib.sha256(f"{group.lower()}/{name}".encode()).hexdigest()
        guid = f"{unique[:8]}-{unique[8:12]}-{unique[12:16]}-{unique[16:20]}-{unique[20:32]}"
        self._ensure(f"{group}/providers/Microsoft.Authorization/roleAssignments/{guid}", {"properties": properties})

    def _ensure(self, path: str, body: Mapping[str, Any]) -> None:
        if self._client.get(path).is_error:
            self._client.put(path, json=body).raise_for_status()

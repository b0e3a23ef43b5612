"""What a ``microsoft-acr`` stack needs of Azure, and what its subscription holds before the stack is brought up."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Mapping
from typing import Any, cast

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


def wanted_azure(
    registry: Mapping[str, Any], config: Mapping[str, Any], names: Callable[[], Mapping[str, str]] = dict
) -> WantedCloud | None:
    """The tenant and hosts of the stack; None where no registry is to be found, which the program will report."""
    given = registry.get("existing") or registry.get("import")
    name = str(given).rpartition("/")[2] if given else registry.get("name")
    if not isinstance(name, str):
        return None
    authority, management, suffix = _CLOUDS.get(str(registry.get("azureEnvironment")), _CLOUDS["public"])
    login = str(registry.get("loginServer") or f"{name.lower()}.{suffix}")
    other = f"rehearsalneighbour.{suffix}"
    authentication = _mapping(registry.get("authentication"))
    issuers = [str(item) for item in cast("list[Any]", authentication.get("issuerUrls") or [])]
    issuer = issuers[0] if issuers else ""
    tenant = match[1] if (match := _AKS_TENANT.match(issuer)) else DEFAULT_TENANT
    subscription = str(
        config.get("azure-native:subscriptionId") or os.environ.get("ARM_SUBSCRIPTION_ID") or DEFAULT_SUBSCRIPTION
    )
    settings: dict[str, Any] = {
        "tenant": tenant,
        "authority_host": authority,
        "management_host": management,
        "registry_suffix": suffix,
        "registry_hosts": [login, other],
        "issuer": issuer,
        "node_principal": node_principal(registry),
    }
    if registry.get("azureEnvironment") not in (None, "public") and authentication.get("audience"):
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
        passwords=token_passwords(authentication, names),
        prepare=_preparations(registry, authentication, subscription, login),
    )


def registry_id(registry: Mapping[str, Any], subscription: str) -> str:
    """The resource id of the stack's registry."""
    given = registry.get("existing") or registry.get("import")
    if given:
        return str(given)
    group = f"/subscriptions/{subscription}/resourceGroups/{registry.get('resourceGroup')}"
    return f"{group}/providers/Microsoft.ContainerRegistry/registries/{registry.get('name')}"


def token_passwords(authentication: Mapping[str, Any], names: Callable[[], Mapping[str, str]]) -> dict[str, str]:
    """The variables from which the stack takes the passwords of its tokens, with the tokens' names. Azure shows a generated
    password once, to a person: here someone has done that at some time."""
    given = _mapping(authentication.get("passwords"))
    variables = {namespace: _mapping(item).get("environment") for namespace, item in given.items()}
    tokens: Mapping[str, str] = names() if any(variables.values()) else {}
    return {str(name): tokens[namespace] for namespace, name in variables.items() if name and namespace in tokens}


def node_principal(registry: Mapping[str, Any]) -> str:
    """Object id of the kubelet's identity: the first that the stack file names. Without one, nodes of a stack by workload identity
    have one that someone has attached; those of the other methods pull by the linked Secret."""
    given = cast("list[Any]", registry.get("kubeletObjectIds") or [])
    if given:
        return str(given[0])
    return DEFAULT_NODE if _attached(registry) else ""


def _attached(registry: Mapping[str, Any]) -> bool:
    """Whether the nodes may pull without the stack's doing."""
    method = _mapping(registry.get("authentication")).get("method")
    return not registry.get("kubeletObjectIds") and (
        method == "workload-identity" or registry.get("linkToDefaultServiceAccount") is False
    )


def _preparations(
    registry: Mapping[str, Any], authentication: Mapping[str, Any], subscription: str, login: str
) -> Callable[[Mapping[str, str]], None]:
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
            _Preparation(registry, authentication, subscription, login, client).run()

    return prepare


class _Preparation:
    """``client`` speaks to the emulator's management API."""

    def __init__(
        self, registry: Mapping[str, Any], authentication: Mapping[str, Any], subscription: str, login: str, client: Any
    ) -> None:
        self._registry, self._authentication = registry, authentication
        self._subscription, self._login, self._client = subscription, login, client

    def run(self) -> None:
        registry = self._registry
        location = str(registry.get("location") or DEFAULT_LOCATION)
        group = registry.get("resourceGroup")
        groups = [f"/subscriptions/{self._subscription}/resourceGroups/{group}"] if isinstance(group, str) else []
        identities = [self._authentication.get("existing"), self._authentication.get("import")]
        key = _mapping(registry.get("customerKey")).get("identity")
        registries = [registry.get("existing"), registry.get("import")]
        given = [str(item) for item in (*registries, *identities, key) if item]
        for item in (*groups, *(identity.partition("/providers/")[0] for identity in given)):
            self._ensure(item, {"location": location})
        for item in filter(None, registries):
            self._ensure(str(item), self._described(location))
        for item in filter(None, identities):
            self._ensure(
                str(item),
                {"location": self._authentication.get("location") or location, "tags": registry.get("tags") or {}},
            )
        neighbours = f"/subscriptions/{self._subscription}/resourceGroups/rehearsal-neighbour"
        self._ensure(neighbours, {"location": location})
        self._ensure(
            f"{neighbours}/providers/Microsoft.ContainerRegistry/registries/rehearsalneighbour",
            {"location": location, "sku": {"name": "Basic"}, "properties": {}},
        )
        if _attached(registry):
            # As `az aks update --attach-acr` by someone else; on the group, since the registry may not be there yet.
            where = str(next(filter(None, registries), "")).partition("/providers/")[0] or (groups[0] if groups else "")
            for name, role in zip(_PULL_BY_GROUP, (_ACR_PULL, _REPOSITORY_READER), strict=True):
                self._assign(where, name, role)

    def _described(self, location: str) -> dict[str, Any]:
        """A registry as the stack file describes it, so that an import finds no difference."""
        registry = self._registry
        abac = registry.get("roleAssignmentMode") != "classic"
        return {
            "location": location,
            "sku": {"name": registry.get("sku") or ("Premium" if registry.get("existing") else "Standard")},
            "tags": registry.get("tags") or {},
            "properties": {
                "adminUserEnabled": self._authentication.get("method") == "admin",
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


def _mapping(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}

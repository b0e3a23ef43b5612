"""Azure Container Registry: registries, scope maps, tokens, and their functions.

Names: learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules and the parameters of the API
(github.com/Azure/azure-rest-api-specs, containerregistry.json).
"""

from __future__ import annotations

from typing import Any, cast

from rehearsal.emulators.azure.names import REGISTRY_NAME, SCOPE_MAP_NAME, TOKEN_NAME
from rehearsal.emulators.rules import Anything, Entries, Fields, Flag, Items, Number, Text
from rehearsal.provider_plugins.azure_native.cloud import Azure
from rehearsal.provider_plugins.azure_native.resource import LOCATION, RESOURCE_GROUP, TAGS, ArmResource, after
from rehearsal.provider_plugins.framework.properties import Properties
from rehearsal.provider_plugins.framework.resource import AutomaticName, Input

REGISTRY_API = "2024-11-01-preview"
_STATUS = Fields({"status": Text(choices=("enabled", "disabled"))})
_SWITCH = Text(choices=("Enabled", "Disabled"))
_POLICIES = Fields(
    {
        "azureADAuthenticationAsArmPolicy": _STATUS,
        "exportPolicy": _STATUS,
        "quarantinePolicy": _STATUS,
        "retentionPolicy": Fields({"days": Number(0, 365), "status": Text(choices=("enabled", "disabled"))}),
        "softDeletePolicy": Fields({"retentionDays": Number(1, 90), "status": Text(choices=("enabled", "disabled"))}),
        "trustPolicy": Fields({"status": Text(choices=("enabled", "disabled")), "type": Text(choices=("Notary",))}),
    }
)
_RULES = Fields(
    {
        "defaultAction": Text(choices=("Allow", "Deny")),
        "ipRules": Items(
            Fields({"iPAddressOrRange": Text(), "action": Text(choices=("Allow",))}, required=("iPAddressOrRange",))
        ),
    },
    required=("defaultAction",),
)
_ENCRYPTION = Fields(
    {
        "status": Text(choices=("enabled", "disabled")),
        "keyVaultProperties": Fields({"identity": Text(), "keyIdentifier": Text()}),
    }
)
_IDENTITY = Fields(
    {
        "type": Text(choices=("SystemAssigned", "UserAssigned", "SystemAssigned, UserAssigned", "None")),
        "principalId": Text(),
        "tenantId": Text(),
        "userAssignedIdentities": Entries(value=Anything()),
    }
)


def registry_path(cloud: Azure, group: str, name: str) -> str:
    return f"/subscriptions/{cloud.subscription}/resourceGroups/{group}/providers/Microsoft.ContainerRegistry/registries/{name}"


class Registry(ArmResource):
    type = "azure-native:containerregistry:Registry"
    api_version = REGISTRY_API
    place = ("resourceGroupName", "registryName")
    inputs = {
        "resourceGroupName": RESOURCE_GROUP,
        "registryName": Input(REGISTRY_NAME, replaces=True),
        "location": LOCATION,
        "sku": Input(
            Fields({"name": Text(choices=("Classic", "Basic", "Standard", "Premium"))}, required=("name",)),
            required=True,
        ),
        "adminUserEnabled": Input(Flag(), default=False),
        "anonymousPullEnabled": Input(Flag(), default=False),
        "dataEndpointEnabled": Input(Flag()),
        "encryption": Input(_ENCRYPTION),
        "identity": Input(_IDENTITY),
        "networkRuleBypassOptions": Input(Text(choices=("AzureServices", "None")), default="AzureServices"),
        "networkRuleSet": Input(_RULES),
        "policies": Input(_POLICIES),
        "publicNetworkAccess": Input(_SWITCH, default="Enabled"),
        "zoneRedundancy": Input(_SWITCH, default="Disabled"),
        "tags": TAGS,
    }
    computed = (
        *ArmResource.computed,
        "creationDate",
        "dataEndpointHostNames",
        "loginServer",
        "privateEndpointConnections",
        "provisioningState",
        "status",
    )
    changing = frozenset({"dataEndpointHostNames"})
    name = AutomaticName("registryName", longest=50, separator="", digits=8)

    def path(self, inputs: Properties) -> str:
        return registry_path(self.cloud, inputs["resourceGroupName"], inputs["registryName"])

    def placed(self, identity: str) -> Properties:
        return {"resourceGroupName": after(identity, "resourceGroups"), "registryName": after(identity, "registries")}

    def sent(self, properties: Properties) -> Properties:
        return _renamed(properties, "iPAddressOrRange", "value")

    def received(self, properties: Properties) -> Properties:
        # Off is what the API answers where nothing was asked for.
        found = {key: item for key, item in properties.items() if key != "dataEndpointEnabled" or item}
        return _renamed(found, "value", "iPAddressOrRange")


class ScopeMap(ArmResource):
    type = "azure-native:containerregistry:ScopeMap"
    api_version = REGISTRY_API
    place = ("resourceGroupName", "registryName", "scopeMapName")
    tracked = False
    inputs = {
        "resourceGroupName": RESOURCE_GROUP,
        "registryName": Input(REGISTRY_NAME, required=True, replaces=True),
        "scopeMapName": Input(SCOPE_MAP_NAME, replaces=True),
        "actions": Input(Items(Text()), required=True, unordered=True),
        "description": Input(Text()),
    }
    computed = (*ArmResource.computed, "creationDate", "provisioningState")
    name = AutomaticName("scopeMapName", longest=50, separator="", digits=8)

    def path(self, inputs: Properties) -> str:
        registry = registry_path(self.cloud, inputs["resourceGroupName"], inputs["registryName"])
        return f"{registry}/scopeMaps/{inputs['scopeMapName']}"

    def placed(self, identity: str) -> Properties:
        return {
            "resourceGroupName": after(identity, "resourceGroups"),
            "registryName": after(identity, "registries"),
            "scopeMapName": after(identity, "scopeMaps"),
        }


class Token(ArmResource):
    type = "azure-native:containerregistry:Token"
    api_version = REGISTRY_API
    place = ("resourceGroupName", "registryName", "tokenName")
    tracked = False
    inputs = {
        "resourceGroupName": RESOURCE_GROUP,
        "registryName": Input(REGISTRY_NAME, required=True, replaces=True),
        "tokenName": Input(TOKEN_NAME, replaces=True),
        "scopeMapId": Input(Text()),
        "status": Input(Text(choices=("enabled", "disabled"))),
        "credentials": Input(Fields({"certificates": Items(Anything()), "passwords": Items(Anything())})),
    }
    computed = (*ArmResource.computed, "creationDate", "provisioningState")
    name = AutomaticName("tokenName", longest=50, separator="", digits=8)

    def path(self, inputs: Properties) -> str:
        registry = registry_path(self.cloud, inputs["resourceGroupName"], inputs["registryName"])
        return f"{registry}/tokens/{inputs['tokenName']}"

    def placed(self, identity: str) -> Properties:
        return {
            "resourceGroupName": after(identity, "resourceGroups"),
            "registryName": after(identity, "registries"),
            "tokenName": after(identity, "tokens"),
        }


def get_registry(cloud: Azure, arguments: Properties) -> Properties:
    """A registry by its name. Raises CloudError where there is none."""
    path = registry_path(cloud, arguments["resourceGroupName"], arguments["registryName"])
    live = cloud.call("GET", path, REGISTRY_API)
    properties = _renamed(live["properties"], "value", "iPAddressOrRange")
    outside = {key: item for key, item in live.items() if key != "properties"}
    return {**properties, **outside, "azureApiVersion": REGISTRY_API}


def list_registry_credentials(cloud: Azure, arguments: Properties) -> Properties:
    """The admin user and its passwords. Raises CloudError where the registry has none."""
    path = registry_path(cloud, arguments["resourceGroupName"], arguments["registryName"])
    return cloud.call("POST", f"{path}/listCredentials", REGISTRY_API)


def _renamed(properties: Properties, old: str, new: str) -> Properties:
    """Properties with the one member of IP rules that the SDK names in another way than the API."""
    rule_set = cast("dict[str, Any] | None", properties.get("networkRuleSet"))
    if not rule_set:
        return properties
    rules: list[dict[str, Any]] = rule_set.get("ipRules") or []
    renamed = [{new if key == old else key: item for key, item in rule.items()} for rule in rules]
    return {**properties, "networkRuleSet": {**rule_set, "ipRules": renamed}}

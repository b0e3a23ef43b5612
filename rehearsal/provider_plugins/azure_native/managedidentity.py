"""Managed identities and their federated credentials."""

from __future__ import annotations

from rehearsal.emulators.azure.names import CREDENTIAL_NAME, IDENTITY_NAME
from rehearsal.emulators.rules import Items, Text
from rehearsal.provider_plugins.azure_native.cloud import Azure
from rehearsal.provider_plugins.azure_native.resource import LOCATION, RESOURCE_GROUP, TAGS, ArmResource, after
from rehearsal.provider_plugins.framework.properties import Properties
from rehearsal.provider_plugins.framework.resource import AutomaticName, Input

IDENTITY_API = "2023-01-31"


class UserAssignedIdentity(ArmResource):
    type = "azure-native:managedidentity:UserAssignedIdentity"
    api_version = IDENTITY_API
    place = ("resourceGroupName", "resourceName")
    inputs = {
        "resourceGroupName": RESOURCE_GROUP,
        "resourceName": Input(IDENTITY_NAME, replaces=True),
        "location": LOCATION,
        "tags": TAGS,
    }
    computed = (*ArmResource.computed, "clientId", "principalId", "tenantId")
    name = AutomaticName("resourceName", longest=128, separator="", digits=8)

    def path(self, inputs: Properties) -> str:
        return _identity(self.group(inputs), inputs["resourceName"])

    def placed(self, identity: str) -> Properties:
        return {
            "resourceGroupName": after(identity, "resourceGroups"),
            "resourceName": after(identity, "userAssignedIdentities"),
        }


class FederatedIdentityCredential(ArmResource):
    type = "azure-native:managedidentity:FederatedIdentityCredential"
    api_version = IDENTITY_API
    place = ("resourceGroupName", "resourceName", "federatedIdentityCredentialResourceName")
    tracked = False
    inputs = {
        "resourceGroupName": RESOURCE_GROUP,
        "resourceName": Input(IDENTITY_NAME, required=True, replaces=True),
        "federatedIdentityCredentialResourceName": Input(CREDENTIAL_NAME, replaces=True),
        "issuer": Input(Text(), required=True),
        "subject": Input(Text(), required=True),
        "audiences": Input(Items(Text()), required=True),
    }
    name = AutomaticName("federatedIdentityCredentialResourceName", longest=120, separator="", digits=8)

    def path(self, inputs: Properties) -> str:
        owner = _identity(self.group(inputs), inputs["resourceName"])
        return f"{owner}/federatedIdentityCredentials/{inputs['federatedIdentityCredentialResourceName']}"

    def placed(self, identity: str) -> Properties:
        return {
            "resourceGroupName": after(identity, "resourceGroups"),
            "resourceName": after(identity, "userAssignedIdentities"),
            "federatedIdentityCredentialResourceName": after(identity, "federatedIdentityCredentials"),
        }


def get_user_assigned_identity(cloud: Azure, arguments: Properties) -> Properties:
    """An identity by its name. Raises CloudError where there is none."""
    group = f"/subscriptions/{cloud.subscription}/resourceGroups/{arguments['resourceGroupName']}"
    live = cloud.call("GET", _identity(group, arguments["resourceName"]), IDENTITY_API)
    outside = {key: item for key, item in live.items() if key != "properties"}
    return {**live["properties"], **outside, "azureApiVersion": IDENTITY_API}


def _identity(group: str, name: str) -> str:
    return f"{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}"

"""Everything the kind asks Azure for, judged by Microsoft's own models."""

from __future__ import annotations

from typing import Any

import pytest

from tests.components.kinds.microsoft_acr.conftest import GROUP, ISSUER, NEW, WORKLOAD_IDENTITY, Acr
from tests.oracles import azure_models

pytestmark = pytest.mark.slow

KEY_IDENTITY = f"{GROUP}/rg-keys/providers/Microsoft.ManagedIdentity/userAssignedIdentities/acr-key"
KUBELET = "3b1f0c9e-1111-4222-8333-444455556666"

PREMIUM: dict[str, Any] = {
    "sku": "Premium",
    "location": "westeurope",
    "tags": {"owner": "platform", "odd": "[not an expression]"},
    "allowedIpRanges": ["203.0.113.0/24", "198.51.100.7"],
    "trustedServices": True,
    "dataEndpoints": True,
    "zoneRedundancy": True,
    "retentionDays": 7,
    "customerKey": {
        "keyIdentifier": "https://vault.vault.azure.net/keys/acr",
        "identity": KEY_IDENTITY,
        "clientId": "9c8b7a6d-1111-4222-8333-444455556666",
    },
}

STACKS: dict[str, dict[str, Any]] = {
    "smallest": {**NEW, "authentication": WORKLOAD_IDENTITY},
    "classic": {**NEW, "roleAssignmentMode": "classic", "authentication": WORKLOAD_IDENTITY},
    "basic": {**NEW, "sku": "Basic", "authentication": WORKLOAD_IDENTITY},
    "premium": {**NEW, **PREMIUM, "authentication": WORKLOAD_IDENTITY, "kubeletObjectIds": [KUBELET]},
    "private": {
        **NEW,
        "sku": "Premium",
        "publicNetworkAccess": False,
        "allowExport": False,
        "authentication": WORKLOAD_IDENTITY,
    },
    "subrepositories": {**NEW, "includeSubrepositories": True, "authentication": WORKLOAD_IDENTITY},
    "two-clusters": {
        **NEW,
        "authentication": {**WORKLOAD_IDENTITY, "issuerUrls": [ISSUER, "https://oidc.example.com"]},
    },
    "shared": {**NEW, "authentication": {**WORKLOAD_IDENTITY, "sharedIdentities": 2}},
    "admin": {**NEW, "authentication": {"method": "admin"}},
    "token": {**NEW, "authentication": {"method": "token", "passwords": {"orders": {"environment": "TOKEN"}}}},
}


@pytest.mark.parametrize("name", STACKS)
def test_microsofts_models_take_every_request(acr: Acr, name: str) -> None:
    recording = acr(STACKS[name])
    asked = [item for item in recording.registered if item.type.startswith("azure-native:")]
    assert asked
    for item in asked:
        kind = item.type.rsplit(":", 1)[1]
        if kind != "Deployment":
            azure_models.sent(kind, item.inputs)


@pytest.mark.parametrize("name", STACKS)
def test_the_registry_with_the_mode_is_the_same_registry(acr: Acr, name: str) -> None:
    """A setting that stood in only one of the two puts would be lost with the other."""
    recording = acr(STACKS[name])
    typed = azure_models.registry_arm(recording.one("azure-native:containerregistry:Registry").inputs)
    deployment = recording.one("azure-native:resources:Deployment").inputs
    [resource] = deployment["properties"]["template"]["resources"]
    body = {key: value for key, value in resource.items() if key not in ("type", "apiVersion", "name")}
    sent = azure_models.judge_registry(body, deployment["resourceGroupName"], resource["name"])
    assert f"api-version={resource['apiVersion']}" in sent.url, "Microsoft's SDK speaks the version of the template"
    mode = "LegacyRegistryPermissions" if name == "classic" else "AbacRepositoryPermissions"
    assert body["properties"].pop("roleAssignmentMode") == mode
    assert body["properties"] == typed["properties"]
    assert body["sku"] == typed["sku"] and body.get("identity") == typed.get("identity")
    # In a template a text that begins with a bracket is an expression, unless the bracket is doubled.
    assert {k: v.replace("[[", "[") for k, v in body.get("tags", {}).items()} == typed.get("tags", {})
    assert body["location"] == ("westeurope" if name == "premium" else "[resourceGroup().location]")


def test_the_oracle_knows_what_it_does_not_know() -> None:
    good = {"resourceGroupName": "rg", "registryName": "mendixacr", "sku": {"name": "Basic"}}
    azure_models.sent("Registry", good)
    for wrong in ({"adminUser": True}, {"loginServer": "x.azurecr.io"}, {"publicNetworkAccess": "Off"}):
        with pytest.raises(AssertionError):
            azure_models.sent("Registry", good | wrong)
    credential = {
        "resourceGroupName": "rg",
        "resourceName": "identity",
        "federatedIdentityCredentialResourceName": "ab",
        "issuer": ISSUER,
        "subject": "s",
        "audiences": ["a"],
    }
    with pytest.raises(ValueError, match="federated_identity_credential_resource_name"):
        azure_models.sent("FederatedIdentityCredential", credential)
    with pytest.raises(AssertionError):
        azure_models.sent(
            "FederatedIdentityCredential",
            credential | {"federatedIdentityCredentialResourceName": "abc", "audience": "a"},
        )

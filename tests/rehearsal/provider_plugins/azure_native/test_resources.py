"""The seven types, driven over gRPC as the engine does, against the emulated Azure."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pulumi_azure_native
import pytest
from pulumi.runtime.proto import provider_pb2

from rehearsal.emulators.azure.cloud import AzureCloud
from rehearsal.provider_plugins.azure_native.package import PACKAGE
from rehearsal.provider_plugins.framework.properties import Unknown, plain
from tests.rehearsal.provider_plugins.azure_native.conftest import GROUP, SUBSCRIPTION, TENANT
from tests.rehearsal.provider_plugins.driver import Plugin, RejectedError

REGISTRY = "azure-native:containerregistry:Registry"
IDENTITY = "azure-native:managedidentity:UserAssignedIdentity"
CREDENTIAL = "azure-native:managedidentity:FederatedIdentityCredential"
ASSIGNMENT = "azure-native:authorization:RoleAssignment"
DEPLOYMENT = "azure-native:resources:Deployment"
ACR: dict[str, Any] = {
    "resourceGroupName": "rg-mendix",
    "registryName": "examplemendixacr",
    "sku": {"name": "Premium"},
    "networkRuleSet": {
        "defaultAction": "Deny",
        "ipRules": [{"iPAddressOrRange": "203.0.113.0/24", "action": "Allow"}],
    },
    "tags": {"owner": "platform"},
}
BUILDER: dict[str, Any] = {"resourceGroupName": "rg-mendix", "resourceName": "builder"}
TRUST: dict[str, Any] = {
    **BUILDER,
    "federatedIdentityCredentialResourceName": "orders",
    "issuer": "https://issuer.example.com/",
    "subject": "system:serviceaccount:orders:mendix-builder",
    "audiences": ["api://AzureADTokenExchange"],
}
WRITER = (
    f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/"
    "2a1e307c-b015-4ebd-883e-5b7698a07328"
)
GUID = "11111111-2222-4333-8444-555555555555"


@pytest.mark.parametrize(
    ("module", "token"),
    [
        ("containerregistry/registry", REGISTRY),
        ("containerregistry/scope_map", "azure-native:containerregistry:ScopeMap"),
        ("containerregistry/token", "azure-native:containerregistry:Token"),
        ("managedidentity/user_assigned_identity", IDENTITY),
        ("managedidentity/federated_identity_credential", CREDENTIAL),
        ("authorization/role_assignment", ASSIGNMENT),
        ("resources/deployment", DEPLOYMENT),
    ],
)
def test_the_inputs_are_those_of_the_sdk(module: str, token: str) -> None:
    """What the stock SDK can send is known here, and nothing is that it cannot."""
    tree = ast.parse((Path(pulumi_azure_native.__file__).parent / f"{module}.py").read_text())
    arguments = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name.endswith("Args"))
    init = next(n for n in arguments.body if isinstance(n, ast.FunctionDef) and n.name == "__init__")
    names = {argument.arg.rstrip("_") for argument in [*init.args.args[1:], *init.args.kwonlyargs]}
    camel = {"".join([name.split("_")[0], *(part.title() for part in name.split("_")[1:])]) for name in names}
    declared = PACKAGE.resource(token)
    assert declared is not None
    assert camel == set(declared.inputs)


def test_a_registry_from_creation_to_deletion(plugin: Plugin) -> None:
    made = plugin.create(REGISTRY, ACR)
    assert made.id == f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/examplemendixacr"
    assert made.state["loginServer"] == "examplemendixacr.azurecr.io"
    changed = {**ACR, "tags": {"owner": "another"}, "dataEndpointEnabled": True}
    found = plugin.diff(REGISTRY, made, plugin.checked(REGISTRY, changed, made.inputs))
    assert sorted(found.diffs) == ["dataEndpointEnabled", "tags"]
    assert not found.replaces
    updated = plugin.update(REGISTRY, made, changed)
    assert updated.state["dataEndpointHostNames"] == ["examplemendixacr.westeurope.data.azurecr.io"]
    assert plain(plugin.read(REGISTRY, made.id, updated).inputs) == plain(updated.inputs)
    plugin.delete(REGISTRY, updated)
    assert plugin.read(REGISTRY, made.id).id == ""


def test_the_groups_region_stays_out_of_refreshed_inputs(plugin: Plugin) -> None:
    """As one it would be missing in the program, and what was refreshed would be replaced."""
    made = plugin.create(IDENTITY, BUILDER)
    refreshed = plugin.read(IDENTITY, made.id, made)
    found = plugin.diff(IDENTITY, refreshed, plugin.checked(IDENTITY, BUILDER, refreshed.inputs))
    assert found.changes == provider_pb2.DiffResponse.DIFF_NONE
    assert made.state["tenantId"] == TENANT


@pytest.mark.parametrize(
    ("token", "given", "change", "replaces"),
    [
        (REGISTRY, ACR, {"location": "northeurope"}, True),
        (REGISTRY, ACR, {"registryName": "anothermendixacr"}, True),
        (REGISTRY, ACR, {"sku": {"name": "Standard"}}, False),
        (IDENTITY, BUILDER, {"resourceName": "another"}, True),
        (IDENTITY, BUILDER, {"tags": {"a": "b"}}, False),
    ],
)
def test_what_azure_cannot_change_makes_a_new_resource(
    plugin: Plugin, token: str, given: dict[str, Any], change: dict[str, Any], replaces: bool
) -> None:
    made = plugin.create(token, given)
    found = plugin.diff(token, made, plugin.checked(token, {**given, **change}, made.inputs))
    assert found.changes == provider_pb2.DiffResponse.DIFF_SOME
    assert bool(found.replaces) == replaces


def test_what_is_there_already_is_not_taken_over(plugin: Plugin) -> None:
    plugin.create(REGISTRY, ACR)
    with pytest.raises(RejectedError) as rejected:
        plugin.create(REGISTRY, ACR)
    assert "cannot create already existing resource" in rejected.value.message


def test_an_import_equals_the_program_that_created_the_resource(plugin: Plugin) -> None:
    for token, inputs in ((REGISTRY, ACR), (IDENTITY, BUILDER), (CREDENTIAL, TRUST)):
        made = plugin.create(token, inputs)
        found = plugin.read(token, made.id)
        differs = plugin.diff(token, found, plugin.checked(token, inputs))
        assert not differs.replaces, (token, list(differs.diffs))
        assert plain(found.inputs).items() >= plain(inputs).items()


def test_an_assignment_and_a_credential_of_an_identity(plugin: Plugin, azure: tuple[AzureCloud, str]) -> None:
    registry, identity = plugin.create(REGISTRY, ACR), plugin.create(IDENTITY, BUILDER)
    credential = plugin.create(CREDENTIAL, TRUST)
    given = {
        "scope": registry.id,
        "roleAssignmentName": GUID,
        "principalId": identity.state["principalId"],
        "principalType": "ServicePrincipal",
        "roleDefinitionId": WRITER,
        "condition": "@Request[a:b] StringEquals 'x'",
        "conditionVersion": "2.0",
    }
    assignment = plugin.create(ASSIGNMENT, given)
    assert plain(plugin.read(ASSIGNMENT, assignment.id, assignment).inputs) == given
    changed = {**given, "condition": "@Request[a:b] StringEquals 'y'"}
    assert not plugin.diff(ASSIGNMENT, assignment, plugin.checked(ASSIGNMENT, changed, assignment.inputs)).replaces
    updated = plugin.update(ASSIGNMENT, assignment, changed)
    other = {**changed, "principalId": GUID}
    assert plugin.diff(ASSIGNMENT, updated, plugin.checked(ASSIGNMENT, other, updated.inputs)).replaces == [
        "principalId"
    ]
    plugin.delete(ASSIGNMENT, updated)
    plugin.delete(CREDENTIAL, credential)
    plugin.delete(CREDENTIAL, credential)
    assert plugin.read(CREDENTIAL, credential.id).id == ""
    assert not azure[0].store.below(registry.id)


def test_deleting_a_deployment_leaves_what_it_deployed(plugin: Plugin) -> None:
    registry = plugin.create(REGISTRY, {**ACR, "sku": {"name": "Standard"}, "networkRuleSet": None})
    resource = {
        "type": "Microsoft.ContainerRegistry/registries",
        "apiVersion": "2025-11-01",
        "name": "examplemendixacr",
        "location": "[resourceGroup().location]",
        "sku": {"name": "Standard"},
        "properties": {"roleAssignmentMode": "AbacRepositoryPermissions"},
    }
    properties = {"mode": "Incremental", "template": {"resources": [resource]}}
    given = {"resourceGroupName": "rg-mendix", "deploymentName": "mode", "properties": properties}
    made = plugin.create(DEPLOYMENT, given)
    assert plain(plugin.read(DEPLOYMENT, made.id, made).inputs) == given
    plugin.delete(DEPLOYMENT, made)
    assert plugin.read(REGISTRY, registry.id).id == registry.id


@pytest.mark.parametrize(
    ("token", "inputs", "path"),
    [
        (REGISTRY, {**ACR, "registryName": "with-a-dash"}, "registryName"),
        (REGISTRY, {**ACR, "sku": {}}, "sku.name"),
        (REGISTRY, {**ACR, "roleAssignmentMode": "AbacRepositoryPermissions"}, "roleAssignmentMode"),
        (CREDENTIAL, {**TRUST, "federatedIdentityCredentialResourceName": "a."}, "federatedIdentityCredentialResourceName"),
        (CREDENTIAL, {key: TRUST[key] for key in TRUST if key != "audiences"}, "audiences"),
        (ASSIGNMENT, {"scope": GROUP, "roleAssignmentName": "x", "principalId": GUID, "roleDefinitionId": WRITER},
         "roleAssignmentName"),
    ],
)  # fmt: skip
def test_rejected_inputs_are_reported_before_any_call(
    plugin_without_cloud: Plugin, token: str, inputs: dict[str, Any], path: str
) -> None:
    assert set(plugin_without_cloud.check(token, inputs)[1]) == {path}


def test_a_preview_without_a_cloud_marks_unknown_values(plugin_without_cloud: Plugin) -> None:
    made = plugin_without_cloud.create(IDENTITY, BUILDER, preview=True)
    assert all(isinstance(made.state[key], Unknown) for key in ("clientId", "principalId", "tenantId", "name"))


def test_without_an_emulator_nothing_is_created_anywhere(plugin_without_cloud: Plugin) -> None:
    with pytest.raises(RejectedError) as rejected:
        plugin_without_cloud.create(REGISTRY, ACR)
    error = rejected.value
    assert "REHEARSAL_AZURE_ENDPOINT is not set" in error.message
    assert "never calls the real one" in error.message

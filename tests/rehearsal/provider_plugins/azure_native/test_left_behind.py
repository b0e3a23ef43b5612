"""What an update that was killed has made in Azure: the provider does not make it again, so it has to be found."""

from __future__ import annotations

from typing import Any

import pytest

from rehearsal.provider_plugins.azure_native.package import PACKAGE
from rehearsal.provider_plugins.framework.properties import plain
from rehearsal.provider_plugins.left_behind import answer
from tests.rehearsal.provider_plugins.azure_native.conftest import SUBSCRIPTION
from tests.rehearsal.provider_plugins.azure_native.test_resources import (
    ACR,
    ASSIGNMENT,
    BUILDER,
    CREDENTIAL,
    DEPLOYMENT,
    GUID,
    IDENTITY,
    REGISTRY,
    TRUST,
    WRITER,
)
from tests.rehearsal.provider_plugins.driver import Plugin, RejectedError


def question(token: str, inputs: dict[str, Any]) -> dict[str, Any]:
    plainly = {"replaces": False, "replaced_is_gone": False, "known": []}
    return {"type": token, "inputs": inputs, "settings": {"subscriptionId": SUBSCRIPTION}, **plainly}


def made_for(plugin: Plugin, token: str) -> dict[str, Any]:
    """Inputs for one resource of a type, with what it needs made before."""
    if token == REGISTRY:
        return {**ACR, "location": "westeurope"}
    if token == IDENTITY:
        return {**BUILDER, "location": "westeurope"}
    identity = plain(plugin.create(IDENTITY, BUILDER).state)
    if token == CREDENTIAL:
        return TRUST
    scope = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-mendix"
    principal = {"principalId": identity["principalId"], "principalType": "ServicePrincipal"}
    return {"scope": scope, "roleAssignmentName": GUID, "roleDefinitionId": WRITER, **principal}


@pytest.mark.parametrize("token", [REGISTRY, IDENTITY, CREDENTIAL, ASSIGNMENT])
def test_it_is_found_and_imported_without_a_replacement(plugin: Plugin, token: str) -> None:
    given = made_for(plugin, token)
    made = plugin.create(token, given)
    with pytest.raises(RejectedError, match="already existing"):
        plugin.create(token, given)
    found = answer(PACKAGE, question(token, made.inputs))
    assert found["id"].lower() == made.id.lower()
    imported = plugin.read(token, found["id"])
    assert not plugin.diff(token, imported, plugin.checked(token, given, imported.inputs)).replaces


def test_a_deployment_with_unknown_template_is_deleted(plugin: Plugin) -> None:
    template = {"$schema": "x", "contentVersion": "1.0.0.0", "resources": []}
    given = {
        "resourceGroupName": "rg-mendix",
        "deploymentName": "mode",
        "properties": {"mode": "Incremental", "template": template},
    }
    made = plugin.create(DEPLOYMENT, given)
    assert answer(PACKAGE, question(DEPLOYMENT, made.inputs)) == {"id": None, "deleted": True}
    plugin.create(DEPLOYMENT, given)

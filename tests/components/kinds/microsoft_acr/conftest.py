"""A stack of the kind microsoft-acr under mocks that answer as Azure does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from mendix_registry.deployment import deploy
from mendix_registry.settings.values import Surroundings
from mendix_registry.stack_file import Settings, parse
from tests.components.program import Recording, run
from tests.oracles.azure_models import SUBSCRIPTION

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups"
ISSUER = "https://westeurope.oic.prod-aks.azure.com/7d3b0f1e-0000-4000-8000-000000000001/1c2d3e4f-0000-4000-8000-000000000002/"
ADMIN_PASSWORD = "canary-of-the-admin-password"
TOKEN_PASSWORD = "canary-of-the-token-password"


def _guid(text: str) -> str:
    import uuid

    return str(uuid.uuid5(uuid.NAMESPACE_DNS, text))


ANSWERS: dict[str, Any] = {
    "azure-native:containerregistry:Registry": lambda args: {
        "id": f"{GROUP}/{args.inputs['resourceGroupName']}/providers/Microsoft.ContainerRegistry/registries/"
        f"{args.inputs['registryName']}",
        "name": args.inputs["registryName"],
        # A hash, as registries with a domain name label have.
        "loginServer": f"{args.inputs['registryName']}-a1b2c3d4e5.azurecr.io",
        "dataEndpointHostNames": [],
    },
    "azure-native:managedidentity:UserAssignedIdentity": lambda args: {
        "id": f"{GROUP}/{args.inputs['resourceGroupName']}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/"
        f"{args.inputs['resourceName']}",
        "name": args.inputs["resourceName"],
        "clientId": _guid("client " + args.inputs["resourceName"]),
        "principalId": _guid("principal " + args.inputs["resourceName"]),
        "tenantId": _guid("tenant"),
    },
    "azure-native:containerregistry:ScopeMap": lambda args: {
        "id": f"{GROUP}/{args.inputs['resourceGroupName']}/providers/Microsoft.ContainerRegistry/registries/"
        f"{args.inputs['registryName']}/scopeMaps/{args.inputs['scopeMapName']}"
    },
    "azure-native:containerregistry:Token": lambda args: {"name": args.inputs["tokenName"]},
}

CALLS: dict[str, Any] = {
    "azure-native:containerregistry:listRegistryCredentials": lambda args: {
        "username": args["registryName"],
        "passwords": [
            {"name": "password", "value": ADMIN_PASSWORD},
            {"name": "password2", "value": ADMIN_PASSWORD + "2"},
        ],
    },
    "azure-native:containerregistry:getRegistry": lambda args: {
        "loginServer": f"{args['registryName'].lower()}-a1b2c3d4e5.azurecr.io"
    },
    "azure-native:managedidentity:getUserAssignedIdentity": lambda args: {
        "clientId": _guid("client " + args["resourceName"]),
        "principalId": _guid("principal " + args["resourceName"]),
        "tenantId": _guid("tenant"),
    },
}

NEW = {"name": "mendixacr", "resourceGroup": "rg-mendix"}
WORKLOAD_IDENTITY: dict[str, Any] = {"method": "workload-identity", "issuerUrls": [ISSUER]}


def read(registry: dict[str, Any], namespaces: Sequence[str] = ("orders",), **keys: Any) -> Settings:
    """Settings with ``registry`` over the smallest keys of the kind."""
    registry = {"type": "microsoft-acr", "repository": "mendixapps/{namespace}", **registry}
    values = {
        "mendix-registry:registry": registry,
        "mendix-registry:namespaces": [{"name": name} for name in namespaces],
        **{f"mendix-registry:{key}": value for key, value in keys.items()},
    }
    return parse(values, surroundings=Surroundings({"TOKEN": TOKEN_PASSWORD})).settings


Acr = Callable[..., Recording]


@pytest.fixture
def acr() -> Acr:
    """Deploys a stack and gives what it registered. Arguments as :func:`read`; ``preview`` as a preview does."""

    def make(
        registry: dict[str, Any], namespaces: Sequence[str] = ("orders",), preview: bool = False, **keys: Any
    ) -> Any:
        settings = read(registry, namespaces, **keys)
        return run(lambda: deploy(settings), answers=ANSWERS, calls=CALLS, preview=preview)

    return make

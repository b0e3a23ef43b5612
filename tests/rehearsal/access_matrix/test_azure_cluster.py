"""microsoft-acr in the rehearsal, end to end with the stock client: the matrix, what others have made, and broken stacks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.rehearsal import stacks

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
SHARED = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-shared/providers"
ISSUER = "https://westeurope.oic.prod-aks.azure.com/00000000-0000-0000-0000-000000000002/00000000-0000-0000-0000-000000000003/"
WORKLOAD_IDENTITY = {"method": "workload-identity", "issuerUrls": [ISSUER]}


Rehearse = Callable[..., stacks.Outcome]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stacks.project_in(tmp_path_factory.mktemp("project"))


@pytest.fixture
def rehearse(project: Path, home: Path) -> Rehearse:
    """Runs a command for a stack file; what the emulators refused meanwhile is in the outcome."""

    def run(command: str, stack: str, *arguments: str, namespaces: Any = None, **registry: Any) -> stacks.Outcome:
        given: dict[str, Any] = {
            "type": "microsoft-acr",
            "repository": "mendixapps/{namespace}",
            "resourceGroup": "rg-mendix",
        }
        if not {"existing", "import"} & set(registry):
            given |= {"name": f"{stack}mendixacr", "deletionProtection": False}
        config = {
            "azure-native:subscriptionId": SUBSCRIPTION,
            "mendix-registry:registry": {**given, **registry},
            "mendix-registry:namespaces": namespaces or [{"name": f"{stack}-orders"}],
            "mendix-registry:builder": {"image": {"environment": "KRANE_IMAGE"}, "attempts": 1},
        }
        return stacks.rehearse(
            project, home, command, stack, *arguments, config=config, REHEARSAL_PROPAGATION_SECONDS="0"
        )

    return run


@pytest.mark.parametrize(
    ("stack", "registry"),
    [
        ("aabac", {"authentication": WORKLOAD_IDENTITY, "kubeletObjectIds": ["00000000-0000-0000-0000-00000000000a"]}),
        ("aclassic", {"authentication": WORKLOAD_IDENTITY, "roleAssignmentMode": "classic"}),
        ("atoken", {"authentication": {"method": "token", "passwords": {
            "atoken-orders": {"environment": "ATOKEN_ORDERS"}, "atoken-billing": {"environment": "ATOKEN_BILLING"}}}}),
    ],
)  # fmt: skip
def test_only_the_builder_can_push(rehearse: Rehearse, stack: str, registry: dict[str, Any]) -> None:
    namespaces = [{"name": f"{stack}-orders"}, {"name": f"{stack}-billing"}]
    outcome = rehearse("prove", stack, "--json", namespaces=namespaces, **registry)
    assert outcome.status == 0, outcome.said + outcome.refusals
    matrix = json.loads(outcome.said)
    assert matrix["ok"]
    assert {cell["outcome"] for cell in matrix["cells"]} == {"allowed", "refused"}
    assert all(cell["by"] for cell in matrix["cells"] if cell["outcome"] == "refused")
    # As whom the kubelet's credential provider says, or by the linked Secret: with every method.
    namespaces = {cell["namespace"] for cell in matrix["cells"]}
    assert {cell["namespace"] for cell in matrix["cells"] if cell["what"] == "the nodes read"} == namespaces


@pytest.mark.parametrize(
    ("stack", "registry"),
    [
        ("ehash", {
            "existing": f"{SHARED}/Microsoft.ContainerRegistry/registries/ehashacr",
            "loginServer": "ehashacr-a1b2c3d4e5.azurecr.io", "roleAssignmentMode": "abac",
            "authentication": WORKLOAD_IDENTITY,
        }),
        ("eread", {
            "existing": f"{SHARED}/Microsoft.ContainerRegistry/registries/ereadacr", "roleAssignmentMode": "classic",
            "authentication": {
                **WORKLOAD_IDENTITY, "existing": f"{SHARED}/Microsoft.ManagedIdentity/userAssignedIdentities/eread",
            },
        }),
        ("eimport", {
            "import": f"{SHARED}/Microsoft.ContainerRegistry/registries/eimportacr", "roleAssignmentMode": "abac",
            "authentication": {
                **WORKLOAD_IDENTITY, "import": f"{SHARED}/Microsoft.ManagedIdentity/userAssignedIdentities/eimport",
            },
        }),
    ],
)  # fmt: skip
def test_what_others_have_made_is_there_and_works(rehearse: Rehearse, stack: str, registry: dict[str, Any]) -> None:
    outcome = rehearse("up", stack, "--yes", **registry)
    assert outcome.status == 0, outcome.said + outcome.refusals
    again = rehearse("up", stack, "--yes", "--refresh", **registry)
    assert again.status == 0, again.said
    assert "replaced" not in again.said


def test_a_role_of_the_other_mode_is_the_cause(rehearse: Rehearse) -> None:
    """Azure says nothing at all: the assignment is made, and ignored."""
    existing = f"{SHARED}/Microsoft.ContainerRegistry/registries/bmodeacr"
    given = {"existing": existing, "authentication": WORKLOAD_IDENTITY}
    assert rehearse("up", "bmodeone", "--yes", roleAssignmentMode="abac", **given).status == 0
    outcome = rehearse("up", "bmodetwo", "--yes", roleAssignmentMode="classic", **given)
    assert outcome.status == 1
    assert "bmodetwo-orders-push" in outcome.said
    assert "AcrPush is a role of the other mode" in outcome.refusals


def test_an_audience_unlike_the_webhooks_is_the_cause(rehearse: Rehearse) -> None:
    authentication = {**WORKLOAD_IDENTITY, "audience": "api://AzureADTokenExchangeUSGov"}
    outcome = rehearse("up", "baudience", "--yes", authentication=authentication)
    assert outcome.status == 1, outcome.said
    assert "AADSTS700212" in outcome.refusals


def test_a_registry_name_already_in_use_is_reported(rehearse: Rehearse) -> None:
    outcome = rehearse("up", "bname", "--yes", name="rehearsalneighbour", authentication=WORKLOAD_IDENTITY)
    assert outcome.status == 1
    assert "is already in use" in outcome.said


def test_a_wrong_token_password_is_rejected(rehearse: Rehearse, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stack file's variable of one namespace holds the password of another one's token."""
    names = ["bpass-orders", "bpass-billing"]
    both = {"method": "token", "passwords": {name: {"environment": "BPASS_ONE"} for name in names}}
    monkeypatch.setenv("BPASS_ONE", "the-password-of-billing")
    outcome = rehearse("up", "bpass", "--yes", authentication=both, namespaces=[{"name": name} for name in names])
    assert outcome.status == 1, outcome.said
    assert "user mendix-bpass-orders has no such password" in outcome.refusals

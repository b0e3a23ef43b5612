"""Kind ``microsoft-acr``: what a stack registers, who is trusted, and what waits for what."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pulumi.runtime.rpc import UNKNOWN

from mendix_registry import AcrIdentity, AcrRegistry
from mendix_registry.deployment import deploy
from mendix_registry.kinds.microsoft_acr.roles import (
    ACR_PULL,
    ACR_PUSH,
    REPOSITORY_READER,
    REPOSITORY_WRITER,
    repository_condition,
)
from tests.components.kinds.microsoft_acr.conftest import (
    ADMIN_PASSWORD,
    ANSWERS,
    CALLS,
    GROUP,
    ISSUER,
    NEW,
    TOKEN_PASSWORD,
    WORKLOAD_IDENTITY,
    Acr,
    read,
)
from tests.components.program import Recording, Registered, run
from tests.oracles.azure_models import SUBSCRIPTION

pytestmark = pytest.mark.slow

REGISTRY = "azure-native:containerregistry:Registry"
MODE = "azure-native:resources:Deployment"
IDENTITY = "azure-native:managedidentity:UserAssignedIdentity"
CREDENTIAL = "azure-native:managedidentity:FederatedIdentityCredential"
ASSIGNMENT = "azure-native:authorization:RoleAssignment"
TOKEN = "azure-native:containerregistry:Token"
JOB = "kubernetes:batch/v1:Job"
SECRET = "kubernetes:core/v1:Secret"

EXISTING = f"{GROUP}/rg-shared/providers/Microsoft.ContainerRegistry/registries/companyacr"
EXISTING_IDENTITY = f"{GROUP}/rg-id/providers/Microsoft.ManagedIdentity/userAssignedIdentities/builder"
KUBELET = "3b1f0c9e-1111-4222-8333-444455556666"
TOKENS: dict[str, Any] = {"method": "token", "passwords": {"orders": {"environment": "TOKEN"}}}


def role(item: Registered) -> str:
    return item.inputs["roleDefinitionId"].rsplit("/", 1)[1]


def settle(recording: Recording, name: str = "orders") -> Registered:
    return recording.one(JOB, f"{name}-push")


@pytest.mark.parametrize("authentication", [WORKLOAD_IDENTITY, {"method": "admin"}, TOKENS], ids=lambda a: a["method"])
def test_every_child_has_a_component_as_its_parent(acr: Acr, authentication: dict[str, Any]) -> None:
    recording = acr({**NEW, "authentication": authentication, "kubeletObjectIds": [KUBELET]})
    components = {item.urn for item in recording.registered if not item.custom}
    for item in recording.registered:
        if item.custom and not item.type.startswith("pulumi:providers:"):
            assert item.parent in components, item.urn
    assert all("mendix-registry:azure:" in i.parent for i in recording.registered if i.type.startswith("azure-native:"))


def test_the_hosts_are_read_from_azure_and_never_built(acr: Acr) -> None:
    recording = acr({**NEW, "authentication": WORKLOAD_IDENTITY})
    host = "mendixacr-a1b2c3d4e5.azurecr.io"
    assert recording.result["registry"]["pushHost"] == recording.result["registry"]["pullHost"] == host
    [operator] = [i for i in recording.registered if "OperatorConfiguration" in i.type and i.custom]
    assert operator.inputs["spec"]["registry"]["pushURL"] == host


def test_trust_names_exactly_one_issuer_audience_and_subject(acr: Acr) -> None:
    recording = acr({**NEW, "authentication": WORKLOAD_IDENTITY}, ["orders", "billing"])
    assert {
        (i.inputs["issuer"], i.inputs["subject"], *i.inputs["audiences"]) for i in recording.of_type(CREDENTIAL)
    } == {
        (ISSUER, "system:serviceaccount:orders:mendix-builder", "api://AzureADTokenExchange"),
        (ISSUER, "system:serviceaccount:billing:mendix-builder", "api://AzureADTokenExchange"),
    }
    # Each namespace is somebody of its own.
    assert len({i.inputs["resourceName"] for i in recording.of_type(CREDENTIAL)}) == 2


def test_a_sovereign_cloud_has_its_audience_and_client_environment(acr: Acr) -> None:
    audience = "api://AzureADTokenExchangeChina"
    recording = acr({**NEW, "azureEnvironment": "china", "authentication": {**WORKLOAD_IDENTITY, "audience": audience}})
    assert recording.one(CREDENTIAL).inputs["audiences"] == [audience]
    [container] = settle(recording).inputs["spec"]["template"]["spec"]["containers"]
    assert {"name": "AZURE_ENVIRONMENT", "value": "AzureChinaCloud"} in container["env"]


def test_abac_roles_hold_for_the_namespaces_repository_only(acr: Acr) -> None:
    recording = acr({**NEW, "authentication": WORKLOAD_IDENTITY}, ["orders", "billing"])
    for name in ("orders", "billing"):
        item = recording.one(ASSIGNMENT, f"registry-{name}")
        assert role(item) == REPOSITORY_WRITER and item.inputs["conditionVersion"] == "2.0"
        assert item.inputs["condition"] == repository_condition([f"mendixapps/{name}"])
        assert item.inputs["principalType"] == "ServicePrincipal"
        assert item.inputs["scope"].endswith("/registries/mendixacr")
        assert item.inputs["roleDefinitionId"].startswith(f"/subscriptions/{SUBSCRIPTION}/")


def test_a_classic_registry_gets_the_role_that_it_honours(acr: Acr) -> None:
    classic = {
        **NEW,
        "roleAssignmentMode": "classic",
        "kubeletObjectIds": [KUBELET],
        "authentication": WORKLOAD_IDENTITY,
    }
    recording = acr(classic)
    assert {role(item) for item in recording.of_type(ASSIGNMENT)} == {ACR_PUSH, ACR_PULL}
    assert not any("condition" in item.inputs for item in recording.of_type(ASSIGNMENT))


def test_the_condition_has_the_form_that_microsoft_documents() -> None:
    actions = "Microsoft.ContainerRegistry/registries/repositories"
    name = "@Request[Microsoft.ContainerRegistry/registries/repositories:name]"
    expected = (
        f"((!(ActionMatches{{'{actions}/content/read'}}) AND !(ActionMatches{{'{actions}/content/write'}}) "
        f"AND !(ActionMatches{{'{actions}/metadata/read'}}) AND !(ActionMatches{{'{actions}/metadata/write'}})) "
        f"OR ({name} StringEquals 'mendixapps/orders'))"
    )
    assert repository_condition(["mendixapps/orders"]) == expected
    # A prefix without its slash would open mendixapps/orders-archive, too.
    assert f"{name} StringStartsWith 'mendixapps/orders/'" in repository_condition(["mendixapps/orders"], below=True)


def test_nothing_pushes_before_azure_permits_it(acr: Acr) -> None:
    recording = acr({**NEW, "authentication": WORKLOAD_IDENTITY, "kubeletObjectIds": [KUBELET]}, ["orders", "billing"])
    waited = settle(recording).dependencies
    own = [i for i in recording.of_type(CREDENTIAL) if ":orders:" in i.inputs["subject"]]
    needed = [recording.one(MODE), recording.one(ASSIGNMENT, "registry-orders"), *own]
    needed.append(next(i for i in recording.of_type(ASSIGNMENT) if role(i) == REPOSITORY_READER))
    assert {item.urn for item in needed} <= waited
    others = [i.urn for i in recording.of_type(CREDENTIAL) if ":billing:" in i.inputs["subject"]]
    assert not waited & set(others), "a namespace waits for its own only"


def test_the_webhook_finds_service_account_and_pods(acr: Acr) -> None:
    recording = acr({**NEW, "authentication": WORKLOAD_IDENTITY})
    annotations = recording.one("kubernetes:core/v1:ServiceAccount").metadata["annotations"]
    assert set(annotations) == {"azure.workload.identity/client-id", "azure.workload.identity/tenant-id"}
    label = {"azure.workload.identity/use": "true"}
    assert label.items() <= settle(recording).inputs["spec"]["template"]["metadata"]["labels"].items()
    [operator] = [i for i in recording.registered if "OperatorConfiguration" in i.type and i.custom]
    assert operator.inputs["spec"]["customPodLabels"] == {"general": label}
    assert not recording.of_type(SECRET), "there is no password"


def test_credentials_of_one_identity_are_written_in_sequence(acr: Acr) -> None:
    """Azure: ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity."""
    names = [f"n{number}" for number in range(12)]
    recording = acr({**NEW, "authentication": {**WORKLOAD_IDENTITY, "sharedIdentities": 2}}, names)
    items = {item.urn: item for item in recording.of_type(CREDENTIAL)}
    for identity in {item.inputs["resourceName"] for item in items.values()}:
        chain = [item for item in items.values() if item.inputs["resourceName"] == identity]
        before = [item.dependencies & items.keys() for item in chain]
        # All in one line: any two wait for each other, so that any two that go are deleted one after the other, too.
        assert sorted(len(urns) for urns in before) == list(range(len(chain)))
        # Identities run beside each other.
        assert all(items[urn].inputs["resourceName"] == identity for urns in before for urn in urns)


def test_shared_identities_have_one_assignment_for_all_repositories(acr: Acr) -> None:
    """Azure has one assignment for an identity, a role and a scope; a second one is a conflict."""
    names = [f"n{number}" for number in range(12)]
    recording = acr({**NEW, "authentication": {**WORKLOAD_IDENTITY, "sharedIdentities": 2}}, names)
    assignments = recording.of_type(ASSIGNMENT)
    assert len(assignments) == len(recording.of_type(IDENTITY)) == 2
    assert sum(item.inputs["condition"].count("StringEquals") for item in assignments) == len(names)
    assert len({item.inputs["roleAssignmentName"] for item in assignments}) == 2


@pytest.mark.parametrize("authentication", [{"method": "admin"}, TOKENS], ids=lambda a: a["method"])
def test_the_password_is_a_secret_wherever_it_goes(acr: Acr, authentication: dict[str, Any]) -> None:
    recording = acr({**NEW, "authentication": authentication})
    password = ADMIN_PASSWORD if authentication["method"] == "admin" else TOKEN_PASSWORD
    secret = recording.one(SECRET)
    assert "data" in secret.secrets
    for item in recording.registered:
        for key, value in item.inputs.items():
            assert password not in json.dumps(value, default=str) or key in item.secrets, f"{item.urn}.{key}"
    for urn, outputs in recording.outputs.items():
        assert password not in json.dumps(outputs, default=str), urn
    assert password in recording.result["mxpcConfiguration"]["orders"]


def test_the_second_admin_password_can_be_chosen_for_rotation(acr: Acr) -> None:
    recording = acr({**NEW, "authentication": {"method": "admin", "password": "password2"}})
    assert ADMIN_PASSWORD + "2" in recording.result["mxpcConfiguration"]["orders"]
    assert recording.one(REGISTRY).inputs["adminUserEnabled"] is True


def test_there_is_no_admin_user_unless_asked_for(acr: Acr) -> None:
    for authentication in (WORKLOAD_IDENTITY, TOKENS):
        assert acr({**NEW, "authentication": authentication}).one(REGISTRY).inputs["adminUserEnabled"] is False


def test_a_token_may_push_to_its_namespaces_repository_only(acr: Acr) -> None:
    recording = acr({**NEW, "authentication": TOKENS})
    assert recording.one("azure-native:containerregistry:ScopeMap").inputs["actions"] == [
        "repositories/mendixapps/orders/content/read",
        "repositories/mendixapps/orders/content/write",
        "repositories/mendixapps/orders/metadata/read",
    ]
    assert recording.one(TOKEN).urn in settle(recording).dependencies


def test_a_token_without_password_is_created_and_never_pushes(acr: Acr) -> None:
    passwords = {"orders": {"environment": "TOKEN"}, "billing": "pending"}
    recording = acr({**NEW, "authentication": {"method": "token", "passwords": passwords}}, ["orders", "billing"])
    assert {item.inputs["tokenName"] for item in recording.of_type(TOKEN)} == {"mendix-orders", "mendix-billing"}
    assert recording.one(SECRET).inputs["metadata"]["namespace"] == "orders"
    assert {item.name for item in recording.of_type(JOB)} == {"orders-push", "orders-pull"}
    assert recording.result["namespaces"]["billing"]["pushedAs"] == "no one yet: its token has no password"


def test_nodes_use_the_pull_secret_before_kubelet_identities_may(acr: Acr) -> None:
    link = "kubernetes:core/v1:ServiceAccountPatch"
    assert acr({**NEW, "authentication": {"method": "admin"}}).of_type(link)
    attached = acr({**NEW, "authentication": {"method": "admin"}, "kubeletObjectIds": [KUBELET]})
    assert not attached.of_type(link)
    [pull] = attached.of_type(ASSIGNMENT)
    assert (pull.inputs["principalId"], role(pull)) == (KUBELET, REPOSITORY_READER)


def test_an_existing_registry_is_only_given_a_role(acr: Acr) -> None:
    recording = acr(
        {
            "existing": EXISTING,
            "resourceGroup": "rg-mendix",
            "roleAssignmentMode": "abac",
            "authentication": WORKLOAD_IDENTITY,
        }
    )
    assert not recording.of_type(REGISTRY) and not recording.of_type(MODE)
    assert recording.result["registry"]["pushHost"] == "companyacr-a1b2c3d4e5.azurecr.io"
    assert recording.one(ASSIGNMENT).inputs["scope"] == EXISTING
    assert recording.one(IDENTITY).inputs["resourceGroupName"] == "rg-mendix"


def test_a_given_login_server_spares_the_question(acr: Acr) -> None:
    given = {"existing": EXISTING, "loginServer": "companyacr.azurecr.cn", "roleAssignmentMode": "classic"}
    # listRegistryCredentials is asked, getRegistry is not: the runner would refuse nothing, so the answer is looked at.
    recording = acr({**given, "authentication": {"method": "admin"}})
    assert recording.result["registry"]["pushHost"] == "companyacr.azurecr.cn"


def test_an_imported_registry_is_protected_even_without_deletion_protection(acr: Acr) -> None:
    given = {"import": EXISTING, "roleAssignmentMode": "classic", "authentication": WORKLOAD_IDENTITY}
    recording = acr({**given, "deletionProtection": False})
    item = recording.one(REGISTRY)
    assert item.import_id == EXISTING and item.protect
    assert (item.inputs["resourceGroupName"], item.inputs["registryName"]) == ("rg-shared", "companyacr")


@pytest.mark.parametrize("mode", ["abac", "classic"])
def test_an_imported_registry_keeps_its_mode(acr: Acr, mode: str) -> None:
    """The incident: an import put the registry once more in ABAC mode, and everybody else's AcrPush and AcrPull ended."""
    given = {"import": EXISTING, "roleAssignmentMode": mode, "authentication": WORKLOAD_IDENTITY}
    recording = acr({**given, "kubeletObjectIds": [KUBELET]})
    assert not recording.of_type(MODE)
    push, pull = (REPOSITORY_WRITER, REPOSITORY_READER) if mode == "abac" else (ACR_PUSH, ACR_PULL)
    roles = {item.inputs["roleDefinitionId"].rpartition("/")[2] for item in recording.of_type(ASSIGNMENT)}
    assert roles == {push, pull}
    assert recording.one(REGISTRY).urn in recording.one("kubernetes:batch/v1:Job", "orders-push").dependencies


def test_a_new_registry_is_protected_by_default(acr: Acr) -> None:
    assert acr({**NEW, "authentication": WORKLOAD_IDENTITY}).one(REGISTRY).protect
    assert not acr({**NEW, "deletionProtection": False, "authentication": WORKLOAD_IDENTITY}).one(REGISTRY).protect


def test_one_existing_identity_serves_all_namespaces(acr: Acr) -> None:
    recording = acr(
        {**NEW, "authentication": {**WORKLOAD_IDENTITY, "existing": EXISTING_IDENTITY}}, ["orders", "billing"]
    )
    assert not recording.of_type(IDENTITY)
    assert {(i.inputs["resourceGroupName"], i.inputs["resourceName"]) for i in recording.of_type(CREDENTIAL)} == {
        ("rg-id", "builder")
    }
    assert recording.one(ASSIGNMENT).inputs["condition"].count("StringEquals") == 2


def test_an_imported_identity_is_protected(acr: Acr) -> None:
    recording = acr({**NEW, "authentication": {**WORKLOAD_IDENTITY, "import": EXISTING_IDENTITY}})
    item = recording.one(IDENTITY)
    assert item.import_id == EXISTING_IDENTITY and item.protect


@pytest.mark.parametrize("authentication", [WORKLOAD_IDENTITY, {"method": "admin"}, TOKENS], ids=lambda a: a["method"])
def test_a_preview_of_a_new_stack_asks_azure_nothing(authentication: dict[str, Any]) -> None:
    """What Azure would make up is unknown then; nothing may wait for it in order to be shown."""

    def unknown(*names: str) -> Any:
        return lambda args: {"id": "", **dict.fromkeys(names, UNKNOWN)}

    answers = {
        REGISTRY: unknown("name", "loginServer", "dataEndpointHostNames"),
        IDENTITY: unknown("name", "clientId", "principalId", "tenantId"),
        TOKEN: unknown("name"),
        "azure-native:containerregistry:ScopeMap": unknown(),
    }
    settings = read({**NEW, "authentication": authentication, "kubeletObjectIds": [KUBELET]})
    preview = run(lambda: deploy(settings), answers=answers, preview=True)
    update = run(lambda: deploy(settings), answers=ANSWERS, calls=CALLS)
    assert {item.urn for item in preview.registered} == {item.urn for item in update.registered}
    assert preview.one(REGISTRY).inputs == update.one(REGISTRY).inputs
    for item in preview.of_type(CREDENTIAL):
        assert item.inputs["subject"] == "system:serviceaccount:orders:mendix-builder"


def test_components_stand_on_their_own_in_another_program() -> None:
    import pulumi

    def program() -> dict[str, pulumi.Output[Any]]:
        outer = pulumi.ResourceOptions(protect=True, aliases=[pulumi.Alias(name="old")])
        registry = AcrRegistry(
            "r", {"resource_group": "rg", "registry_name": "mendixacr", "protect": False}, opts=outer
        )
        identity = AcrIdentity(
            "i",
            {
                "resource_group": "rg",
                "identity_name": "builder",
                "issuer_urls": [ISSUER],
                "service_accounts": [{"namespace": "orders", "name": "mendix-builder"}],
            },
        )
        return {"host": registry.login_server, "client": identity.client_id}

    recording = run(program, answers=ANSWERS)
    assert recording.result["host"] == "mendixacr-a1b2c3d4e5.azurecr.io"
    # The SDK itself gives each of these types aliases of older versions; the caller's own would be one more.
    plain = run(
        lambda: AcrRegistry("r", {"resource_group": "rg", "registry_name": "mendixacr", "protect": False}),
        answers=ANSWERS,
    )
    assert recording.one(REGISTRY).aliases == plain.one(REGISTRY).aliases
    with pytest.raises(ValueError, match="20"):
        AcrIdentity(
            "many",
            {
                "existing_id": EXISTING_IDENTITY,
                "issuer_urls": [ISSUER],
                "service_accounts": [{"namespace": f"n{n}", "name": "b"} for n in range(21)],
            },
        )

"""Azure Resource Manager as Microsoft's own management clients see it: limits, conflicts, immutables."""

from __future__ import annotations

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.core.exceptions import HttpResponseError

from tests.rehearsal.emulators.azure.conftest import ACR_PUSH, GROUP, HOST, WRITER, Azure

pytestmark = pytest.mark.slow


def code_of(error: pytest.ExceptionInfo[HttpResponseError]) -> str:
    assert error.value.error is not None
    return str(error.value.error.code)


def test_the_21st_credential_of_an_identity_is_rejected(azure: Azure) -> None:
    azure.identity("builder", *(f"ns-{number}:builder" for number in range(20)))
    with pytest.raises(HttpResponseError, match="at most 20") as error:
        azure.trust("builder", "system:serviceaccount:ns-20:builder", "ns-20")
    assert error.value.status_code == 400
    listed = azure.cloud.store.below(f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/builder")
    assert len(listed) == 20


def test_parallel_credentials_conflict_under_one_identity_only(azure: Azure) -> None:
    azure.identity("one")
    azure.identity("two")

    def write(identity: str, name: str) -> str:
        try:
            azure.trust(identity, f"system:serviceaccount:{name}:builder", name)
        except HttpResponseError as error:
            return str(error.error.code if error.error else "")
        return "written"

    with ThreadPoolExecutor(2) as pool:
        same = [future.result() for future in [pool.submit(write, "one", name) for name in ("aaa", "bbb")]]
        apart = [future.result() for future in [pool.submit(write, identity, "ccc") for identity in ("one", "two")]]
    assert sorted(same) == ["ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity", "written"]
    assert apart == ["written", "written"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"subject": "system:serviceaccount:*:builder"}, "wildcard"),
        ({"audiences": ["one", "two"]}, "exactly one audience"),
        ({"audiences": []}, "exactly one audience"),
        ({"issuer": "http://issuer.example.com"}, "https"),
        ({"subject": "s" * 601}, "1 to 600"),
    ],
)
def test_a_credential_that_entra_would_not_take(azure: Azure, given: dict[str, Any], says: str) -> None:
    azure.identity()
    with pytest.raises(HttpResponseError, match=says):
        azure.trust("builder", given.pop("subject", "system:serviceaccount:orders:builder"), "orders", **given)


def test_issuer_and_subject_only_once_under_an_identity(azure: Azure) -> None:
    azure.identity("builder", "orders:builder")
    with pytest.raises(HttpResponseError, match="already exists") as error:
        azure.trust("builder", "system:serviceaccount:orders:builder", "another-name")
    assert error.value.status_code == 409


def test_a_role_is_assigned_once_to_one_principal(azure: Azure) -> None:
    registry, first, second = azure.registry(abac=False), azure.identity("one"), azure.identity("two")
    name = str(uuid.uuid4())
    azure.assign(registry, first.principal_id, ACR_PUSH, name)
    azure.assign(registry, first.principal_id, ACR_PUSH, name)
    with pytest.raises(HttpResponseError) as error:
        azure.assign(registry, first.principal_id, ACR_PUSH)
    assert code_of(error) == "RoleAssignmentExists"
    with pytest.raises(HttpResponseError) as error:
        azure.assign(registry, second.principal_id, ACR_PUSH, name)
    assert code_of(error) == "RoleAssignmentUpdateNotPermitted"


@pytest.mark.parametrize(
    ("role", "given", "code"),
    [
        ("2a1e307c-b015-4ebd-883e-5b7698d27924", {}, "RoleDefinitionDoesNotExist"),
        (ACR_PUSH, {"principalType": "User"}, "UnmatchedPrincipalType"),
        (WRITER, {"condition": "nonsense", "conditionVersion": "2.0"}, "InvalidCondition"),
        (WRITER, {"condition": "@Request[a:b] StringEquals 'x'"}, "InvalidConditionVersion"),
        (ACR_PUSH, {"condition": "@Request[a:b] StringEquals 'x'", "conditionVersion": "2.0"}, "InvalidCondition"),
    ],
)
def test_an_assignment_that_azure_would_not_take(azure: Azure, role: str, given: dict[str, str], code: str) -> None:
    with pytest.raises(HttpResponseError) as error:
        azure.assign(azure.registry(), azure.identity().principal_id, role, **given)
    assert code_of(error) == code


def test_a_registry_name_is_taken_worldwide(azure: Azure) -> None:
    azure.registry()
    other = GROUP.replace("rg-mendix", "rg-other")
    azure.put(other, {"location": "westeurope"})
    body = {"location": "westeurope", "sku": {"name": "Basic"}, "properties": {}}
    answer = azure.put(f"{other}/providers/Microsoft.ContainerRegistry/registries/exampleMendixAcr", body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "AlreadyInUse")


@pytest.mark.parametrize(
    "properties",
    [
        {"publicNetworkAccess": "Disabled"},
        {"dataEndpointEnabled": True},
        {"networkRuleSet": {"defaultAction": "Deny", "ipRules": []}},
        {"policies": {"retentionPolicy": {"days": 7, "status": "enabled"}}},
        {"policies": {"exportPolicy": {"status": "disabled"}}},
    ],
)
def test_only_premium_registries_have_their_features(azure: Azure, properties: dict[str, Any]) -> None:
    path = f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/examplemendixacr"
    body = {"location": "westeurope", "sku": {"name": "Standard"}, "properties": properties}
    assert azure.put(path, body).json()["error"]["code"] == "FeatureNotSupportedInSku"
    assert azure.put(path, {**body, "sku": {"name": "Premium"}}).status_code == 201


def test_a_template_sets_the_mode_that_older_apis_lack(azure: Azure) -> None:
    path = f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/examplemendixacr"
    body: dict[str, Any] = {"location": "westeurope", "sku": {"name": "Standard"}, "properties": {}}
    old = "2024-11-01-preview"
    assert azure.put(path, body, old).status_code == 201
    refused = azure.put(path, {**body, "properties": {"roleAssignmentMode": "AbacRepositoryPermissions"}}, old)
    assert refused.status_code == 400
    resource = {
        **body,
        "type": "Microsoft.ContainerRegistry/registries",
        "apiVersion": "2025-11-01",
        "name": "examplemendixacr",
        "location": "[resourceGroup().location]",
        "tags": {"note": "[[in brackets]"},
        "properties": {"roleAssignmentMode": "AbacRepositoryPermissions"},
    }
    deployment = {"properties": {"mode": "Incremental", "template": {"resources": [resource]}}}
    answer = azure.put(f"{GROUP}/providers/Microsoft.Resources/deployments/mode", deployment)
    assert answer.status_code == 201, answer.text
    found = azure.registries.registries.get("rg-mendix", "examplemendixacr")
    assert (found.role_assignment_mode, found.location, found.tags) == (
        "AbacRepositoryPermissions", "westeurope", {"note": "[in brackets]"}
    )  # fmt: skip
    resource["apiVersion"] = old
    answer = azure.put(f"{GROUP}/providers/Microsoft.Resources/deployments/mode", deployment)
    assert answer.json()["error"]["code"] == "DeploymentFailed"


def test_admin_passwords_need_the_admin_user_and_survive_restarts(azure: Azure, make_azure: Any) -> None:
    azure.registry()
    with pytest.raises(HttpResponseError, match="admin-disabled"):
        azure.registries.registries.list_credentials("rg-mendix", "examplemendixacr")
    azure.registry("withadmin", admin=True)
    before = azure.registries.registries.list_credentials("rg-mendix", "withadmin")
    again = make_azure().registries.registries.list_credentials("rg-mendix", "withadmin")
    assert before.passwords and again.passwords
    assert [item.value for item in before.passwords] == [item.value for item in again.passwords]
    changed = azure.registries.registries.regenerate_credential("rg-mendix", "withadmin", {"name": "password"})  # type: ignore[call-overload]
    assert changed.passwords[0].value != before.passwords[0].value
    assert changed.passwords[1].value == before.passwords[1].value


def test_the_emulators_files_have_no_password(azure: Azure, tmp_path: Path) -> None:
    registry = azure.registry("withadmin", admin=True)
    found = azure.registries.registries.list_credentials("rg-mendix", "withadmin")
    azure.put(f"{registry}/scopeMaps/orders", {"properties": {"actions": ["repositories/orders/content/read"]}})
    azure.put(f"{registry}/tokens/orders", {"properties": {"scopeMapId": f"{registry}/scopeMaps/orders"}})
    made = azure.registries.registries.begin_generate_credentials(
        "rg-mendix",
        "withadmin",
        {"tokenId": f"{registry}/tokens/orders"},  # type: ignore[arg-type]
    ).result()
    passwords = [item.value for item in [*(found.passwords or []), *(made.passwords or [])]]
    kept = b"".join(file.read_bytes() for file in (tmp_path / "azure").iterdir())
    assert len(passwords) == 4
    assert not [value for value in passwords if str(value).encode() in kept]
    assert {oct(file.stat().st_mode & 0o777) for file in (tmp_path / "azure").iterdir()} == {"0o600"}


def test_who_is_not_the_operator_may_not_manage(azure: Azure) -> None:
    made = azure.identity("builder", "orders:builder")
    access = azure.sign_in(made.client_id, azure.token("orders", "builder"))
    for token, status in (("nonsense", 401), (access, 403)):
        headers = {"authorization": f"Bearer {token}"}
        answer = httpx.get(
            f"{azure.arm}{GROUP}", params={"api-version": "2024-03-01"}, headers=headers, trust_env=False
        )
        assert answer.status_code == status, json.dumps(answer.json())


def test_a_login_server_may_have_a_hash(azure: Azure) -> None:
    path = f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/examplemendixacr"
    scope = {"autoGeneratedDomainNameLabelScope": "TenantReuse"}
    azure.put(path, {"location": "westeurope", "sku": {"name": "Basic"}, "properties": scope})
    found = azure.registries.registries.get("rg-mendix", "examplemendixacr").login_server or ""
    assert found.startswith("examplemendixacr-")
    assert found.endswith(".azurecr.io")
    assert found != HOST

"""Azure Container Registry: what an identity, a token and the admin user get from the realm, and what the registry lets pass."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable

import pytest

from mendix_registry.kinds.microsoft_acr.roles import repository_condition
from mendix_registry.kinds.microsoft_acr.token import scope_actions
from rehearsal.emulators.azure.store import Store
from rehearsal.registry.authority import Action, Allowed, Refused, RegistryRequest
from tests.rehearsal.emulators.azure.conftest import ACR_PUSH, HOST, WRITER, Azure

pytestmark = pytest.mark.slow

READER, ACR_PULL = "b93aa761-3e63-49ed-ac28-beffa264f7ac", "7f951dda-4ed3-4680-a7ca-43fe172d538d"
OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"


def refresh(azure: Azure) -> tuple[str, str]:
    """Object id of an identity, and its refresh token for the registry."""
    made = azure.identity("builder", "orders:builder")
    return made.principal_id, azure.refresh_token(azure.sign_in(made.client_id, azure.token("orders", "builder")))


def access(azure: Azure, token: str, repository: str = "mendixapps/orders", actions: str = "pull,push") -> str:
    """An access token; empty where the realm refuses."""
    scope = f"repository:{repository}:{actions}"
    answer = azure.ask("/oauth2/token", grant_type="refresh_token", service=HOST, scope=scope, refresh_token=token)
    assert answer.status_code in (200, 401), answer.text
    return answer.json()["access_token"] if answer.status_code == 200 else ""


def authorize(
    azure: Azure, action: Action, authorization: str, repository: str = "mendixapps/orders"
) -> Allowed | Refused:
    request = RegistryRequest(HOST, action, repository, "v1", authorization=authorization)
    return asyncio.run(azure.cloud.acr.authorize(request))


def reason(azure: Azure) -> str:
    return azure.decisions.after(0)[-1]["reason"]


def test_a_writer_with_a_condition_pushes_to_its_repository(azure: Azure) -> None:
    registry = azure.registry()
    principal, token = refresh(azure)
    condition = repository_condition(["mendixapps/orders"])
    azure.assign(registry, principal, WRITER, condition=condition, conditionVersion="2.0")
    bearer = f"Bearer {access(azure, token)}"
    assert isinstance(authorize(azure, "write-manifest", bearer), Allowed)
    assert isinstance(authorize(azure, "read-manifest", bearer), Allowed)
    refused = authorize(azure, "write-manifest", bearer, "mendixapps/billing")
    assert isinstance(refused, Refused)
    assert "condition" in refused.message
    assert not access(azure, token, "mendixapps/billing")
    assert "condition of Container Registry Repository Writer" in reason(azure)


@pytest.mark.parametrize(
    ("abac", "role", "pushes"),
    [(True, ACR_PUSH, False), (True, WRITER, True), (True, OWNER, False), (True, READER, False),
     (False, ACR_PUSH, True), (False, WRITER, False), (False, OWNER, True), (False, ACR_PULL, False)],
)  # fmt: skip
def test_each_mode_honours_its_own_roles_only(azure: Azure, abac: bool, role: str, pushes: bool) -> None:
    registry = azure.registry(abac=abac)
    principal, token = refresh(azure)
    azure.assign(registry, principal, role)
    verdict = authorize(azure, "start-upload", f"Bearer {access(azure, token)}")
    assert isinstance(verdict, Allowed) is pushes


def test_acr_push_on_an_abac_registry_is_the_cause(azure: Azure) -> None:
    registry = azure.registry()
    principal, token = refresh(azure)
    azure.assign(registry, principal, ACR_PUSH)
    assert not access(azure, token)
    assert "AcrPush is a role of the other mode" in reason(azure)


def test_a_role_of_the_group_holds_for_its_registries(azure: Azure) -> None:
    registry = azure.registry(abac=False)
    principal, token = refresh(azure)
    azure.assign(registry.partition("/providers/")[0], principal, ACR_PUSH)
    assert access(azure, token)


def test_a_new_role_is_seen_only_after_a_while(make_azure: Callable[..., Azure]) -> None:
    azure = make_azure()
    registry = azure.registry()
    principal, token = refresh(azure)
    azure.cloud.acr._delay = 60.0
    azure.assign(registry, principal, WRITER)
    assert not access(azure, token)
    azure.cloud.acr._delay = 0.0
    assert access(azure, token)


def test_a_token_pushes_where_its_scope_map_allows(azure: Azure) -> None:
    registry = azure.registry()
    actions = scope_actions(["mendixapps/orders"], below=True)
    assert azure.put(f"{registry}/scopeMaps/orders", {"properties": {"actions": actions}}).status_code == 201
    token = {"properties": {"scopeMapId": f"{registry}/scopeMaps/orders", "status": "enabled"}}
    assert azure.put(f"{registry}/tokens/orders", token).status_code == 201
    made = azure.registries.registries.begin_generate_credentials(
        "rg-mendix",
        "examplemendixacr",
        {"tokenId": f"{registry}/tokens/orders"},  # type: ignore[arg-type]
    ).result()
    assert made.passwords
    pair = f"orders:{made.passwords[0].value}"
    basic = f"Basic {base64.b64encode(pair.encode()).decode()}"
    assert isinstance(authorize(azure, "write-manifest", basic), Allowed)
    assert isinstance(authorize(azure, "write-manifest", basic, "mendixapps/orders/base"), Allowed)
    assert isinstance(authorize(azure, "write-manifest", basic, "mendixapps/orders-archive"), Refused)
    assert isinstance(authorize(azure, "delete-manifest", basic), Refused)
    azure.put(f"{registry}/tokens/orders", {"properties": {**token["properties"], "status": "disabled"}})
    assert isinstance(authorize(azure, "write-manifest", basic), Refused)


def test_the_admin_user_with_either_password_and_no_other(azure: Azure) -> None:
    azure.registry(admin=True)
    found = azure.registries.registries.list_credentials("rg-mendix", "examplemendixacr")
    assert found.passwords
    given = [*(str(item.value) for item in found.passwords), "wrong"]
    form = {"grant_type": "password", "service": HOST, "scope": "repository:any:push", "username": "examplemendixacr"}
    answers = [azure.ask("/oauth2/token", password=value, **form).status_code for value in given]
    assert answers == [200, 200, 401]


def test_a_refresh_token_is_for_one_registry(azure: Azure) -> None:
    registry, other = azure.registry(abac=False), azure.registry("anotherregistry", abac=False)
    principal, token = refresh(azure)
    for scope in (registry, other):
        azure.assign(scope, principal, ACR_PUSH)
    form = {"grant_type": "refresh_token", "refresh_token": token, "scope": "repository:any:push"}
    assert azure.ask("/oauth2/token", HOST, **form).status_code == 200
    assert azure.ask("/oauth2/token", "anotherregistry.azurecr.io", **form).status_code == 401


def test_no_one_gets_anything_without_credentials(azure: Azure) -> None:
    azure.registry()
    refused = authorize(azure, "read-manifest", "")
    assert isinstance(refused, Refused)
    assert refused.headers["www-authenticate"] == (
        f'Bearer realm="https://{HOST}/oauth2/token",service="{HOST}",scope="repository:mendixapps/orders:pull"'
    )
    answer = azure.ask("/oauth2/exchange", grant_type="access_token", service=HOST, access_token="made-up")
    assert answer.status_code == 401
    assert isinstance(azure.cloud.store, Store)


def test_a_registry_that_is_made_again_is_empty(azure: Azure) -> None:
    """What was pushed to the first of two registries of one name must not be in the second."""
    stored: list[str] = []
    for _ in range(2):
        registry = azure.registry(abac=False)
        principal, token = refresh(azure)
        azure.assign(registry, principal, ACR_PUSH)
        allowed = authorize(azure, "write-manifest", f"Bearer {access(azure, token)}")
        assert isinstance(allowed, Allowed)
        stored.append(allowed.storage)
        azure.cloud.store.delete(registry)
    assert stored[0] != stored[1]

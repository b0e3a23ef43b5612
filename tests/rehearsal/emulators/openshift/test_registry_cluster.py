"""OpenShift's registry asked with tokens of a real cluster: its authenticators and its RBAC decide."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from rehearsal.access_matrix.tokens import Forger
from rehearsal.emulators.decisions import DecisionLog
from rehearsal.emulators.openshift.api import PlatformApi
from rehearsal.emulators.openshift.registry import ImageStreams, OpenShiftRegistry, TokenEndpoint
from rehearsal.registry.authority import Action, Allowed, Refused, RegistryRequest

pytestmark = [pytest.mark.cluster]

HOST = "image-registry.openshift-image-registry.svc"
GET, UPDATE = ("imagestreams/layers", "get"), ("imagestreams/layers", "update")
CREATE = ("imagestreams", "create")
Authorize = Callable[..., Awaitable[Allowed | Refused]]


@pytest.fixture
def decisions() -> DecisionLog:
    return DecisionLog()


@pytest.fixture
def registry(api: PlatformApi, decisions: DecisionLog, tmp_path: Path) -> OpenShiftRegistry:
    return OpenShiftRegistry(api, ImageStreams(tmp_path / "image-streams.json"), decisions)


@pytest.fixture
def authorize(registry: OpenShiftRegistry) -> Authorize:
    async def ask(token: str, action: Action, repository: str, *, refused: bool | None = None) -> Allowed | Refused:
        request = RegistryRequest(HOST, action, repository, "t", authorization=f"Bearer {token}" if token else "")
        for _ in range(400):
            verdict = await registry.authorize(request)
            # RBAC learns of a new role some moments later.
            if refused is None or isinstance(verdict, Refused) == refused:
                return verdict
            await asyncio.sleep(0.05)
        return verdict

    return ask


async def test_updaters_of_layers_push_to_their_own_project_only(authorize: Authorize, project: Any) -> None:
    orders, billing = project(), project()
    orders.allow(GET, UPDATE)
    assert await authorize(orders.token(), "start-upload", f"{orders.name}/apps", refused=False) == Allowed(
        f"openshift/{orders.name}/apps"
    )
    assert isinstance(await authorize(orders.token(), "start-upload", f"{billing.name}/apps"), Refused)
    assert isinstance(await authorize(orders.token("default"), "start-upload", f"{orders.name}/apps"), Refused)


async def test_whoever_may_only_read_pulls_and_does_not_push(
    authorize: Authorize, project: Any, decisions: DecisionLog
) -> None:
    orders = project()
    orders.allow(GET)
    assert isinstance(await authorize(orders.token(), "read-manifest", f"{orders.name}/apps", refused=False), Allowed)
    verdict = await authorize(orders.token(), "write-manifest", f"{orders.name}/apps")
    assert isinstance(verdict, Refused)
    # As the real one: it says so to whoever may not, too.
    assert (verdict.status, verdict.code) == (401, "UNAUTHORIZED")
    assert verdict.headers["www-authenticate"] == 'Basic realm=openshift,error="access denied"'
    refusal = decisions.after(0)[-1]
    assert refusal["service"] == "subjectaccessreview"
    assert f"{orders.name}:builder may not update imagestreams/layers" in refusal["reason"]


async def test_a_push_needs_the_right_to_read_as_well(authorize: Authorize, project: Any) -> None:
    orders = project()
    orders.allow(UPDATE)
    verdict = await authorize(orders.token(), "start-upload", f"{orders.name}/apps")
    assert isinstance(verdict, Refused)
    assert "may not get imagestreams/layers" in verdict.message


async def test_the_first_push_creates_the_image_stream_as_pusher(
    registry: OpenShiftRegistry, authorize: Authorize, project: Any
) -> None:
    orders = project()
    orders.allow(GET, UPDATE)
    request = RegistryRequest(HOST, "write-manifest", f"{orders.name}/apps", "t", "", f"Bearer {orders.token()}")
    assert isinstance(await authorize(orders.token(), "write-manifest", f"{orders.name}/apps", refused=False), Allowed)
    verdict = await registry.before_manifest(request, b"{}", "")
    assert verdict is not None
    assert verdict.status == 403
    assert "may not create imagestreams" in verdict.message
    orders.allow(GET, UPDATE, CREATE)
    for _ in range(100):
        if (verdict := await registry.before_manifest(request, b"{}", "")) is None:
            break
        await asyncio.sleep(0.05)
    assert verdict is None
    await registry.manifest_written(request, b"{}", "", "sha256:0")
    # The stream is there now: whoever may update its layers needs no more.
    orders.allow(GET, UPDATE)
    assert await registry.before_manifest(request, b"{}", "") is None


@pytest.mark.parametrize("fault", ["audience", "expired", "signature", "cryptographic", "another-cluster"])
async def test_a_foreign_token_belongs_to_no_identity(
    authorize: Authorize, project: Any, decisions: DecisionLog, cluster: Any, fault: str
) -> None:
    orders, neighbour = project(), project()
    orders.allow(GET, UPDATE)
    forger, own = Forger(cluster.signing_key), orders.token()
    token = {
        "audience": lambda: orders.token(audience="sts.amazonaws.com"),
        "expired": lambda: forger.expired(own),
        "signature": lambda: forger.other_cluster(own),
        "another-cluster": lambda: forger.other_issuer(own),
        "cryptographic": lambda: forger.tampered(neighbour.token(), f"system:serviceaccount:{orders.name}:builder"),
    }[fault]()
    verdict = await authorize(token, "start-upload", f"{orders.name}/apps")
    assert isinstance(verdict, Refused)
    refusal = decisions.after(0)[-1]
    assert (refusal["service"], refusal["allowed"]) == ("tokenreview", False)
    assert fault in refusal["reason"]
    assert token not in str(decisions.after(0))


@pytest.mark.slow  # The API server remembers for ten seconds whose a token is.
async def test_a_deleted_service_accounts_token_is_soon_denied(
    authorize: Authorize, project: Any, api: PlatformApi
) -> None:
    orders = project()
    orders.allow(GET)
    token = orders.token()
    assert isinstance(await authorize(token, "read-manifest", f"{orders.name}/apps", refused=False), Allowed)
    await api.delete(f"/api/v1/namespaces/{orders.name}/serviceaccounts/builder")
    assert isinstance(await authorize(token, "read-manifest", f"{orders.name}/apps", refused=True), Refused)


@pytest.mark.parametrize("repository", ["apps", "{0}/team/apps"])
async def test_what_is_no_image_stream_is_no_repository(authorize: Authorize, project: Any, repository: str) -> None:
    orders = project()
    verdict = await authorize(orders.token(), "start-upload", repository.format(orders.name))
    assert isinstance(verdict, Refused)
    assert verdict.status == 400
    assert "repository namespace required" in verdict.message


async def test_anonymous_requests_need_a_token_and_get_nothing(authorize: Authorize, project: Any) -> None:
    orders = project()
    asked = await authorize("", "ping", "")
    assert isinstance(asked, Refused)
    assert asked.headers["www-authenticate"] == f'Bearer realm="https://{HOST}/openshift/token"'
    refused = await authorize("anonymous", "read-manifest", f"{orders.name}/apps")
    assert isinstance(refused, Refused)
    assert "system:anonymous may not get" in refused.message


async def test_only_an_administrator_deletes_images(authorize: Authorize, project: Any) -> None:
    orders = project()
    orders.allow(GET, UPDATE, CREATE, ("imagestreams", "delete"), ("images", "delete"))
    verdict = await authorize(orders.token(), "delete-manifest", f"{orders.name}/apps")
    assert isinstance(verdict, Refused)
    assert "may not delete images in API group image.openshift.io in the cluster" in verdict.message


async def test_the_token_endpoint_returns_only_a_valid_password(registry: OpenShiftRegistry, project: Any) -> None:
    orders = project()
    application = Starlette(routes=[Mount("/openshift/token", TokenEndpoint(registry))])
    transport = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=transport, base_url=f"https://{HOST}") as client:

        async def ask(password: str, **query: str) -> httpx.Response:
            basic = base64.b64encode(f"serviceaccount:{password}".encode()).decode()
            headers = {"authorization": f"Basic {basic}"}
            return await client.get("/openshift/token/", headers=headers, params=query)

        own = orders.token()
        good = await ask(own, scope=f"repository:{orders.name}/apps:push,pull")
        assert (good.status_code, good.json()["token"]) == (200, own)
        assert (await ask("a password")).status_code == 401
        assert (await ask(own, scope="repository:apps:pull")).json() == {"details": "repository namespace required"}
        assert (await client.get("/openshift/token/")).json()["token"] == "anonymous"

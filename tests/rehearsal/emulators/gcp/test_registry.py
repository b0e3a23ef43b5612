"""Artifact Registry as a Docker registry: who may do what where, and how it says no."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import httpx
import pytest

from rehearsal.emulators.gcp.access_tokens import FederatedCaller, ServiceAccountCaller
from rehearsal.emulators.gcp.conditions import ConditionError, holds
from rehearsal.emulators.gcp.registry import place_of
from rehearsal.registry.authority import Allowed, Refused, RegistryRequest
from tests.rehearsal.emulators.gcp.conftest import HOST, NUMBER, POOL, PROJECT, Google, principal

WRITER, READER = "roles/artifactregistry.writer", "roles/artifactregistry.reader"
REPOSITORY_TYPE = "artifactregistry.googleapis.com/Repository"


def token(google: Google, namespace: str = "orders", name: str = "builder") -> str:
    caller = FederatedCaller("iam.googleapis.com", NUMBER, POOL, namespace, name)
    return google.cloud.account.tokens.issue(caller, 3600)


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (WRITER, {"read-manifest", "write-manifest"}),
        (READER, {"read-manifest"}),
        ("roles/artifactregistry.repoAdmin", {"read-manifest", "write-manifest", "delete-manifest"}),
        ("roles/iam.serviceAccountUser", set[str]()),
    ],
)
async def test_a_role_allows_exactly_its_own_permissions(google: Google, role: str, allowed: set[str]) -> None:
    name = google.repository("orders")
    google.grant(name, role, principal("orders", "builder"))
    for action in ("read-manifest", "write-manifest", "delete-manifest"):
        verdict = await google.authorize(action, f"{PROJECT}/orders/apps", token(google))
        assert isinstance(verdict, Allowed) == (action in allowed), (action, verdict)


async def test_anonymous_requests_are_denied_in_googles_words(google: Google) -> None:
    google.repository("orders")
    verdict = await google.authorize("write-manifest", f"{PROJECT}/orders/apps", "anonymous")
    assert isinstance(verdict, Refused)
    assert (verdict.status, verdict.code) == (403, "DENIED")
    assert verdict.message.startswith("Unauthenticated request. Unauthenticated requests do not have permission")


async def test_anonymous_clients_are_sent_to_the_same_hosts_realm(google: Google) -> None:
    registry = google.cloud.registries[HOST]
    by_name = await registry.authorize(RegistryRequest(HOST, "ping", reached=HOST))
    assert by_name.headers["www-authenticate"] == f'Bearer realm="https://{HOST}/v2/token",service="{HOST}"'
    # A node's runtime asks by address and cannot resolve the name.
    by_address = await registry.authorize(RegistryRequest(HOST, "ping", reached="198.18.0.250"))
    assert f'realm="https://198.18.0.250/v2/token?ns={HOST}"' in by_address.headers["www-authenticate"]


def test_the_realm_accepts_only_valid_access_tokens(google: Google, serve: Any) -> None:
    with serve(google.cloud.realms[f"{HOST}/v2/token"]) as url:
        access = token(google)
        for user in ("_token", "oauth2accesstoken"):
            assert httpx.get(url, auth=(user, access)).json()["token"] == access
        assert httpx.get(url, auth=("_token", "stolen")).status_code == 401
        assert httpx.get(url, auth=("AWS", access)).status_code == 401
        assert httpx.get(url).json()["token"] == "anonymous"
        assert httpx.post(url, data={"grant_type": "password"}).status_code == 404


async def test_a_key_that_is_no_access_token_is_rejected(google: Google) -> None:
    basic = base64.b64encode(b"_json_key:{}").decode()
    request = RegistryRequest(HOST, "ping", authorization=f"Basic {basic}")
    verdict = await google.cloud.registries[HOST].authorize(request)
    assert isinstance(verdict, Refused)
    assert (verdict.status, "_json_key" in verdict.message) == (401, True)


async def test_an_immutable_tag_allows_only_the_same_push(google: Google) -> None:
    google.repository("orders", dockerConfig={"immutableTags": True})
    google.repository("mutable")
    registry = google.cloud.registries[HOST]
    for name, expected in (("orders", True), ("mutable", False)):
        request = RegistryRequest(HOST, "write-manifest", f"{PROJECT}/{name}/apps", "1.0")
        assert await registry.before_manifest(request, b"one", "") is None
        digest = f"sha256:{hashlib.sha256(b'one').hexdigest()}"
        await registry.manifest_written(request, b"one", "", digest)
        assert await registry.before_manifest(request, b"one", "") is None
        refused = await registry.before_manifest(request, b"two", "")
        assert (refused is not None) == expected
        if refused is not None:
            assert "The repository has enabled tag immutability" in refused.message


async def test_a_repository_created_again_is_empty(google: Google) -> None:
    name = google.repository("orders")
    google.grant(name, WRITER, principal("orders", "builder"))
    before = await google.authorize("read-manifest", f"{PROJECT}/orders/apps", token(google))
    google.repositories.delete(name=name).execute()
    assert isinstance(await google.authorize("read-manifest", f"{PROJECT}/orders/apps", token(google)), Refused)
    google.repository("orders")
    google.grant(name, WRITER, principal("orders", "builder"))
    after = await google.authorize("read-manifest", f"{PROJECT}/orders/apps", token(google))
    assert isinstance(before, Allowed)
    assert isinstance(after, Allowed)
    assert before.storage != after.storage


@pytest.mark.parametrize(
    ("host", "path", "repository", "image"),
    [
        (HOST, "p/r/a", "projects/p/locations/europe-west4/repositories/r", "a"),
        (HOST, "p/r/a/b", "projects/p/locations/europe-west4/repositories/r", "a/b"),
        (HOST, "example.com/p/r/a", "projects/example.com:p/locations/europe-west4/repositories/r", "a"),
        ("gcr.io", "p/a", "projects/p/locations/us/repositories/gcr.io", "a"),
        ("eu.gcr.io", "example.com/p/a/b", "projects/example.com:p/locations/europe/repositories/eu.gcr.io", "a/b"),
    ],
)
def test_a_path_means_what_it_means_at_google(host: str, path: str, repository: str, image: str) -> None:
    place = place_of(host, path, {HOST: "europe-west4"})
    assert place is not None
    assert (place.repository, place.image) == (repository, image)


@pytest.mark.parametrize(("host", "path"), [(HOST, "p/r"), (HOST, "p"), ("gcr.io", "p"), ("other.example", "p/r/a")])
def test_a_path_without_an_image_is_none(host: str, path: str) -> None:
    assert place_of(host, path, {HOST: "europe-west4"}) is None


async def test_nodes_pull_by_their_grants_on_the_project(google: Google) -> None:
    google.repository("orders")
    email = google.service_account("gke-nodes")
    project = google.api("cloudresourcemanager").projects()
    policy = {"bindings": [{"role": READER, "members": [f"serviceAccount:{email}"]}]}
    project.setIamPolicy(resource=PROJECT, body={"policy": policy}).execute()
    credentials = google.cloud.nodes.node_credentials(HOST)
    assert credentials is not None
    assert isinstance(await google.authorize("read-manifest", f"{PROJECT}/orders/apps", credentials[1]), Allowed)
    assert isinstance(await google.authorize("write-manifest", f"{PROJECT}/orders/apps", credentials[1]), Refused)


async def test_a_condition_that_cannot_be_evaluated_gives_no_permission(google: Google) -> None:
    name = google.repository("orders")
    for expression, expected in (
        (f"resource.name == '{name}'", True),
        ("request.time < timestamp('2020-01-01T00:00:00Z')", False),
        ("resource.matchTag('a/b', 'c')", False),
    ):
        condition = {"title": "only", "expression": expression}
        policy = {
            "version": 3,
            "bindings": [{"role": WRITER, "members": [principal("orders", "builder")], "condition": condition}],
        }
        google.repositories.setIamPolicy(resource=name, body={"policy": policy}).execute()
        verdict = await google.authorize("write-manifest", f"{PROJECT}/orders/apps", token(google))
        assert isinstance(verdict, Allowed) == expected, verdict
        if isinstance(verdict, Refused):
            assert "condition 'only'" in verdict.message


def test_clauses_are_joined_by_and() -> None:
    expression = 'resource.name.startsWith("projects/p/") && resource.service == "artifactregistry.googleapis.com"'
    assert holds(expression, "projects/p/locations/l/repositories/r", REPOSITORY_TYPE, 0)
    assert not holds(expression, "projects/q/locations/l/repositories/r", REPOSITORY_TYPE, 0)
    with pytest.raises(ConditionError):
        holds("resource.name.startsWith('a') || true", "a", REPOSITORY_TYPE, 0)


def test_an_access_token_ends(google: Google) -> None:
    tokens = google.cloud.account.tokens
    assert tokens.find(tokens.issue(ServiceAccountCaller("a@b", "1"), 60)) is not None
    assert tokens.find(tokens.issue(ServiceAccountCaller("a@b", "1"), -1)) is None

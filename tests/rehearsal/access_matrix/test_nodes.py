"""The node reads as whom the node endpoint says, by the way that a container runtime takes; a wrong answer there is told."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any, cast

import httpx
import pytest

from rehearsal.access_matrix.matrix import RefusedError
from rehearsal.access_matrix.nodes import NODES_HOST, Node
from rehearsal.access_matrix.registry import Service

HOST, REPOSITORY = "registry.example.com", "orders/apps"
BLOB = b"{}"
PART = {"digest": f"sha256:{hashlib.sha256(BLOB).hexdigest()}"}
MANIFEST = json.dumps({"config": PART, "layers": [PART]}).encode()
DIGEST = f"sha256:{hashlib.sha256(MANIFEST).hexdigest()}"
BASIC = f"Basic {base64.b64encode(b'node:secret').decode()}"


class Cloud:
    """A registry with a realm (or without), and the endpoint that gives the node its credentials."""

    def __init__(self, credentials: dict[str, Any], *, realm: bool = True) -> None:
        self.credentials, self.realm = credentials, realm
        self.asked: list[str] = []

    def client(self, host: str) -> httpx.Client:
        return httpx.Client(base_url=f"https://{host}", transport=httpx.MockTransport(self.answer))

    def answer(self, request: httpx.Request) -> httpx.Response:
        given, path = request.headers.get("authorization", ""), request.url.path
        self.asked.append(f"{request.url.host}{path}")
        if request.url.host == NODES_HOST:
            return httpx.Response(200, json=self.credentials if given == "Bearer the-node" else {})
        if request.url.host == "realm.example.com":
            allowed = given == BASIC and request.url.params["scope"] == f"repository:{REPOSITORY}:pull"
            return httpx.Response(200, json={"access_token": "t"}) if allowed else httpx.Response(401)
        if given != ("Bearer t" if self.realm else BASIC):
            challenge = f'Bearer realm="https://realm.example.com/token",service="{HOST}",scope="a:b:pull,push"'
            return httpx.Response(401, headers={"www-authenticate": challenge if self.realm else "Basic realm=x"})
        return httpx.Response(200, content=MANIFEST if "/manifests/" in path else BLOB)


def pull(cloud: Cloud) -> None:
    Node(cast("Service", cloud), "the-node").pull(HOST, REPOSITORY, DIGEST)


@pytest.mark.parametrize("realm", [True, False])
def test_manifest_and_blobs_are_read(realm: bool) -> None:
    """For Azure and Google only the manifest was."""
    cloud = Cloud({HOST: {"username": "node", "password": "secret"}}, realm=realm)
    pull(cloud)
    assert cloud.asked[-1] == f"{HOST}/v2/{REPOSITORY}/blobs/{PART['digest']}"


@pytest.mark.parametrize(
    ("credentials", "told"),
    [({}, "the nodes have no identity"), ({HOST: {"username": "node", "password": "stale"}}, "401")],
)
def test_a_wrong_answer_for_the_node_is_a_denial(credentials: dict[str, Any], told: str) -> None:
    """For Google nobody asked it: the operator signed in as the account that the settings name, so nothing could be wrong."""
    with pytest.raises(RefusedError, match=told):
        pull(Cloud(credentials))

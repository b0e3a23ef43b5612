"""The registry as a cloud's clients see it, in front of a real one: what is authorized, what reaches it, under which names."""

from __future__ import annotations

import hashlib
import json
import socket
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from starlette.requests import Request

from rehearsal.registry.authority import Allowed, Refused, RegistryRequest
from rehearsal.registry.proxy import RegistryProxy, describe, registry_host
from tests.rehearsal.registry.serving import serving

HOST = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DENIED = Refused(403, "DENIED", "not authorized to perform: ecr:PutImage", {"WWW-Authenticate": 'Basic realm="aws"'})


class Cloud:
    """Lets everything below ``team/`` pass and keeps it as ``account/team/``; writes down what it was asked and told."""

    def __init__(self) -> None:
        self.asked: list[RegistryRequest] = []
        self.written: list[str] = []

    async def authorize(self, request: RegistryRequest) -> Allowed | Refused:
        self.asked.append(request)
        if request.action == "ping":
            return Allowed()
        return Allowed(f"account/{request.repository}") if request.repository.startswith("team/") else DENIED

    async def before_manifest(self, request: RegistryRequest, manifest: bytes, media_type: str) -> Refused | None:
        assert media_type
        return Refused(400, "TAG_INVALID", "the tag is immutable") if request.reference == "immutable" else None

    async def manifest_written(self, request: RegistryRequest, manifest: bytes, media_type: str, digest: str) -> None:
        assert digest == f"sha256:{hashlib.sha256(manifest).hexdigest()}"
        self.written.append(request.reference)


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """CNCF distribution on the loopback address, open to one user only."""
    with serving(tmp_path_factory.mktemp("registry"), "proxy", "own") as host:
        yield f"http://{host}"


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
async def client(cloud: Cloud, backend: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the cloud's registry, with credentials that the real one does not know."""
    proxy = RegistryProxy({HOST: cloud}, backend, ("proxy", "own"))
    transport = httpx.ASGITransport(proxy)
    async with httpx.AsyncClient(transport=transport, base_url=f"https://{HOST}", auth=("AWS", "token")) as client:
        yield client


def direct(backend: str, path: str) -> httpx.Response:
    return httpx.get(f"{backend}{path}", auth=("proxy", "own"), trust_env=False)


async def push(client: httpx.AsyncClient, repository: str, tag: str, content: bytes = b"{}") -> httpx.Response:
    """As the distribution specification has a client push an image of one blob, which is its configuration as well."""
    begun = await client.post(f"/v2/{repository}/blobs/uploads/")
    assert begun.status_code == 202, begun.text
    assert begun.headers["location"].startswith(f"/v2/{repository}/blobs/uploads/")
    written = await client.patch(begun.headers["location"], content=content)
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    end = httpx.URL(written.headers["location"])
    put = await client.put(end, params={**dict(end.params), "digest": digest})
    assert put.status_code == 201, put.text
    assert put.headers["location"] == f"/v2/{repository}/blobs/{digest}"
    blob = {"digest": digest, "size": len(content)}
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **blob},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", **blob}],
    }
    headers = {"content-type": MANIFEST}
    return await client.put(f"/v2/{repository}/manifests/{tag}", content=json.dumps(manifest), headers=headers)


async def test_an_image_is_stored_under_the_clouds_name(client: httpx.AsyncClient, cloud: Cloud, backend: str) -> None:
    pushed = await push(client, "team/app", "1")
    assert pushed.status_code == 201
    assert "account" not in pushed.headers["location"]
    pulled = await client.get("/v2/team/app/manifests/1", headers={"accept": MANIFEST})
    assert pulled.headers["docker-content-digest"] == pushed.headers["docker-content-digest"]
    digest = pulled.json()["layers"][0]["digest"]
    assert (await client.get(f"/v2/team/app/blobs/{digest}")).content == b"{}"
    assert (await client.head(f"/v2/team/app/blobs/{digest}")).headers["content-length"] == "2"
    assert (await client.get("/v2/team/app/tags/list")).status_code == 200
    assert direct(backend, "/v2/account/team/app/tags/list").json()["tags"] == ["1"]
    assert direct(backend, "/v2/team/app/tags/list").status_code == 404
    assert cloud.written == ["1"]
    assert {request.repository for request in cloud.asked} == {"team/app"}
    assert {request.authorization for request in cloud.asked} == {httpx.Headers({"a": "Basic QVdTOnRva2Vu"})["a"]}


async def test_a_denial_has_the_clouds_words_without_the_registry(
    client: httpx.AsyncClient, cloud: Cloud, backend: str
) -> None:
    answer = await client.post("/v2/others/app/blobs/uploads/")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (403, 'Basic realm="aws"')
    assert answer.json() == {"errors": [{"code": "DENIED", "message": "not authorized to perform: ecr:PutImage"}]}
    answer = await push(client, "team/kept", "immutable")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "TAG_INVALID")
    assert cloud.written == []
    assert "others" not in direct(backend, "/v2/_catalog").text


@pytest.mark.parametrize(
    "path",
    [
        "/v2/team/%2e%2e/others/manifests/1",
        "/v2/team/%2e/app/manifests/1",
        "/v2/team//app/manifests/1",
        "/v2/team/app%3Fx/manifests/1",
        "/v2/Team/app/manifests/1",
        "/v2/team/app/other",
        "/v2/_catalog",
        "/",
    ],
)
async def test_what_is_no_repositorys_name_is_not_decided(client: httpx.AsyncClient, cloud: Cloud, path: str) -> None:
    """A policy for all below ``team/`` let ``team/../others`` pass, and the registry was asked for ``others``."""
    answer = await client.get(path)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, "UNSUPPORTED")
    assert cloud.asked == []


async def test_a_mount_from_another_repository_becomes_an_upload(client: httpx.AsyncClient, cloud: Cloud) -> None:
    """As the specification allows (end-11): under its own name the registry behind does not know the other."""
    digest = f"sha256:{hashlib.sha256(b'{}').hexdigest()}"
    answer = await client.post("/v2/team/next/blobs/uploads/", params={"mount": digest, "from": "team/app"})
    assert answer.status_code == 202
    assert cloud.asked[0].mount_from == "team/app"


async def test_a_manifest_that_is_too_large_is_rejected(client: httpx.AsyncClient, cloud: Cloud) -> None:
    answer = await client.put("/v2/team/app/manifests/1", content=b" " * (4 * 1024 * 1024 + 1))
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (413, "SIZE_INVALID")
    assert cloud.written == []


async def test_unknown_hosts_and_absent_registries_are_reported(cloud: Cloud) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        away = f"http://127.0.0.1:{probe.getsockname()[1]}"
    transport = httpx.ASGITransport(RegistryProxy({HOST: cloud}, away, None))
    async with httpx.AsyncClient(transport=transport) as client:
        assert (await client.get("https://registry.example.com/v2/")).status_code == 404
        answer = await client.get(f"https://{HOST}/v2/team/app/manifests/1")
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (503, "UNAVAILABLE")
        pinged = await client.get(f"https://{HOST}/v2/")
        assert (pinged.status_code, pinged.headers["docker-distribution-api-version"]) == (200, "registry/2.0")


def request(method: str, path: str, query: str = "", host: str = HOST) -> Request:
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(b"host", host.encode())],
    }
    return Request(scope)


@pytest.mark.parametrize(
    ("method", "path", "action", "repository", "reference"),
    [
        ("GET", "/v2/", "ping", "", ""),
        ("HEAD", "/v2/a/b/manifests/latest", "read-manifest", "a/b", "latest"),
        ("PUT", "/v2/a/manifests/sha256:00", "write-manifest", "a", "sha256:00"),
        ("DELETE", "/v2/a/manifests/1", "delete-manifest", "a", "1"),
        ("PATCH", "/v2/a/manifests/1", "other", "a", "1"),
        ("GET", "/v2/a/tags/list", "list-tags", "a", ""),
        ("POST", "/v2/a/blobs/uploads/", "start-upload", "a", ""),
        ("PATCH", "/v2/a/blobs/uploads/1-2", "write-upload", "a", ""),
        ("PUT", "/v2/a/blobs/uploads/1-2", "finish-upload", "a", ""),
        ("HEAD", "/v2/a/blobs/sha256:00", "stat-blob", "a", "sha256:00"),
        ("GET", "/v2/a/blobs/sha256:00", "read-blob", "a", "sha256:00"),
        ("DELETE", "/v2/a/blobs/sha256:00", "delete-blob", "a", "sha256:00"),
        ("GET", "/v2/manifests/manifests/manifests", "read-manifest", "manifests", "manifests"),
        ("GET", "/v2/a/blobs/uploads/manifests/1", "read-manifest", "a/blobs/uploads", "1"),
    ],
)
def test_each_endpoint_of_the_distribution_api_is_one_question(
    method: str, path: str, action: str, repository: str, reference: str
) -> None:
    """opencontainers/distribution-spec, "Endpoints"."""
    asked = describe(request(method, path), HOST)
    assert asked is not None
    assert (asked.action, asked.repository, asked.reference) == (action, repository, reference)


def test_a_node_that_uses_an_address_names_its_registry() -> None:
    """containerd's docs/hosts.md: the parameter ``ns``."""
    assert registry_host(request("GET", "/v2/", host=f"{HOST.upper()}:443").scope) == HOST
    assert registry_host(request("GET", "/v2/", f"ns={HOST}", "198.18.0.250").scope) == HOST
    asked = describe(request("GET", "/v2/", f"ns={HOST}", "198.18.0.250"), HOST)
    assert asked is not None
    assert asked.realm("/oauth2/token") == f"https://198.18.0.250/oauth2/token?ns={HOST}"
    by_name = describe(request("GET", "/v2/", host=f"{HOST}:8443"), HOST)
    assert by_name is not None
    assert by_name.realm("/oauth2/token") == f"https://{HOST}:8443/oauth2/token"

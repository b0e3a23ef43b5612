"""The registry as the clouds' clients see it: every request authorized by a cloud, then passed to the real registry behind.

Bodies stream in both directions; nothing of a layer is kept here. The registry behind has one name space; a cloud knows under which
name a repository is stored there, and paths and locations are rewritten between the two.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import parse_qs

import httpx
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from rehearsal.registry.authority import Action, Allowed, Authority, Refused, RegistryRequest

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = rf"(?P<name>{_COMPONENT}(?:/{_COMPONENT})*)"
"""A repository's name (OCI distribution specification, "Pulling manifests"). Nothing else is authorized: of ``a/../b`` a policy for
all below ``a`` would allow it, and the registry behind would be asked for ``b``."""
_PATHS: tuple[tuple[re.Pattern[str], Mapping[str, Action]], ...] = (
    (re.compile(rf"/v2/{_NAME}/manifests/(?P<reference>[^/]+)"), {
        "GET": "read-manifest", "HEAD": "read-manifest", "PUT": "write-manifest", "DELETE": "delete-manifest",
    }),
    (re.compile(rf"/v2/{_NAME}/tags/list"), {"GET": "list-tags"}),
    (re.compile(rf"/v2/{_NAME}/blobs/uploads/?"), {"POST": "start-upload"}),
    (re.compile(rf"/v2/{_NAME}/blobs/uploads/[^/]+"), {
        "PATCH": "write-upload", "PUT": "finish-upload", "GET": "write-upload", "DELETE": "write-upload",
    }),
    (re.compile(rf"/v2/{_NAME}/blobs/(?P<reference>[^/]+)"), {
        "HEAD": "stat-blob", "GET": "read-blob", "DELETE": "delete-blob",
    }),
)  # fmt: skip
_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "host", "authorization"})
_LARGEST_MANIFEST = 4 * 1024 * 1024


class RegistryProxy:
    """An ASGI application. ``authorities`` is by host name; ``backend`` is the real registry's URL and its credentials; ``realms``
    are the applications that answer instead of the registry, by ``HOST/PATH``."""

    def __init__(
        self,
        authorities: Mapping[str, Authority],
        backend: str,
        credentials: tuple[str, str] | None,
        realms: Mapping[str, ASGIApp] | None = None,
    ) -> None:
        self._authorities = authorities
        self._realms = realms or {}
        self._client = httpx.AsyncClient(
            base_url=backend,
            auth=credentials,
            trust_env=False,
            timeout=httpx.Timeout(30, read=300),
            limits=httpx.Limits(max_connections=None),
        )

    async def close(self) -> None:
        """Close the connections to the registry behind."""
        await self._client.aclose()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        realm = self._realms.get(f"{registry_host(scope)}{request.url.path}")
        if realm is not None:
            await realm(scope, receive, send)
            return
        try:
            response = await self._answer(request)
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        host = registry_host(request.scope)
        authority = self._authorities.get(host)
        if authority is None:
            return _error(404, "NAME_UNKNOWN", f"no registry {host} here")
        asked = describe(request, host)
        if asked is None:
            return _error(404, "UNSUPPORTED", f"{request.method} {request.url.path} is not of the distribution API")
        verdict = await authority.authorize(asked)
        if isinstance(verdict, Refused):
            return _refusal(verdict)
        if asked.action == "ping":
            return JSONResponse({}, headers={"Docker-Distribution-Api-Version": "registry/2.0"})
        if asked.action == "write-manifest":
            return await self._write_manifest(request, asked, verdict, authority)
        return await self._pass(request, asked, verdict, request.stream() if _has_body(request) else None)

    async def _write_manifest(
        self, request: Request, asked: RegistryRequest, allowed: Allowed, authority: Authority
    ) -> Response:
        manifest = bytearray()
        async for chunk in request.stream():
            manifest += chunk
            if len(manifest) > _LARGEST_MANIFEST:
                return _error(413, "SIZE_INVALID", "the manifest is larger than 4 MiB")
        media_type = request.headers.get("content-type", "")
        refused = await authority.before_manifest(asked, bytes(manifest), media_type)
        if refused is not None:
            return _refusal(refused)
        response = await self._pass(request, asked, allowed, bytes(manifest))
        if response.status_code == 201:
            digest = response.headers.get("docker-content-digest", "")
            await authority.manifest_written(asked, bytes(manifest), media_type, digest)
        return response

    async def _pass(
        self, request: Request, asked: RegistryRequest, allowed: Allowed, body: AsyncIterator[bytes] | bytes | None
    ) -> Response:
        path = request.url.path.replace(f"/v2/{asked.repository}/", f"/v2/{allowed.storage}/", 1)
        # A mount would need the other repository's name here too; without one the registry starts an upload, as the API allows.
        query: Any = [
            (key, value) for key, value in request.query_params.multi_items() if key not in ("mount", "from", "ns")
        ]
        headers = [(key, value) for key, value in request.headers.items() if key not in _HOP]
        sent = self._client.build_request(request.method, path, params=query, headers=headers, content=body)
        try:
            answer = await self._client.send(sent, stream=True)
        except httpx.TransportError as error:
            return _error(503, "UNAVAILABLE", f"the registry behind does not answer: {error}")
        response = StreamingResponse(_content(answer), answer.status_code)
        names = MutableHeaders(raw=[(k.lower(), v) for k, v in answer.headers.raw if k.lower().decode() not in _HOP])
        if location := names.get("location"):
            names["location"] = _relative(location).replace(f"/v2/{allowed.storage}/", f"/v2/{asked.repository}/", 1)
        response.raw_headers = names.raw
        return response


def registry_host(scope: Scope) -> str:
    """The registry that a request is for: its host name, or what containerd names in ``ns`` when it asks by another address.

    Source: containerd's docs/hosts.md.
    """
    namespace = parse_qs(scope["query_string"].decode()).get("ns")
    if namespace:
        return namespace[0]
    return next((value.decode() for key, value in scope["headers"] if key == b"host"), "").partition(":")[0].lower()


def describe(request: Request, host: str) -> RegistryRequest | None:
    """What a request asks for; None where it is not of the distribution API."""
    authorization, path = request.headers.get("authorization", ""), request.url.path
    if path in ("/v2", "/v2/"):
        return RegistryRequest(host, "ping", authorization=authorization, reached=request.headers.get("host", ""))
    for pattern, actions in _PATHS:
        match = pattern.fullmatch(path)
        if match is not None:
            found = match.groupdict()
            return RegistryRequest(
                host,
                actions.get(request.method, "other"),
                found["name"],
                found.get("reference") or "",
                request.query_params.get("from", ""),
                authorization,
                request.headers.get("host", ""),
            )
    return None


async def _content(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for chunk in answer.aiter_raw():
            yield chunk
    finally:
        await answer.aclose()


def _has_body(request: Request) -> bool:
    return request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers


def _relative(location: str) -> str:
    url = httpx.URL(location)
    return url.raw_path.decode()


def _refusal(refused: Refused) -> Response:
    return _error(refused.status, refused.code, refused.message, refused.headers)


def _error(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """The distribution API's error document."""
    document = {"errors": [{"code": code, "message": message}]}
    return JSONResponse(
        document, status, headers={"Docker-Distribution-Api-Version": "registry/2.0", **(headers or {})}
    )

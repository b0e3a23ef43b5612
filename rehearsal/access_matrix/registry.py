"""A push and a read-back over the distribution API, led to the emulator by address under the registry's own name."""

from __future__ import annotations

import hashlib
import json
import secrets
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from pathlib import Path

import httpx

from rehearsal.access_matrix.matrix import RefusedError

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_EMPTY = b"{}"


@dataclass(frozen=True, slots=True)
class Service:
    """The clouds' service, or one registry: its address and the file of its certificate's authority, None for plain http."""

    address: str
    authority: Path | None

    def client(self, host: str) -> httpx.Client:
        """A client for ``host`` (with its port, if not the usual one) that connects to the service, whatever the name resolves to
        here."""
        transport = _Led(self.address, _context(self.authority.read_text(encoding="ascii")) if self.authority else None)
        return httpx.Client(base_url=f"http{'s' * bool(self.authority)}://{host}", transport=transport, timeout=20)


@cache
def _context(authority: str) -> ssl.SSLContext:
    """By the certificate itself: a sandbox that is created again has another one in the same file."""
    return ssl.create_default_context(cadata=authority)


class _Led(httpx.HTTPTransport):
    """Connects to one address; name in the handshake and ``Host`` are those of the URL."""

    def __init__(self, address: str, context: ssl.SSLContext | None) -> None:
        super().__init__(verify=context or False, trust_env=False)
        self._address = address

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        request.extensions = {**request.extensions, "sni_hostname": host}
        request.url = request.url.copy_with(host=self._address)
        return super().handle_request(request)


def push_and_read_back(service: Service, host: str, repository: str, authorization: Mapping[str, str]) -> str:
    """Push a tiny image under a new tag, read it by digest, compare; its digest.

    Raises RefusedError for a 401, 403 or 404 of the registry, and RuntimeError for anything else that is no success.
    """
    with service.client(host) as client:
        client.headers.update(authorization)
        return push_image(client, repository)


def push_image(client: httpx.Client, repository: str, tag: str = "") -> str:
    """The same with a client that leads to the registry already; ``tag`` instead of a new one."""
    blob = json.dumps({"proof": secrets.token_hex(8)}).encode()
    descriptors = [_put_blob(client, repository, content) for content in (_EMPTY, blob)]
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "artifactType": "application/vnd.mendix-registry.proof.v1",
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", **descriptors[0]},
            "layers": [{"mediaType": "application/octet-stream", **descriptors[1]}],
        }
    ).encode()
    digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
    name = tag or f"prove-{secrets.token_hex(6)}"
    _checked(client.put(f"/v2/{repository}/manifests/{name}", content=manifest, headers={"content-type": _MANIFEST}))
    found = _checked(client.get(f"/v2/{repository}/manifests/{digest}", headers={"accept": _MANIFEST}))
    if found.content != manifest:
        raise RuntimeError(f"{repository}@{digest} is not what was pushed")
    return digest


def pull(service: Service, host: str, repository: str, digest: str, authorization: Mapping[str, str]) -> None:
    """Read an image as a node does: its manifest, then every blob of it. Raises as ``push_and_read_back`` does."""
    with service.client(host) as client:
        client.headers.update(authorization)
        manifest = _checked(client.get(f"/v2/{repository}/manifests/{digest}", headers={"accept": _MANIFEST})).json()
        for part in (manifest["config"], *manifest["layers"]):
            content = _checked(client.get(f"/v2/{repository}/blobs/{part['digest']}")).content
            if f"sha256:{hashlib.sha256(content).hexdigest()}" != part["digest"]:
                raise RuntimeError(f"{repository}@{part['digest']} is not what was pushed")


def _put_blob(client: httpx.Client, repository: str, content: bytes) -> dict[str, object]:
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    present = client.head(f"/v2/{repository}/blobs/{digest}")
    if present.status_code != HTTPStatus.NOT_FOUND:
        _checked(present)
        return {"digest": digest, "size": len(content)}
    started = _checked(client.post(f"/v2/{repository}/blobs/uploads/"))
    sent = _checked(client.patch(started.headers["location"], content=content))
    separator = "&" if "?" in sent.headers["location"] else "?"
    _checked(client.put(f"{sent.headers['location']}{separator}digest={digest}"))
    return {"digest": digest, "size": len(content)}


def _checked(response: httpx.Response) -> httpx.Response:
    if response.status_code in (401, 403, 404):
        raise RefusedError(f"{response.status_code} {response.reason_phrase} {response.text[:500]}".strip())
    if response.is_error:
        raise RuntimeError(
            f"{response.request.method} {response.request.url.path}: {response.status_code} {response.text[:300]}"
        )
    return response

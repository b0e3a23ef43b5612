"""Artifact Registry as a Docker registry: its token realm, and the decision about each request.

Sources: cloud.google.com/artifact-registry/docs/docker/authentication (user names ``oauth2accesstoken``, and ``_token`` as
Google's own Go client writes it; bearer tokens), …/access-control (permissions), …/docker/troubleshoot (messages).
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from rehearsal.emulators.gcp.access_tokens import Anonymous, Caller
from rehearsal.emulators.gcp.account import REPOSITORY, Account
from rehearsal.emulators.gcp.errors import ApiError
from rehearsal.emulators.gcp.repositories import GCR
from rehearsal.emulators.gcp.roles import DELETE, DOWNLOAD, UPLOAD
from rehearsal.emulators.gcp.store import Object
from rehearsal.registry.authority import Action, Allowed, Refused, RegistryRequest

REALM = "/v2/token"
_USERS = frozenset({"_token", "oauth2accesstoken", "_dcgcloud_token", "_dcgcr_2_0_0_token"})
_PERMISSIONS: Mapping[Action, str] = {
    "read-manifest": DOWNLOAD,
    "list-tags": DOWNLOAD,
    "stat-blob": DOWNLOAD,
    "read-blob": DOWNLOAD,
    "write-manifest": UPLOAD,
    "start-upload": UPLOAD,
    "write-upload": UPLOAD,
    "finish-upload": UPLOAD,
    "delete-manifest": DELETE,
    "delete-blob": DELETE,
}
_ANONYMOUS_TOKEN = "anonymous"  # noqa: S105 - what every client without credentials is given


@dataclass(frozen=True, slots=True)
class Place:
    """What a path below a host means: the repository's full name, and the image within it."""

    repository: str
    image: str


class GoogleRegistry:
    """Satisfies :class:`rehearsal.registry.authority.Authority`. ``locations`` has the location of each ``pkg.dev``-like host."""

    def __init__(self, account: Account, locations: Mapping[str, str]) -> None:
        self._account, self._locations = account, locations

    async def authorize(self, request: RegistryRequest) -> Allowed | Refused:
        return await asyncio.to_thread(self._authorize, request)

    async def before_manifest(self, request: RegistryRequest, manifest: bytes, media_type: str) -> Refused | None:
        del media_type
        place = self._place(request)
        if place is None or request.reference.startswith("sha256:"):
            return None
        store = self._account.store
        repository = store.repositories.get(place.repository)
        present = store.tags.get(place.repository, {}).get(f"{place.image}:{request.reference}")
        immutable = bool(repository and cast("Object", repository.get("dockerConfig") or {}).get("immutableTags"))
        if not immutable or present in (None, f"sha256:{hashlib.sha256(manifest).hexdigest()}"):
            return None
        message = f"cannot update tag {request.reference}. The repository has enabled tag immutability"
        return Refused(400, "MANIFEST_INVALID", f"manifest invalid: {message}")

    async def manifest_written(self, request: RegistryRequest, manifest: bytes, media_type: str, digest: str) -> None:
        del media_type
        place = self._place(request)
        if place is None or request.reference.startswith("sha256:"):
            return
        store = self._account.store
        with store.changing():
            made = digest or f"sha256:{hashlib.sha256(manifest).hexdigest()}"
            store.tags.setdefault(place.repository, {})[f"{place.image}:{request.reference}"] = made

    def _authorize(self, request: RegistryRequest) -> Allowed | Refused:
        challenge = {"www-authenticate": f'Bearer realm="{request.realm(REALM)}",service="{request.host}"'}
        if not request.authorization:
            return Refused(401, "UNAUTHORIZED", "authentication failed", challenge)
        try:
            caller = self.caller(request.authorization)
        except ApiError as error:
            return Refused(401, "UNAUTHORIZED", f"authentication failed: {error.message}", challenge)
        if request.action == "ping":
            return Allowed()
        place = self._place(request)
        if place is None:
            return Refused(
                400, "NAME_INVALID", f"invalid image name {request.repository!r}: expected PROJECT/REPOSITORY/IMAGE"
            )
        permission = _PERMISSIONS.get(request.action)
        if permission is None:
            return Refused(405, "UNSUPPORTED", f"Artifact Registry does not support {request.action}")
        decision = self._account.decide("artifactregistry", caller, permission, place.repository, REPOSITORY)
        if not decision.allowed:
            where = f'on resource "{place.repository}" (or it may not exist)'
            if isinstance(caller, Anonymous):
                text = (
                    f'Unauthenticated request. Unauthenticated requests do not have permission "{permission}" {where}'
                )
            else:
                text = f'Permission "{permission}" denied {where} (rehearsal: {caller}: {decision.reason})'
            return Refused(403, "DENIED", text)
        repository = self._account.store.repositories.get(place.repository)
        if repository is None:
            return Refused(404, "NAME_UNKNOWN", f'Repository "{place.repository.rpartition("/")[2]}" not found')
        _, project, _, location, _, identity = place.repository.split("/")
        # What distinguishes generations, places and kinds of registry is in front: image names may nest.
        parts = ("gcp", repository["generation"], project.replace(":", "."), location, identity, place.image)
        return Allowed("/".join(parts))

    def caller(self, authorization: str) -> Caller:
        """Whose credentials they are. Raises ApiError."""
        scheme, _, value = authorization.partition(" ")
        if scheme.lower() == "bearer":
            return Anonymous() if value == _ANONYMOUS_TOKEN else self._account.caller(value)
        try:
            user, _, password = base64.b64decode(value).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise ApiError(401, "the credentials cannot be read") from error
        if scheme.lower() != "basic" or user not in _USERS:
            raise ApiError(401, f"the user name {user!r} is none that Artifact Registry knows: oauth2accesstoken")
        if not password:
            raise ApiError(401, "there is no access token")
        return self._account.caller(password)

    def _place(self, request: RegistryRequest) -> Place | None:
        return place_of(request.host, request.repository, self._locations)


def place_of(host: str, path: str, locations: Mapping[str, str]) -> Place | None:
    """What ``HOST/PATH`` means; None where it names no image of a repository."""
    parts = path.split("/")
    # A project of an organisation with a domain: example.com/mendix is example.com:mendix.
    project = f"{parts[0]}:{parts[1]}" if "." in parts[0] and len(parts) > 1 else parts[0]
    rest = parts[2:] if ":" in project else parts[1:]
    if host in GCR:
        location, identity, image = GCR[host], host, "/".join(rest)
    else:
        location, identity, image = locations.get(host, ""), "/".join(rest[:1]), "/".join(rest[1:])
    if not (location and identity and image):
        return None
    return Place(f"projects/{project}/locations/{location}/repositories/{identity}", image)


class TokenRealm:
    """An ASGI application: ``GET /v2/token``. The token identifies the caller; what they may do is decided at each request."""

    def __init__(self, registry: GoogleRegistry) -> None:
        self._registry = registry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = self._answer(Request(scope, receive))
        await response(scope, receive, send)

    def _answer(self, request: Request) -> Response:
        if request.method != "GET":
            # Google's realm has no OAuth form of the request; clients then take the other.
            return JSONResponse({"errors": [{"code": "NOT_FOUND", "message": "not found"}]}, 404)
        authorization = request.headers.get("authorization", "")
        token = _ANONYMOUS_TOKEN
        if authorization:
            try:
                self._registry.caller(authorization)
            except ApiError as error:
                document = {"errors": [{"code": "UNAUTHORIZED", "message": f"authentication failed: {error.message}"}]}
                return JSONResponse(document, 401)
            scheme, _, value = authorization.partition(" ")
            token = value if scheme.lower() == "bearer" else base64.b64decode(value).decode().partition(":")[2]
        return JSONResponse({"token": token, "access_token": token, "expires_in": 3600})

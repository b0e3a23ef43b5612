"""OpenShift's registry: authentication by TokenReview, what they may do by SubjectAccessReview.

The registry itself decides nothing: the API server's authenticators and its RBAC do. Sources: github.com/openshift/image-registry,
pkg/dockerregistry/server/auth.go (challenges, which verb each action needs) and token.go (the token endpoint). The real one asks
``users/~`` and a SelfSubjectAccessReview with the client's own token, which comes to the same answers.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections.abc import Sequence
from pathlib import Path

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from rehearsal.emulators.decisions import DecisionLog, RecordedDecision
from rehearsal.emulators.openshift.api import ANONYMOUS, Access, Reviewer, User
from rehearsal.emulators.tokens import unverified_claim
from rehearsal.registry.authority import Action, Allowed, Refused, RegistryRequest

REALM = "/openshift/token"
TOKEN_REVIEW, ACCESS_REVIEW = "tokenreview", "subjectaccessreview"
_ANONYMOUS_TOKEN = "anonymous"  # noqa: S105 - what every client without credentials is given
_PULL: frozenset[Action] = frozenset({"read-manifest", "list-tags", "stat-blob", "read-blob"})
_PUSH: frozenset[Action] = frozenset({"write-manifest", "start-upload", "write-upload", "finish-upload"})
_PRUNE: frozenset[Action] = frozenset({"delete-manifest", "delete-blob"})


class ImageStreams:
    """Which ImageStreams there are, in a file. A first push makes one, where the pusher may."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._names: set[str] = set(json.loads(file.read_text())) if file.is_file() else set()

    def __contains__(self, repository: str) -> bool:
        return repository in self._names

    def add(self, repository: str) -> None:
        self._names.add(repository)
        partial = self._file.with_suffix(".partial")
        partial.write_text(json.dumps(sorted(self._names)))
        partial.replace(self._file)


class OpenShiftRegistry:
    """Satisfies :class:`rehearsal.registry.authority.Authority`."""

    def __init__(self, reviewer: Reviewer, streams: ImageStreams, decisions: DecisionLog) -> None:
        self._reviewer, self._streams, self._decisions = reviewer, streams, decisions

    async def authorize(self, request: RegistryRequest) -> Allowed | Refused:
        if not request.authorization:
            # Before a client has a token it is asked for one: that is no decision of anybody.
            return _challenge(request)
        try:
            return await self._authorize(request)
        except httpx.HTTPError as error:
            return Refused(503, "UNAVAILABLE", f"the API server cannot be asked: {type(error).__name__} {error}")

    async def before_manifest(self, request: RegistryRequest, manifest: bytes, media_type: str) -> Refused | None:
        """The first manifest of a repository makes its ImageStream, as the pusher."""
        del manifest, media_type
        if request.repository in self._streams:
            return None
        namespace, _, name = request.repository.partition("/")
        try:
            user = await self.user(request.authorization)
            if not isinstance(user, User):
                return user
            refused = await self._refused(user, Access("create", "imagestreams", "", namespace, name), request)
        except httpx.HTTPError as error:
            return Refused(503, "UNAVAILABLE", f"the API server cannot be asked: {type(error).__name__} {error}")
        return refused and Refused(403, "DENIED", refused.message)

    async def manifest_written(self, request: RegistryRequest, manifest: bytes, media_type: str, digest: str) -> None:
        del manifest, media_type, digest
        if request.repository not in self._streams:
            await asyncio.to_thread(self._streams.add, request.repository)

    async def user(self, authorization: str) -> User | Refused:
        """Whose credentials they are. Raises httpx.HTTPError."""
        token = token_of(authorization)
        if token is None:
            return _denied("failed to decode credentials", "the Authorization header holds no token")
        if token == _ANONYMOUS_TOKEN:
            return ANONYMOUS
        found = await self._reviewer.review_token(token)
        if isinstance(found, User):
            return found
        # Of a token that it did not issue, the API server reports no more than that it is invalid.
        issuer = unverified_claim(token, "iss")
        reason = f"{found} (the token names the issuer {issuer})" if issuer else found
        subject = unverified_claim(token, "sub")
        self._decisions.add(RecordedDecision(TOKEN_REVIEW, subject, "authenticate", False, "Unauthorized", reason))
        return _denied("access denied", reason)

    async def _authorize(self, request: RegistryRequest) -> Allowed | Refused:
        user = await self.user(request.authorization)
        if isinstance(user, Refused):
            return user
        if request.action == "ping":
            return Allowed()
        namespace, _, name = request.repository.partition("/")
        if not name or "/" in name:
            return Refused(
                400, "NAME_INVALID", f"repository namespace required: {request.repository!r} is not PROJECT/IMAGESTREAM"
            )
        wanted = _accesses(request.action, namespace, name)
        if not wanted:
            return Refused(405, "UNSUPPORTED", f"OpenShift's registry does not support {request.action}")
        for access in wanted:
            refused = await self._refused(user, access, request)
            if refused is not None:
                return refused
        return Allowed(f"openshift/{request.repository}")

    async def _refused(self, user: User, access: Access, request: RegistryRequest) -> Refused | None:
        allowed, reason = await self._reviewer.review_access(user, access)
        # RBAC gives the reason where something is allowed; where it is not, it has none.
        words = reason if allowed else f"{user.name} may not {access}" + (f": {reason}" if reason else "")
        self._decisions.add(
            RecordedDecision(
                ACCESS_REVIEW,
                user.name,
                access.verb,
                allowed,
                "" if allowed else "Forbidden",
                words,
                {"repository": request.repository, "host": request.host},
            )
        )
        return None if allowed else _denied("access denied", words)


class TokenEndpoint:
    """An ASGI application: ``GET /openshift/token``. The password is the token, and the token is handed back, once it is known to
    be good."""

    def __init__(self, registry: OpenShiftRegistry) -> None:
        self._registry = registry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.method != "GET":
            # containerd tries OAuth's form first, which the real endpoint takes for an anonymous request; CRI-O, which OpenShift's
            # nodes run, never does. Refused, containerd does what CRI-O does.
            return Response(status_code=405)
        for scope in request.query_params.getlist("scope"):
            kind, _, rest = scope.partition(":")
            if kind == "repository" and rest.rpartition(":")[0].count("/") != 1:
                return JSONResponse({"details": "repository namespace required"}, 401)
        authorization = request.headers.get("authorization", "")
        token = _ANONYMOUS_TOKEN
        if authorization:
            try:
                user = await self._registry.user(authorization)
            except httpx.HTTPError as error:
                return JSONResponse({"details": f"unable to validate token: {error}"}, 401)
            if isinstance(user, Refused):
                return JSONResponse({"details": user.message}, 401)
            token = token_of(authorization) or ""
        return JSONResponse({"token": token, "access_token": token})


def token_of(authorization: str) -> str | None:
    """The token of an ``Authorization`` header, which is a password to Basic; None where there is none."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return value or None
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(value).decode().partition(":")[2] or None
    except (binascii.Error, UnicodeDecodeError):
        return None


def _accesses(action: Action, namespace: str, name: str) -> Sequence[Access]:
    pull = Access("get", "imagestreams", "layers", namespace, name)
    if action in _PULL:
        return (pull,)
    if action in _PUSH:
        return (pull, Access("update", "imagestreams", "layers", namespace, name))
    # Images belong to the cluster, not to a project: only an administrator's pruning deletes them.
    return (Access("delete", "images"),) if action in _PRUNE else ()


def _challenge(request: RegistryRequest) -> Refused:
    realm = f'Bearer realm="{request.realm(REALM)}"'
    return Refused(401, "UNAUTHORIZED", "authentication required", {"www-authenticate": realm})


def _denied(error: str, reason: str) -> Refused:
    """OpenShift's registry answers "authentication required" to a caller without permission too: only its log has the reason."""
    challenge = {"www-authenticate": f'Basic realm=openshift,error="{error}"'}
    return Refused(401, "UNAUTHORIZED", f"authentication required (rehearsal: {reason})", challenge)

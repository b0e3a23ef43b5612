"""The front door of Azure Resource Manager: who asks, which API version, which resource type."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from rehearsal.emulators.azure.assignments import PROVIDER as ASSIGNMENTS
from rehearsal.emulators.azure.assignments import Assignments
from rehearsal.emulators.azure.deployments import DEPLOYMENT, Deployments
from rehearsal.emulators.azure.errors import ArmError
from rehearsal.emulators.azure.identities import CREDENTIAL, IDENTITY, Identities
from rehearsal.emulators.azure.operator import OPERATOR_TOKEN
from rehearsal.emulators.azure.registries import REGISTRY, SCOPE_MAP, TOKEN, Registries, not_found
from rehearsal.emulators.azure.resource_ids import ResourceId, parse
from rehearsal.emulators.azure.store import Document, Store
from rehearsal.emulators.azure.tokens import Signer
from rehearsal.emulators.decisions import DecisionLog, RecordedDecision

_LOG = logging.getLogger("uvicorn.error")
_KNOWS_MODES = "2025-05-01"
_TYPES = {item.lower(): item for item in (REGISTRY, SCOPE_MAP, TOKEN, IDENTITY, CREDENTIAL, DEPLOYMENT)}
_ACTIONS = {"put": "write", "patch": "write", "get": "read", "head": "read", "delete": "delete", "post": "action"}


class ArmApi:
    """An ASGI application. The operator may do everything; a managed identity may do nothing here, since none has a role for it."""

    def __init__(
        self,
        store: Store,
        registries: Registries,
        identities: Identities,
        entra: Signer,
        decisions: DecisionLog,
    ) -> None:
        self._store, self._registries, self._identities = store, registries, identities
        self._entra, self._decisions = entra, decisions
        self._assignments = Assignments(store, identities)
        self._deployments = Deployments(store, self._put_in_deployment)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        try:
            self._authorise(request)
            version = request.query_params.get("api-version", "")
            if not version:
                message = "The api-version query parameter (?api-version=) is required for all requests."
                raise ArmError(400, "MissingApiVersionParameter", message)
            content = await request.body()
            body: Mapping[str, Any] = json.loads(content) if content else {}
            path = request.url.path.rstrip("/")
            return await self._dispatch(request.method, path, body, version)
        except ArmError as error:
            return JSONResponse(error.document(), error.status)
        except ValueError as error:
            return JSONResponse(ArmError(400, "InvalidRequestContent", str(error)).document(), 400)
        except Exception as error:
            # A bug of the emulator, reported as the service reports its bugs; its trace goes to the log.
            _LOG.exception("internal failure")
            text = f"internal failure of the emulator: {type(error).__name__}: {error}"
            return JSONResponse(ArmError(500, "InternalServerError", text).document(), 500)

    def _authorise(self, request: Request) -> None:
        """Raises ArmError."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and token == OPERATOR_TOKEN:
            return
        claims = self._entra.read(token) if scheme.lower() == "bearer" else None
        if claims is None:
            raise ArmError(
                401, "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing or invalid."
            )
        who, action = str(claims["oid"]), f"{request.method} {request.url.path}"
        message = (
            f"The client '{who}' with object id '{who}' does not have authorization to perform action "
            f"'{_ACTIONS.get(request.method.lower(), request.method)}' over scope '{request.url.path}' or the scope is invalid."
        )
        self._decisions.add(RecordedDecision("arm", who, action, False, "AuthorizationFailed", message))
        raise ArmError(403, "AuthorizationFailed", message)

    async def _dispatch(self, method: str, path: str, body: Mapping[str, Any], version: str) -> Response:
        if path.startswith("/rehearsal/"):
            return self._rehearsal(path, body)
        if ASSIGNMENTS.lower() in path.lower():
            return self._assignment(method, path, body)
        parts = path.strip("/").split("/")
        if len(parts) == 4 and parts[2].lower() == "resourcegroups":
            return self._group(method, path, body)
        if method == "POST":
            where = parse("/".join(parts[:-1]))
            return self._action(where, parts[-1], body)
        where = parse(path)
        if where.type.lower() not in _TYPES:
            raise ArmError(404, "InvalidResourceType", f"The rehearsal has no resource type '{where.type}'.")
        if method in ("GET", "HEAD"):
            found = self._store.get(where.text)
            if found is None:
                raise not_found(where)
            return _shown(found, 200, version)
        if method == "DELETE":
            credential = where.type.lower() == CREDENTIAL.lower()
            gone = await self._identities.delete_credential(where) if credential else self._store.delete(where.text)
            return Response(status_code=200 if gone else 204)
        if method != "PUT":
            raise ArmError(405, "MethodNotAllowed", f"The rehearsal has no {method} for '{where.type}'.")
        document, new = await self._put(where, body, version)
        return _shown(document, 201 if new else 200, version)

    async def _put(self, where: ResourceId, body: Mapping[str, Any], version: str) -> tuple[Document, bool]:
        self._in_group(where)
        match _TYPES[where.type.lower()]:
            case kind if kind == CREDENTIAL:
                return await self._identities.put_credential(where, body)
            case kind if kind == IDENTITY:
                return self._identities.put_identity(where, body)
            case kind if kind == SCOPE_MAP:
                return self._registries.put_scope_map(where, body)
            case kind if kind == TOKEN:
                return self._registries.put_token(where, body)
            case kind if kind == DEPLOYMENT:
                return self._deployments.put(where, body)
            case _:
                return self._registries.put_registry(where, body, version)

    def _put_in_deployment(self, where: ResourceId, body: Mapping[str, Any], version: str) -> Document:
        if where.type.lower() != REGISTRY.lower():
            raise ArmError(400, "InvalidTemplate", f"The rehearsal deploys {REGISTRY} only, not {where.type}.")
        return self._registries.put_registry(where, body, version)[0]

    def _in_group(self, where: ResourceId) -> None:
        if self._store.get(where.group_id) is None:
            message = f"Resource group '{where.group}' could not be found."
            raise ArmError(404, "ResourceGroupNotFound", message)

    def _action(self, where: ResourceId, action: str, body: Mapping[str, Any]) -> Response:
        match action.lower():
            case "listcredentials":
                return JSONResponse(self._registries.credentials(where))
            case "regeneratecredential":
                return JSONResponse(self._registries.regenerate(where, str(body.get("name"))))
            case "generatecredentials":
                name = body.get("name")
                token = str(body.get("tokenId") or "")
                return JSONResponse(self._registries.generate(where, token, str(name) if name else None))
            case _:
                raise ArmError(404, "InvalidAction", f"The rehearsal has no action '{action}' of '{where.type}'.")

    def _rehearsal(self, path: str, body: Mapping[str, Any]) -> Response:
        """What Azure has no one call for, and only the operator may ask: all resources below one."""
        if path != "/rehearsal/list":
            raise ArmError(404, "InvalidResourceType", f"The rehearsal has nothing at '{path}'.")
        found = self._store.below(str(body["below"]), str(body.get("type") or ""))
        return JSONResponse({"value": [_without_private(item) for item in found]})

    def _assignment(self, method: str, path: str, body: Mapping[str, Any]) -> Response:
        if method == "PUT":
            document, new = self._assignments.put(path, body)
            return _shown(document, 201 if new else 200)
        found = self._store.get(path)
        if method == "DELETE":
            return _shown(found, 200) if found and self._store.delete(path) else Response(status_code=204)
        if found is None:
            name = path.rpartition("/")[2]
            raise ArmError(404, "RoleAssignmentNotFound", f"The role assignment '{name}' is not found.")
        return _shown(found, 200)

    def _group(self, method: str, path: str, body: Mapping[str, Any]) -> Response:
        if method == "PUT":
            name = path.rpartition("/")[2]
            document: Document = {
                "id": path,
                "name": name,
                "type": "Microsoft.Resources/resourceGroups",
                "location": body["location"],
                "properties": {"provisioningState": "Succeeded"},
            }
            self._store.put(path, document)
            return _shown(document, 201)
        found = self._store.get(path)
        if found is None:
            name = path.rpartition("/")[2]
            raise ArmError(404, "ResourceGroupNotFound", f"Resource group '{name}' could not be found.")
        return _shown(found, 200)


def _without_private(document: Document) -> Document:
    return {key: value for key, value in document.items() if not key.startswith("$")}


def _shown(document: Document, status: int, version: str = "") -> Response:
    shown = _without_private(document)
    if document["type"] == REGISTRY and version < _KNOWS_MODES:
        shown["properties"] = {k: v for k, v in document["properties"].items() if k != "roleAssignmentMode"}
    return JSONResponse(shown, status)

"""The APIs of the emulated Google Cloud as one ASGI application: Artifact Registry, IAM, IAM Credentials, Security Token Service.

Their paths do not overlap, so that all of them answer at one port for the provider plugin; under a host name of Google's only
that service answers.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from rehearsal.emulators.gcp import repositories, service_accounts
from rehearsal.emulators.gcp.access_tokens import Caller, Operator
from rehearsal.emulators.gcp.account import PROJECT, REPOSITORY, SERVICE_ACCOUNT, Account
from rehearsal.emulators.gcp.credentials import generate_access_token
from rehearsal.emulators.gcp.errors import ApiError, invalid, not_found
from rehearsal.emulators.gcp.store import Object
from rehearsal.emulators.gcp.sts import ExchangeError, TokenExchange, request_fields

_LOG = logging.getLogger("uvicorn.error")
HOSTS = tuple(
    f"{service}.googleapis.com"
    for service in ("artifactregistry", "iam", "iamcredentials", "sts", "cloudresourcemanager")
)


@dataclass(frozen=True, slots=True)
class Call:
    """One request: who, the path's parts, the query, the body."""

    caller: Caller
    parts: Mapping[str, str]
    query: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def repository(self) -> str:
        return f"projects/{self.parts['project']}/locations/{self.parts['location']}/repositories/{self.parts['id']}"


Handler: TypeAlias = Callable[[Call], Object]


class GoogleApi:
    """Authenticates, authorises, answers."""

    def __init__(self, account: Account, exchange: TokenExchange) -> None:
        self._account, self._exchange = account, exchange
        self._operations: dict[str, Object] = {}
        self._numbers = itertools.count(1)
        project = r"/v1/projects/(?P<project>[^/]+)"
        one_project = r"/v1/projects/(?P<project>[^/:]+(?::[^/:]+)?)"
        repository = rf"{project}/locations/(?P<location>[^/]+)/repositories"
        one = rf"{repository}/(?P<id>[^/:]+)"
        accounts = rf"{project}/serviceAccounts"
        email = rf"{accounts}/(?P<id>[^/:]+)"
        registry, iam = "artifactregistry", "iam"
        self._routes: tuple[tuple[str, str, re.Pattern[str], Handler], ...] = tuple(
            (service, method, re.compile(pattern), handler)
            for service, method, pattern, handler in (
                (registry, "POST", repository, self._create_repository),
                (registry, "GET", repository, self._list_repositories),
                (registry, "GET", one, self._get_repository),
                (registry, "PATCH", one, self._patch_repository),
                (registry, "DELETE", one, self._delete_repository),
                (registry, "GET", rf"{one}:getIamPolicy", self._get_repository_policy),
                (registry, "POST", rf"{one}:setIamPolicy", self._set_repository_policy),
                (registry, "POST", rf"{one}:testIamPermissions", self._test_repository_permissions),
                (registry, "GET", rf"{project}/locations/[^/]+/operations/(?P<operation>[^/]+)", self._get_operation),
                (iam, "POST", accounts, self._create_account),
                (iam, "GET", accounts, self._list_accounts),
                (iam, "GET", email, self._get_account),
                (iam, "PATCH", email, self._patch_account),
                (iam, "DELETE", email, self._delete_account),
                (iam, "POST", rf"{email}:(?P<switch>enable|disable)", self._switch_account),
                (iam, "POST", rf"{email}:getIamPolicy", self._get_account_policy),
                (iam, "POST", rf"{email}:setIamPolicy", self._set_account_policy),
                ("cloudresourcemanager", "POST", rf"{one_project}:getIamPolicy", self._get_project_policy),
                ("cloudresourcemanager", "POST", rf"{one_project}:setIamPolicy", self._set_project_policy),
                ("iamcredentials", "POST", rf"{email}:generateAccessToken", self._generate_access_token),
            )
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        response = await asyncio.to_thread(self._answer, request, body)
        await response(scope, receive, send)

    def _answer(self, request: Request, body: bytes) -> Response:
        host = request.headers.get("host", "").partition(":")[0]
        service = host.partition(".")[0] if host in HOSTS else ""
        if request.url.path == "/v1/token" and service in ("", "sts"):
            return self._token(request, body)
        try:
            return JSONResponse(self._handle(request, body, service))
        except ApiError as error:
            return JSONResponse(error.document, error.code)
        except Exception as error:
            # A bug of the emulator, reported as the service reports its bugs; its trace goes to the log.
            _LOG.exception("internal failure")
            fault = ApiError(500, f"internal failure of the emulator: {type(error).__name__}: {error}")
            return JSONResponse(fault.document, 500)

    def _token(self, request: Request, body: bytes) -> Response:
        if request.method != "POST":
            return JSONResponse({"error": "invalid_request", "error_description": "only POST is allowed"}, 405)
        try:
            fields = request_fields(body, request.headers.get("content-type", ""))
            return JSONResponse(self._exchange.exchange(fields))
        except ExchangeError as error:
            return JSONResponse(error.document, 400)

    def _handle(self, request: Request, body: bytes, service: str) -> Object:
        for owner, method, pattern, handler in self._routes:
            match = pattern.fullmatch(request.url.path)
            if match is not None and method == request.method and service in ("", owner):
                caller = self._authenticated(request)
                parts = {key: value for key, value in match.groupdict().items() if value is not None}
                return handler(Call(caller, parts, dict(request.query_params), _json(body)))
        raise not_found(
            f"the rehearsal has no method {request.method} {request.url.path} of {service or 'Google Cloud'}"
        )

    def _authenticated(self, request: Request) -> Caller:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise ApiError(
                401,
                "Request is missing required authentication credential. Expected OAuth 2 access token, login cookie or other valid "
                "authentication credential.",
            )
        return self._account.caller(token)

    def _require(self, call: Call, permission: str, resource: str, resource_type: str) -> None:
        """Raises ApiError. The operator's own calls are not recorded: no policy applies to them."""
        if isinstance(call.caller, Operator):
            return
        service = permission.partition(".")[0]
        decision = self._account.decide(service, call.caller, permission, resource, resource_type)
        if not decision.allowed:
            raise ApiError(
                403,
                f"Permission '{permission}' denied on resource '//{resource_type.partition('/')[0]}/{resource}' "
                f"(or it may not exist). (rehearsal: {decision.reason})",
            )

    # Artifact Registry.

    def _create_repository(self, call: Call) -> Object:
        project, location = call.parts["project"], call.parts["location"]
        self._require(call, "artifactregistry.repositories.create", f"projects/{project}", REPOSITORY)
        identity = call.query.get("repositoryId", "")
        made = repositories.create(self._account, project, location, identity, call.body)
        return self._operation(f"projects/{project}/locations/{location}", made)

    def _list_repositories(self, call: Call) -> Object:
        prefix = f"projects/{call.parts['project']}/locations/{call.parts['location']}/repositories/"
        self._require(call, "artifactregistry.repositories.list", f"projects/{call.parts['project']}", REPOSITORY)
        found = [item for name, item in self._account.store.repositories.items() if name.startswith(prefix)]
        return {"repositories": [repositories.shown(item) for item in found]}

    def _get_repository(self, call: Call) -> Object:
        self._require(call, "artifactregistry.repositories.get", call.repository, REPOSITORY)
        return repositories.shown(repositories.get(self._account, call.repository))

    def _patch_repository(self, call: Call) -> Object:
        self._require(call, "artifactregistry.repositories.update", call.repository, REPOSITORY)
        return repositories.patch(self._account, call.repository, call.query.get("updateMask", ""), call.body)

    def _delete_repository(self, call: Call) -> Object:
        self._require(call, "artifactregistry.repositories.delete", call.repository, REPOSITORY)
        repositories.delete(self._account, call.repository)
        return self._operation(call.repository.partition("/repositories/")[0], {})

    def _get_repository_policy(self, call: Call) -> Object:
        self._require(call, "artifactregistry.repositories.getIamPolicy", call.repository, REPOSITORY)
        repositories.get(self._account, call.repository)
        return self._account.store.policy(call.repository)

    def _set_repository_policy(self, call: Call) -> Object:
        self._require(call, "artifactregistry.repositories.setIamPolicy", call.repository, REPOSITORY)
        repositories.get(self._account, call.repository)
        return self._account.policies.set(call.repository, _policy(call.body))

    def _test_repository_permissions(self, call: Call) -> Object:
        asked = [str(item) for item in cast("list[Any]", call.body.get("permissions") or [])]
        decide = self._account.policies.decide
        return {"permissions": [p for p in asked if decide(call.caller, p, call.repository, REPOSITORY).allowed]}

    def _operation(self, parent: str, response: Object) -> Object:
        """A long-running operation: done only when it is asked for again."""
        number = str(next(self._numbers))
        started: Object = {"name": f"{parent}/operations/{number}", "metadata": {}}
        self._operations[number] = {**started, "done": True, "response": response}
        return started

    def _get_operation(self, call: Call) -> Object:
        found = self._operations.get(call.parts["operation"])
        if found is None:
            raise not_found(f"Operation {call.parts['operation']} not found")
        return found

    # IAM.

    def _create_account(self, call: Call) -> Object:
        project = call.parts["project"]
        self._require(call, "iam.serviceAccounts.create", f"projects/{project}", SERVICE_ACCOUNT)
        return service_accounts.create(self._account, project, call.body)

    def _list_accounts(self, call: Call) -> Object:
        project = call.parts["project"]
        self._require(call, "iam.serviceAccounts.list", f"projects/{project}", SERVICE_ACCOUNT)
        return {"accounts": [item for item in self._account.store.accounts.values() if item["projectId"] == project]}

    def _get_account(self, call: Call) -> Object:
        return self._service_account(call, "get")

    def _patch_account(self, call: Call) -> Object:
        return service_accounts.patch(self._account, self._service_account(call, "update"), call.body)

    def _delete_account(self, call: Call) -> Object:
        service_accounts.delete(self._account, self._service_account(call, "delete"))
        return {}

    def _switch_account(self, call: Call) -> Object:
        verb = call.parts["switch"]
        service_accounts.switch(self._account, self._service_account(call, verb), verb == "disable")
        return {}

    def _get_account_policy(self, call: Call) -> Object:
        return self._account.store.policy(self._service_account(call, "getIamPolicy")["name"])

    def _set_account_policy(self, call: Call) -> Object:
        return self._account.policies.set(self._service_account(call, "setIamPolicy")["name"], _policy(call.body))

    def _service_account(self, call: Call, verb: str) -> Object:
        found = service_accounts.get(self._account, call.parts["project"], call.parts["id"])
        self._require(call, f"iam.serviceAccounts.{verb}", found["name"], SERVICE_ACCOUNT)
        return found

    # Projects, which are all there: only their policies are kept.

    def _get_project_policy(self, call: Call) -> Object:
        name = f"projects/{call.parts['project']}"
        self._require(call, "resourcemanager.projects.getIamPolicy", name, PROJECT)
        return self._account.store.policy(name)

    def _set_project_policy(self, call: Call) -> Object:
        name = f"projects/{call.parts['project']}"
        self._require(call, "resourcemanager.projects.setIamPolicy", name, PROJECT)
        return self._account.policies.set(name, _policy(call.body))

    # IAM Credentials.

    def _generate_access_token(self, call: Call) -> Object:
        return generate_access_token(self._account, call.caller, call.parts["id"], call.body)


def _policy(body: Mapping[str, Any]) -> Mapping[str, Any]:
    policy = body.get("policy")
    if not isinstance(policy, dict):
        raise invalid("policy: a value is required")
    return cast("Mapping[str, Any]", policy)


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        parsed = json.loads(body or b"{}")
    except ValueError as error:
        raise invalid(f"Invalid JSON payload received. {error}") from error
    if parsed is None:
        return {}
    if not isinstance(parsed, dict):
        raise invalid("Invalid JSON payload received. Root element must be a message.")
    return cast("Mapping[str, Any]", parsed)

"""The APIs of the emulated AWS as one ASGI application: IAM, STS, ECR, EKS, routed as AWS's own front door does."""

from __future__ import annotations

import asyncio
import base64
import logging
import time
import uuid
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from rehearsal.emulators.aws.account import Account, Answer, Caller
from rehearsal.emulators.aws.calls import ApiCall, ApiError, HttpRequest, parse, render, render_error
from rehearsal.emulators.aws.ecr import EcrTokens
from rehearsal.emulators.aws.sts import assume_with_web_identity
from rehearsal.emulators.decisions import RecordedDecision
from rehearsal.emulators.tokens import ClusterTokens

_HOURS = 12
_LOG = logging.getLogger("uvicorn.error")


class AwsApi:
    """Authenticates, authorises, answers. What is neither signed nor a token exchange is refused."""

    def __init__(self, account: Account, tokens: ClusterTokens, ecr_tokens: EcrTokens, suffix: str) -> None:
        self._account, self._tokens, self._ecr_tokens, self._suffix = account, tokens, ecr_tokens, suffix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        http = HttpRequest(
            request.method,
            scope["raw_path"].decode().partition("?")[0],
            scope["query_string"].decode(),
            {key.lower(): value for key, value in request.headers.items()},
            await request.body(),
        )
        status, headers, body = await asyncio.to_thread(self._answer, http)
        await Response(body, status, headers)(scope, receive, send)

    def _answer(self, http: HttpRequest) -> Answer:
        call: ApiCall | None = None
        identity = str(uuid.uuid4())
        try:
            call = parse(http, self._account.region)
            if call.service == "sts" and call.operation == "AssumeRoleWithWebIdentity":
                return render(call, assume_with_web_identity(self._account, self._tokens, call), identity)
            if not call.access_key:
                raise ApiError("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
            caller = self._authenticated(http, call)
            if (call.service, call.operation) == ("sts", "GetCallerIdentity"):
                return render(call, self._caller_identity(caller), identity)
            self._authorise(caller, call)
            if (call.service, call.operation) == ("ecr", "GetAuthorizationToken"):
                return render(call, self._authorization_token(caller, call), identity)
            return self._account.handle(call)
        except ApiError as error:
            return render_error(call, error, identity)
        except Exception as error:
            # A bug of the emulator, reported as the service reports its bugs; its trace goes to the log.
            _LOG.exception("internal failure")
            message = f"internal failure of the emulator: {type(error).__name__}: {error}"
            return render_error(call, ApiError("InternalFailure", message, 500), identity)

    def _authenticated(self, http: HttpRequest, call: ApiCall) -> Caller:
        try:
            return self._account.authenticate(http, call.access_key)
        except ApiError as error:
            self._account.decisions.add(
                RecordedDecision(
                    call.service, call.access_key, f"{call.service}:{call.operation}", False, error.code, error.message
                )
            )
            raise

    def _authorise(self, caller: Caller, call: ApiCall) -> None:
        """Raises ApiError AccessDenied."""
        action = f"{call.service}:{call.operation}"
        name = call.text("repositoryName")
        account = self._account
        resource = f"arn:{account.partition}:ecr:{call.region}:{account.id}:repository/{name}" if name else "*"
        decision = account.decide(caller, action, resource)
        if not caller.operator:
            who, code = account.name_of(caller), "" if decision.allowed else "AccessDenied"
            account.decisions.add(
                RecordedDecision(
                    call.service, who, action, decision.allowed, code, decision.reason, {"resource": resource}
                )
            )
        if not decision.allowed:
            code = "AccessDeniedException" if call.service in ("ecr", "eks") else "AccessDenied"
            message = (
                f"User: {account.name_of(caller)} is not authorized to perform: {action} on resource: {resource} "
                f"{decision.reason}"
            )
            raise ApiError(code, message, 400 if call.service == "ecr" else 403)

    def _caller_identity(self, caller: Caller) -> dict[str, Any]:
        account = self._account
        user_id = f"{caller.session.role_id}:{caller.session.name}" if caller.session else "AIDAREHEARSAL"
        return {"UserId": user_id, "Account": account.id, "Arn": account.name_of(caller)}

    def _authorization_token(self, caller: Caller, call: ApiCall) -> dict[str, Any]:
        token = self._ecr_tokens.issue(caller, _HOURS * 3600)
        host = f"{self._account.id}.dkr.ecr.{call.region}.{self._suffix}"
        entry = {
            "authorizationToken": base64.b64encode(f"AWS:{token}".encode()).decode(),
            "expiresAt": time.time() + _HOURS * 3600,
            "proxyEndpoint": f"https://{host}",
        }
        return {"authorizationData": [entry]}

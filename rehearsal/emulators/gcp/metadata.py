"""GKE's metadata server, as pods find it at 169.254.169.254.

Sources: Google's page "About Workload Identity Federation for GKE" (which identity a pod gets, that the server is late in a
pod's first seconds, that pods on the host's network get the node's);
cloud.google.com/compute/docs/metadata/predefined-metadata-keys (paths, the header).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any, Protocol, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from rehearsal.emulators.gcp.access_tokens import FederatedCaller, ServiceAccountCaller
from rehearsal.emulators.gcp.account import Account
from rehearsal.emulators.gcp.credentials import generate_access_token
from rehearsal.emulators.gcp.errors import ApiError
from rehearsal.emulators.gcp.sts import ACCESS_TOKEN, GRANT, JWT, ExchangeError, TokenExchange
from rehearsal.emulators.pods import Pod

ADDRESS = "169.254.169.254"
HOST = "metadata.google.internal"
ANNOTATION = "iam.gke.io/gcp-service-account"
SCOPES = ("https://www.googleapis.com/auth/cloud-platform", "https://www.googleapis.com/auth/userinfo.email")
_FLAVOR = {"Metadata-Flavor": "Google", "Server": "GKE Metadata Server"}
_LATE_SECONDS, _POLL_SECONDS = 5.0, 0.2
_ROOT = "/computeMetadata/v1"
_LOG = logging.getLogger("uvicorn.error")


class PodDirectory(Protocol):
    """What the server must know of the cluster."""

    async def pod_at(self, address: str) -> Pod | None:
        """The running pod with an address; None where there is none (yet)."""

    async def service_account(self, namespace: str, name: str) -> Mapping[str, Any] | None: ...

    async def service_account_token(self, pod: Pod, audience: str) -> str:
        """A token of the pod's ServiceAccount, bound to the pod."""
        ...


class MetadataError(Exception):
    """No token: what the server answers, with its status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class MetadataServer:
    """An ASGI application. ``node`` is the e-mail address of the nodes' service account."""

    def __init__(
        self, account: Account, exchange: TokenExchange, pods: PodDirectory, node: str, cluster_name: str, location: str
    ) -> None:
        self._account, self._exchange, self._pods, self._node = account, exchange, pods, node
        project = account.pool.name.removesuffix(".svc.id.goog")
        self._values: Mapping[str, str] = {
            "project/project-id": project,
            "project/numeric-project-id": account.pool.project_number,
            "instance/attributes/cluster-name": cluster_name,
            "instance/attributes/cluster-location": location,
            "instance/zone": f"projects/{account.pool.project_number}/zones/{location}-a",
            "instance/id": "1234567890123456789",
            "instance/hostname": f"gke-{cluster_name}-1.c.{project}.internal",
            "universe/universe-domain": "googleapis.com",
            "universe/universe_domain": "googleapis.com",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except MetadataError as error:
            response = PlainTextResponse(error.message + "\n", error.status)
        except Exception as error:
            _LOG.exception("internal failure")
            response = PlainTextResponse(f"internal failure of the emulator: {type(error).__name__}: {error}\n", 500)
        response.headers.update(_FLAVOR)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        path = request.url.path
        if path in ("", "/"):
            return PlainTextResponse("computeMetadata/\n")
        if request.headers.get("metadata-flavor") != "Google":
            return PlainTextResponse("Missing Metadata-Flavor:Google header.\n", 403)
        if "x-forwarded-for" in request.headers:
            return PlainTextResponse("X-Forwarded-For header is not allowed.\n", 403)
        key = path.removeprefix(_ROOT).strip("/")
        if path.startswith(_ROOT) and key in self._values:
            return PlainTextResponse(self._values[key])
        if path.startswith(_ROOT) and key.startswith("instance/service-accounts"):
            return await self._service_accounts(request, key.removeprefix("instance/service-accounts").strip("/"))
        return PlainTextResponse(f"the rehearsal's metadata server has no {path}\n", 404)

    async def _service_accounts(self, request: Request, key: str) -> Response:
        pod = await self._pod(request)
        email, annotated = await self._email(pod)
        if not key:
            return PlainTextResponse(f"default/\n{email}/\n")
        name, _, what = key.partition("/")
        if name not in ("default", email):
            return PlainTextResponse(f"there is no service account {name} here\n", 404)
        match what:
            case "":
                if request.query_params.get("recursive") == "true":
                    return JSONResponse({"aliases": ["default"], "email": email, "scopes": list(SCOPES)})
                return PlainTextResponse("aliases\nemail\nidentity\nscopes\ntoken\n")
            case "email":
                return PlainTextResponse(email)
            case "aliases":
                return PlainTextResponse("default\n")
            case "scopes":
                return PlainTextResponse("".join(f"{scope}\n" for scope in SCOPES))
            case "token":
                given = request.query_params.get("scopes", "")
                scopes = [scope for scope in given.split(",") if scope] or list(SCOPES)
                token, seconds = await self._token(pod, email if annotated else "", scopes)
                return JSONResponse({"access_token": token, "expires_in": seconds, "token_type": "Bearer"})
            case _:
                return PlainTextResponse(f"the rehearsal's metadata server has no {what}\n", 404)

    async def _pod(self, request: Request) -> Pod | None:
        """The pod that asks; None for the node itself. A new pod's address is known only moments after it began."""
        address = request.client.host if request.client else ""
        began = time.monotonic()
        while True:
            pod = await self._pods.pod_at(address)
            if pod is not None:
                return None if pod.host_network else pod
            if time.monotonic() - began > _LATE_SECONDS:
                raise MetadataError(503, f"the pod at {address} is not known yet; try again")
            await asyncio.sleep(_POLL_SECONDS)

    async def _email(self, pod: Pod | None) -> tuple[str, bool]:
        """The identity's name, and whether it is a Google service account."""
        if pod is None:
            return self._node, True
        found = await self._pods.service_account(pod.namespace, pod.service_account) or {}
        metadata = cast("Mapping[str, Any]", found.get("metadata") or {})
        email = cast("Mapping[str, str]", metadata.get("annotations") or {}).get(ANNOTATION, "")
        # Without an annotation a pod is its ServiceAccount, and is called as the pool is.
        return (email, True) if email else (self._account.pool.name, False)

    async def _token(self, pod: Pod | None, email: str, scopes: list[str]) -> tuple[str, int]:
        """An access token and its life in seconds. Raises MetadataError."""
        if pod is None:
            node = self._account.store.accounts.get(self._node)
            if node is None:
                raise MetadataError(404, f"the node's service account {self._node} does not exist")
            return self._account.tokens.issue(ServiceAccountCaller(self._node, node["uniqueId"]), 3600), 3600
        token = await self._pods.service_account_token(pod, self._account.pool.name)
        return await asyncio.to_thread(self._exchanged, token, email, scopes)

    def _exchanged(self, token: str, email: str, scopes: list[str]) -> tuple[str, int]:
        fields = {
            "grant_type": GRANT,
            "audience": self._exchange.audience,
            "scope": " ".join(scopes),
            "requested_token_type": ACCESS_TOKEN,
            "subject_token_type": JWT,
            "subject_token": token,
        }
        try:
            federated = self._exchange.exchange(fields)
        except ExchangeError as error:
            raise MetadataError(403, f"Unable to exchange the token: {error.code}: {error.message}") from error
        if not email:
            return federated["access_token"], federated["expires_in"]
        caller = self._account.tokens.find(federated["access_token"])
        if not isinstance(caller, FederatedCaller):
            raise MetadataError(500, "the federated token is not known")
        try:
            made = generate_access_token(self._account, caller, email, {"scope": scopes, "lifetime": "3600s"})
        except ApiError as error:
            raise MetadataError(
                error.code,
                f"Unable to generate access token; IAM returned {error.code} Forbidden: {error.message}\n"
                "This error could be caused by a missing IAM policy binding on the target IAM service account.\n"
                "For more information, refer to the Workload Identity documentation",
            ) from error
        return made["accessToken"], 3599

"""Azure Container Registry: its token realm, and the decision about each request to it.

Sources: github.com/Azure/acr docs/AAD-OAuth.md (``/oauth2/exchange``, ``/oauth2/token``, the user of refresh tokens);
learn.microsoft.com/azure/container-registry/container-registry-authentication. What an identity may do is decided when the realm
issues an access token and holds until that expires, as in Azure: a permission that is removed is missed after that only.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from rehearsal.emulators.azure.forms import form_of
from rehearsal.emulators.azure.permissions import Decision, Verb, by_roles, by_scope_map
from rehearsal.emulators.azure.registries import Registries
from rehearsal.emulators.azure.store import Document, Store
from rehearsal.emulators.azure.tokens import Signer
from rehearsal.emulators.decisions import DecisionLog, RecordedDecision
from rehearsal.registry.authority import Action, Allowed, Refused, RegistryRequest

REFRESH_USER = "00000000-0000-0000-0000-000000000000"
_REFRESH_SECONDS, _ACCESS_SECONDS = 3 * 3600, 75 * 60
_AUDIENCES = ("https://management.azure.com", "https://management.core.windows.net", "https://containerregistry.azure.net",
              "https://management.usgovcloudapi.net", "https://management.chinacloudapi.cn")  # fmt: skip
_VERBS: Mapping[Action, Verb] = {
    "read-manifest": "pull",
    "list-tags": "pull",
    "stat-blob": "pull",
    "read-blob": "pull",
    "write-manifest": "push",
    "start-upload": "push",
    "write-upload": "push",
    "finish-upload": "push",
    "delete-manifest": "delete",
    "delete-blob": "delete",
}
_UNAUTHORIZED = "authentication required, visit https://aka.ms/acr/authorization for more information."


@dataclass(frozen=True, slots=True)
class Caller:
    """Who speaks to a registry: a principal of the tenant, one of the registry's tokens, or its admin user."""

    kind: str
    name: str

    @classmethod
    def of(cls, claims: Mapping[str, Any]) -> Caller:
        return cls(str(claims["kind"]), str(claims["sub"]))


class Acr:
    """All registries of the emulator. ``delay`` seconds pass before a role assignment is seen."""

    def __init__(
        self, store: Store, registries: Registries, entra: Signer, decisions: DecisionLog, *, tenant: str, delay: float
    ) -> None:
        self._store, self._registries, self._entra, self._decisions = store, registries, entra, decisions
        self._tenant, self._delay = tenant, delay
        self._refresh, self._access = (
            Signer("Azure Container Registry refresh"),
            Signer("Azure Container Registry access"),
        )
        self.realm = Realm(self)

    # The realm.

    def exchange(self, host: str, form: Mapping[str, str]) -> str:
        """A refresh token for an access token of Entra. Raises RealmError."""
        claims = self._entra.read(form.get("access_token", ""))
        if form.get("grant_type") != "access_token" or claims is None:
            raise self._refused(host, "", "exchange", "the access token is not one of this tenant's, or has expired")
        who = str(claims["oid"])
        if form.get("tenant") and form["tenant"].lower() != self._tenant.lower():
            raise self._refused(host, who, "exchange", f"tenant {form['tenant']} is not the registry's")
        registry = self._registry(host, who)
        policies = cast("Mapping[str, Mapping[str, Any]]", registry["properties"].get("policies") or {})
        arm_policy = policies.get("azureADAuthenticationAsArmPolicy", {})
        known = _AUDIENCES if arm_policy.get("status") != "disabled" else ("https://containerregistry.azure.net",)
        if claims["aud"] not in known:
            raise self._refused(host, who, "exchange", f"the access token is for {claims['aud']}, not for a registry")
        self._decisions.add(RecordedDecision("acr", who, "exchange", True, details={"host": host}))
        return self.refresh_token(host, who)

    def refresh_token(self, host: str, principal: str) -> str:
        return self._refresh.issue({"kind": "principal", "sub": principal, "aud": host}, _REFRESH_SECONDS)

    def access_token(self, host: str, caller: Caller, scopes: list[str]) -> str:
        """An access token with what of ``scopes`` the caller may. Raises RealmError where that is nothing of what it asked for."""
        registry = self._registry(host, caller.name)
        access: list[dict[str, Any]] = []
        refusals: list[str] = []
        for scope in scopes:
            kind, name, actions = _scope(scope)
            if kind != "repository":
                continue
            granted: list[str] = []
            for action in actions:
                decision = self.decide(registry, caller, cast("Verb", action), name)
                if decision.allowed:
                    granted.append(action)
                else:
                    refusals.append(decision.reason)
            access.append({"type": kind, "name": name, "actions": granted})
        if refusals and not any(item["actions"] for item in access):
            raise self._refused(host, caller.name, "token", refusals[-1], {"scope": " ".join(scopes)})
        return self._access.issue(
            {"kind": caller.kind, "sub": caller.name, "aud": host, "access": access}, _ACCESS_SECONDS
        )

    def by_refresh_token(self, host: str, token: str) -> Caller:
        """Raises RealmError."""
        claims = self._refresh.read(token)
        if claims is None or claims["aud"] != host:
            raise self._refused(host, "", "token", "the refresh token is not one of this registry's, or has expired")
        return Caller.of(claims)

    def by_password(self, host: str, user: str, password: str) -> Caller:
        """The admin user, a token of the registry, or whose refresh token the password is. Raises RealmError."""
        if user.lower() in (REFRESH_USER, "<token>"):
            return self.by_refresh_token(host, password)
        registry = self._registry(host, user)
        if self._registries.is_admin(registry, user, password):
            return Caller("admin", registry["name"])
        token = self._registries.token_of(registry, user, password)
        if token is None:
            raise self._refused(host, user, "token", f"user {user} has no such password at {registry['name']}")
        return Caller("token", token["name"])

    def decide(self, registry: Document, caller: Caller, verb: Verb, repository: str) -> Decision:
        if caller.kind == "admin":
            return Decision(bool(registry["properties"]["adminUserEnabled"]), "the admin user")
        if caller.kind == "token":
            token = self._store.get(f"{registry['id']}/tokens/{caller.name}")
            if token is None or token["properties"]["status"] != "enabled":
                return Decision(False, f"the token {caller.name} is gone or disabled")
            return by_scope_map(self._store, token, verb, repository)
        return by_roles(self._store, registry, caller.name, verb, repository, self._delay)

    def _registry(self, host: str, who: str) -> Document:
        registry = self._registries.by_host(host)
        if registry is None:
            raise self._refused(host, who, "token", f"there is no registry {host}")
        return registry

    def _refused(
        self, host: str, who: str, action: str, reason: str, details: Mapping[str, str] | None = None
    ) -> RealmError:
        self._decisions.add(
            RecordedDecision("acr", who, action, False, "UNAUTHORIZED", reason, {"host": host, **(details or {})})
        )
        return RealmError(reason)

    # The registry.

    async def authorize(self, request: RegistryRequest) -> Allowed | Refused:
        challenge = f'Bearer realm="{request.realm("/oauth2/token")}",service="{request.host}"'
        if request.repository:
            verbs = "pull" if _VERBS.get(request.action) == "pull" else "pull,push"
            challenge += f',scope="repository:{request.repository}:{verbs}"'
        headers = {"www-authenticate": challenge}
        registry = self._registries.by_host(request.host)
        if registry is None:
            return Refused(404, "NAME_UNKNOWN", f"there is no registry {request.host}")
        if not request.authorization:
            return Refused(401, "UNAUTHORIZED", _UNAUTHORIZED, headers)
        if request.action == "ping":
            return (
                Allowed() if self._claims(request) is not None else Refused(401, "UNAUTHORIZED", _UNAUTHORIZED, headers)
            )
        verdict, who = self._decide_request(request, registry, headers)
        refused = verdict if isinstance(verdict, Refused) else None
        details = {"repository": request.repository, "host": request.host}
        reason = refused.message if refused else ""
        self._decisions.add(
            RecordedDecision(
                "acr", who, request.action, refused is None, refused.code if refused else "", reason, details
            )
        )
        return verdict

    def _decide_request(
        self, request: RegistryRequest, registry: Document, headers: Mapping[str, str]
    ) -> tuple[Allowed | Refused, str]:
        verb = _VERBS.get(request.action)
        if verb is None:
            return Refused(405, "UNSUPPORTED", f"the registry does not support {request.action}"), ""
        claims = self._claims(request)
        if claims is None:
            message = f"{_UNAUTHORIZED} [the access token is not one of this registry's, or has expired]"
            return Refused(401, "UNAUTHORIZED", message, headers), ""
        caller = Caller.of(claims)
        held = [item["actions"] for item in claims["access"] if item["name"] == request.repository]
        if not any(verb in actions for actions in held):
            decision = self.decide(registry, caller, verb, request.repository)
            reason = "the access token was not asked for this" if decision.allowed else decision.reason
            return Refused(401, "UNAUTHORIZED", f"{_UNAUTHORIZED} [{reason}]", headers), caller.name
        return Allowed(f"azure/{registry['$private']['uid']}/{request.repository}"), caller.name

    def _claims(self, request: RegistryRequest) -> Mapping[str, Any] | None:
        scheme, _, content = request.authorization.partition(" ")
        if scheme.lower() == "bearer":
            claims = self._access.read(content)
            return claims if claims is not None and claims["aud"] == request.host else None
        pair = basic(request.authorization)
        if pair is None:
            return None
        # Azure takes the user and password of a registry at every request too.
        scopes = [f"repository:{request.repository}:{_VERBS[request.action]}"] if request.action in _VERBS else []
        try:
            token = self.access_token(request.host, self.by_password(request.host, *pair), scopes)
        except RealmError:
            return None
        return self._access.read(token)

    async def before_manifest(self, request: RegistryRequest, manifest: bytes, media_type: str) -> Refused | None:
        del request, manifest, media_type

    async def manifest_written(self, request: RegistryRequest, manifest: bytes, media_type: str, digest: str) -> None:
        del request, manifest, media_type, digest


class RealmError(Exception):
    """The realm refuses; the text is why."""


class Realm:
    """An ASGI application: ``/oauth2/exchange`` and ``/oauth2/token`` of every registry."""

    PATHS = ("/oauth2/exchange", "/oauth2/token")

    def __init__(self, acr: Acr) -> None:
        self._acr = acr

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        from rehearsal.registry.proxy import registry_host

        request, host = Request(scope, receive), registry_host(scope)
        form: Mapping[str, str] = await form_of(request) if request.method == "POST" else {}
        try:
            response = self._answer(request, host, form)
        except RealmError as error:
            response = _error(401, f"{_UNAUTHORIZED} [{error}]")
        await response(scope, receive, send)

    def _answer(self, request: Request, host: str, form: Mapping[str, str]) -> Response:
        acr = self._acr
        if request.url.path.endswith("/exchange"):
            if request.method != "POST":
                return _error(405, "exchange is a POST")
            return JSONResponse({"refresh_token": acr.exchange(host, form)})
        if request.method == "POST":
            scopes = form.get("scope", "").split()
            if form.get("grant_type") == "refresh_token":
                caller = acr.by_refresh_token(host, form.get("refresh_token", ""))
            elif form.get("grant_type") == "password":
                caller = acr.by_password(host, form.get("username", ""), form.get("password", ""))
            else:
                return _error(400, f"grant_type {form.get('grant_type')!r} is neither refresh_token nor password")
        else:
            scopes = " ".join(request.query_params.getlist("scope")).split()
            pair = basic(request.headers.get("authorization", ""))
            if pair is None:
                # A registry whose anonymous pull is off gives no one a token without credentials.
                return _error(401, _UNAUTHORIZED)
            caller = acr.by_password(host, *pair)
        return JSONResponse({"access_token": acr.access_token(host, caller, scopes), "expires_in": _ACCESS_SECONDS})


def basic(authorization: str) -> tuple[str, str] | None:
    """User and password of a Basic header."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(encoded).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return user, password


def _scope(scope: str) -> tuple[str, str, list[str]]:
    kind, _, rest = scope.partition(":")
    name, _, actions = rest.rpartition(":")
    return (
        kind,
        name,
        [item for item in actions.split(",") if item in ("pull", "push", "delete", "metadata_read", "metadata_write")],
    )


def _error(status: int, message: str) -> Response:
    return JSONResponse({"errors": [{"code": "UNAUTHORIZED", "message": message}]}, status)

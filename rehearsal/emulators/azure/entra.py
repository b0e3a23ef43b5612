"""Entra's token endpoint: a ServiceAccount's token in exchange for a managed identity's, if a federated credential trusts it.

Sources: learn.microsoft.com/entra/workload-id/workload-identity-federation,
…/identity-platform/v2-oauth2-client-creds-grant-flow, …/identity-platform/reference-error-codes (the AADSTS codes). Both forms of
the endpoint are served: go-autorest, which krane's keychain uses, asks the first, azure-identity and MSAL the second.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from rehearsal.emulators.azure.forms import form_of
from rehearsal.emulators.azure.identities import CREDENTIAL, Identities
from rehearsal.emulators.azure.store import Store
from rehearsal.emulators.azure.tokens import Signer
from rehearsal.emulators.decisions import DecisionLog, RecordedDecision
from rehearsal.emulators.tokens import ClusterToken, ClusterTokens, TokenError, unverified_subject

_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LONGEST_ASSERTION = 24 * 3600 + 3600
"""AADSTS70023: a client assertion may live for one day and one hour."""
_SECONDS = 86399


class EntraError(Exception):
    """``code`` is the AADSTS number, ``error`` OAuth's word."""

    def __init__(self, code: int, message: str, error: str = "invalid_client", status: int = 401) -> None:
        super().__init__(f"AADSTS{code}: {message}")
        self.code, self.error, self.status = code, error, status


class Entra:
    """An ASGI application for one tenant at one authority host. ``delay`` seconds pass before a credential is seen."""

    def __init__(
        self,
        store: Store,
        identities: Identities,
        tokens: ClusterTokens,
        signer: Signer,
        decisions: DecisionLog,
        *,
        tenant: str,
        host: str,
        delay: float,
    ) -> None:
        self._store, self._identities, self._tokens, self._signer = store, identities, tokens, signer
        self._decisions, self._tenant, self._host, self._delay = decisions, tenant, host, delay

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        path = request.url.path
        tenant = path.strip("/").partition("/")[0]
        if path.lower() == "/common/discovery/instance":
            return self._instances()
        if path.endswith("/.well-known/openid-configuration"):
            return self._configuration(tenant)
        if request.method == "POST" and path.endswith(("/oauth2/token", "/oauth2/v2.0/token")):
            return self._token(await form_of(request), tenant, v2=path.endswith("v2.0/token"))
        return JSONResponse({"error": "invalid_request", "error_description": f"nothing at {path}"}, 404)

    def _token(self, form: Mapping[str, str], tenant: str, *, v2: bool) -> Response:
        client = form.get("client_id", "")
        assertion = form.get("client_assertion", "")
        subject = unverified_subject(assertion)
        details = {"client_id": client, "tenant": tenant}
        try:
            resource = _resource(form, v2=v2)
            principal, subject = self._authenticate(form, tenant)
        except EntraError as error:
            self._decisions.add(
                RecordedDecision("entra", subject, "token", False, f"AADSTS{error.code}", str(error), details)
            )
            return _refused(error)
        self._decisions.add(RecordedDecision("entra", subject, "token", True, "", f"is {principal}", details))
        claims = {
            "aud": resource,
            "tid": self._tenant,
            "oid": principal,
            "sub": principal,
            "appid": client,
            "azp": client,
        }
        issued = self._signer.issue(claims, _SECONDS)
        if v2:
            return JSONResponse(
                {"token_type": "Bearer", "expires_in": _SECONDS, "ext_expires_in": _SECONDS, "access_token": issued}
            )
        now = int(datetime.datetime.now(datetime.UTC).timestamp())
        times = {
            "expires_in": _SECONDS,
            "ext_expires_in": _SECONDS,
            "expires_on": now + _SECONDS,
            "not_before": now - 300,
        }
        return JSONResponse(
            {
                "token_type": "Bearer",
                **{k: str(v) for k, v in times.items()},
                "resource": resource,
                "access_token": issued,
            }
        )

    def _authenticate(self, form: Mapping[str, str], tenant: str) -> tuple[str, str]:
        """Object id of the identity, and the subject. Raises EntraError."""
        if tenant.lower() != self._tenant.lower():
            message = (
                f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the "
                "correct cloud."
            )
            raise EntraError(90002, message, "invalid_request", 400)
        if form.get("grant_type") != "client_credentials":
            message = f"The app requested an unsupported grant type '{form.get('grant_type')}'."
            raise EntraError(70003, message, "unsupported_grant_type", 400)
        if form.get("client_assertion_type") != _ASSERTION or not form.get("client_assertion"):
            message = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."
            raise EntraError(7000218, message, "invalid_client")
        client = form.get("client_id", "")
        identity = self._identities.by_client_id(client)
        if identity is None:
            message = (
                f"Application with identifier '{client}' was not found in the directory '{self._tenant}'. This can happen if the "
                "application has not been installed by the administrator of the tenant."
            )
            raise EntraError(700016, message, "unauthorized_client", 400)
        token = self._assertion(form["client_assertion"])
        self._match(
            token, [item["properties"] for item in self._store.below(identity["id"], CREDENTIAL, before=self._delay)]
        )
        return str(identity["properties"]["principalId"]), token.subject

    def _assertion(self, assertion: str) -> ClusterToken:
        try:
            return self._tokens.verify(assertion, longest_seconds=_LONGEST_ASSERTION)
        except TokenError as error:
            raise self._refusal(error, assertion) from error

    def _refusal(self, error: TokenError, assertion: str) -> EntraError:
        match error.fault:
            case "issuer":
                issuer = str(error).rpartition(" ")[2]
                return EntraError(
                    700211, f"No matching federated identity record found for presented assertion issuer '{issuer}'."
                )
            case "expiry":
                if "lives" in str(error):
                    message = f"External OIDC endpoint's token must have a lifetime less than or equal to 1.01:00:00. [{error}]"
                    return EntraError(70023, message)
                message = f"Client assertion is not within its valid time range. Review the documentation. [{error}]"
                return EntraError(700024, message)
            case "form":
                return EntraError(50027, f"Invalid JWT token. [{error}]", "invalid_request", 400)
            case _:
                return EntraError(
                    700027,
                    f"Client assertion failed signature validation. [subject '{unverified_subject(assertion)}': {error}]",
                )

    def _match(self, token: ClusterToken, credentials: list[Mapping[str, Any]]) -> None:
        """Raises EntraError naming what no credential fits."""
        if not credentials:
            message = (
                f"No matching federated identity record found for presented assertion. Assertion Issuer: '{token.issuer}'. "
                f"Assertion Subject: '{token.subject}'. Assertion Audience: '{', '.join(token.audiences)}'."
            )
            raise EntraError(70021, message, "invalid_request", 400)
        fitting = [item for item in credentials if item["issuer"] == token.issuer]
        if not fitting:
            message = (
                f"No matching federated identity record found for presented assertion issuer '{token.issuer}'. Please check your "
                f"federated identity credential Subject, Audience and Issuer against the presented assertion. [It trusts "
                f"{', '.join(sorted({str(item['issuer']) for item in credentials}))}]"
            )
            raise EntraError(700211, message)
        fitting = [item for item in fitting if item["subject"] == token.subject]
        if not fitting:
            message = (
                f"No matching federated identity record found for presented assertion subject '{token.subject}'. Please note that "
                "matching is done using a case-sensitive comparison."
            )
            raise EntraError(700213, message)
        if not any(item["audiences"][0] in token.audiences for item in fitting):
            message = (
                "No matching federated identity record found for presented assertion audience "
                f"'{', '.join(token.audiences)}'."
            )
            raise EntraError(700212, message)

    def _configuration(self, tenant: str) -> Response:
        base = f"https://{self._host}/{tenant}"
        return JSONResponse(
            {
                "issuer": f"{base}/v2.0",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "jwks_uri": f"{base}/discovery/v2.0/keys",
                "token_endpoint_auth_methods_supported": ["private_key_jwt"],
                "response_types_supported": ["code"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    def _instances(self) -> Response:
        endpoint = f"https://{self._host}/{self._tenant}/v2.0/.well-known/openid-configuration"
        hosts = {"preferred_network": self._host, "preferred_cache": self._host, "aliases": [self._host]}
        return JSONResponse({"tenant_discovery_endpoint": endpoint, "api-version": "1.1", "metadata": [hosts]})


def _resource(form: Mapping[str, str], *, v2: bool) -> str:
    """For which API a token is requested. Raises EntraError."""
    resource = form.get("scope", "").removesuffix(".default") if v2 else form.get("resource", "")
    if not resource:
        raise EntraError(
            900144, "The request body must contain the following parameter: 'scope'.", "invalid_request", 400
        )
    return resource.rstrip("/")


def _refused(error: EntraError) -> Response:
    now = datetime.datetime.now(datetime.UTC)
    document = {
        "error": error.error,
        "error_description": f"{error} Trace ID: {uuid.uuid4()} Timestamp: {now:%Y-%m-%d %H:%M:%SZ}",
        "error_codes": [error.code],
        "timestamp": f"{now:%Y-%m-%d %H:%M:%SZ}",
    }
    return JSONResponse(document, error.status)

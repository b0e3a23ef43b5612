"""The Security Token Service: a ServiceAccount's token of the cluster for a federated access token.

Sources: the discovery document ``sts.v1`` (fields), RFC 8693 (errors), Google's page "About Workload Identity Federation for
GKE" (what a token must contain). The audience that a cluster names, ``identitynamespace:POOL:CLUSTER``, is as Google's open source
clients of fleets write it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import parse_qsl

from rehearsal.emulators.decisions import RecordedDecision
from rehearsal.emulators.gcp.access_tokens import FederatedCaller
from rehearsal.emulators.gcp.account import Account
from rehearsal.emulators.tokens import ClusterTokens, TokenError, unverified_subject

GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a type's name
JWT = "urn:ietf:params:oauth:token-type:jwt"
_ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105 - a type's name
_SECONDS = 3600
_CAMEL = {
    "grantType": "grant_type", "requestedTokenType": "requested_token_type", "subjectToken": "subject_token",
    "subjectTokenType": "subject_token_type", "audience": "audience", "scope": "scope", "options": "options",
}  # fmt: skip


class ExchangeError(Exception):
    """``code`` is OAuth's name of the error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message

    @property
    def document(self) -> dict[str, str]:
        return {"error": self.code, "error_description": self.message}


def request_fields(body: bytes, content_type: str) -> dict[str, str]:
    """The fields of an exchange, sent as a form or, as Google also takes it, as JSON. Raises ExchangeError."""
    if "json" not in content_type:
        return {str(key): value for key, value in parse_qsl(body.decode(errors="replace"))}
    try:
        given = cast("dict[str, Any]", json.loads(body))
        return {_CAMEL.get(key, key): str(value) for key, value in given.items()}
    except (ValueError, AttributeError) as error:
        raise ExchangeError("invalid_request", f"the body is no JSON object: {error}") from error


class TokenExchange:
    """Authenticates the cluster's tokens and issues federated ones."""

    def __init__(self, account: Account, tokens: ClusterTokens) -> None:
        self._account, self._tokens = account, tokens

    @property
    def audience(self) -> str:
        """The audience that the cluster asks for."""
        return f"identitynamespace:{self._account.pool.name}:{self._account.cluster}"

    def exchange(self, fields: Mapping[str, str]) -> dict[str, Any]:
        """``POST /v1/token``. Raises ExchangeError."""
        subject = unverified_subject(fields.get("subject_token", ""))
        details = {"audience": fields.get("audience", "")}
        try:
            caller = self._authenticate(fields)
        except ExchangeError as error:
            self._account.decisions.add(
                RecordedDecision("sts", subject, "exchange", False, error.code, error.message, details)
            )
            raise
        self._account.decisions.add(RecordedDecision("sts", subject, "exchange", True, details=details))
        return {
            "access_token": self._account.tokens.issue(caller, _SECONDS),
            "issued_token_type": ACCESS_TOKEN,
            "token_type": "Bearer",
            "expires_in": _SECONDS,
        }

    def _authenticate(self, fields: Mapping[str, str]) -> FederatedCaller:
        if fields.get("grant_type") != GRANT:
            raise ExchangeError("unsupported_grant_type", f"grant_type must be {GRANT}")
        if fields.get("requested_token_type") != ACCESS_TOKEN:
            raise ExchangeError("invalid_request", f"requested_token_type must be {ACCESS_TOKEN}")
        if fields.get("subject_token_type") not in (JWT, _ID_TOKEN):
            raise ExchangeError("invalid_request", f"subject_token_type must be {JWT}")
        if not fields.get("scope"):
            raise ExchangeError("invalid_scope", "scope is required")
        pool = self._account.pool
        if fields.get("audience") != self.audience:
            raise ExchangeError(
                "invalid_target",
                'The target service indicated by the "audience" parameters is invalid. This might either be because the pool '
                f"or provider is disabled or deleted or because it doesn't exist. (rehearsal: it is {self.audience})",
            )
        try:
            token = self._tokens.verify(fields.get("subject_token", ""))
        except TokenError as error:
            raise ExchangeError("invalid_grant", _words(error)) from error
        if pool.name not in token.audiences:
            given = ", ".join(token.audiences) or "none"
            raise ExchangeError(
                "invalid_grant", f"The audience in ID Token [{given}] does not match the expected audience {pool.name}."
            )
        if token.service_account is None:
            raise ExchangeError("invalid_grant", f"The subject {token.subject} is no Kubernetes ServiceAccount.")
        namespace, name = token.service_account
        return FederatedCaller(pool.domain, pool.project_number, pool.name, namespace, name, self._account.cluster)


def _words(error: TokenError) -> str:
    match error.fault:
        case "issuer":
            return f"The issuer in ID Token {error.issuer} does not match the expected ones."
        case "expiry":
            return f"ID Token is stale to sign-in: {error}"
        case "signature":
            return f"Invalid signature of ID Token: {error}"
        case "keys":
            return f"Error connecting to the given credential's issuer: {error}"
        case _:
            return f"Unable to parse the ID Token: {error}"

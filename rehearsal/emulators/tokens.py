"""The cluster's ServiceAccount tokens, checked as a cloud's token service checks them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

FetchKeys = Callable[[], Mapping[str, Any]]
"""Fetches the cluster's JSON Web Key Set. Raises OSError."""

_REFETCH_SECONDS = 10.0
_LEEWAY_SECONDS = 5.0


class TokenError(Exception):
    """A token was refused. ``fault`` is which test it failed: ``form``, ``issuer``, ``signature``, ``expiry`` or ``keys``."""

    def __init__(self, fault: str, message: str, issuer: str = "") -> None:
        super().__init__(message)
        self.fault, self.issuer = fault, issuer


@dataclass(frozen=True, slots=True)
class ClusterToken:
    """A token whose signature, issuer and time are good; ``issuer`` is the name under which the cloud knows the cluster."""

    issuer: str
    subject: str
    audiences: tuple[str, ...]
    expires: float
    claims: Mapping[str, Any]

    @property
    def service_account(self) -> tuple[str, str] | None:
        """Namespace and name, where the subject is a ServiceAccount."""
        parts = self.subject.split(":")
        return (parts[2], parts[3]) if len(parts) == 4 and parts[:2] == ["system", "serviceaccount"] else None


class ClusterTokens:
    """Verifies tokens of one cluster.

    ``issuer`` is the claim that the cluster writes; ``known_as`` the issuer that the stack file names for it, under which the
    clouds know it. The rehearsal's cluster cannot have a cloud's name, so the two differ; nothing else of a token is translated.
    """

    def __init__(self, issuer: str, known_as: str, fetch: FetchKeys) -> None:
        self._issuer = issuer
        self._known_as = known_as or issuer
        self._fetch = fetch
        self._keys: KeySet | None = None
        self._fetched = 0.0

    def verify(self, token: str, *, longest_seconds: float | None = None) -> ClusterToken:
        """The token's content. Raises TokenError. ``longest_seconds`` refuses tokens that live longer (Entra: a day)."""
        try:
            parsed = jws.extract_compact(token.encode())
            claims = _claims(parsed.payload)
        except (JoseError, ValueError) as error:
            raise TokenError("form", f"the token is not a JSON Web Token: {error}") from error
        issuer = str(claims.get("iss", ""))
        if issuer != self._issuer:
            raise TokenError("issuer", f"No OpenIDConnect provider found in your account for {issuer}", issuer)
        self._verify_signature(token, str(parsed.headers().get("kid", "")))
        now = time.time()
        expires, issued = float(claims.get("exp", 0)), float(claims.get("iat", 0))
        if now > expires + _LEEWAY_SECONDS:
            raise TokenError(
                "expiry", f"Token expired: current date/time {int(now)} must be before the expiration {int(expires)}"
            )
        if now < float(claims.get("nbf", 0)) - _LEEWAY_SECONDS:
            raise TokenError("expiry", "the token is not valid yet")
        if longest_seconds is not None and expires - issued > longest_seconds:
            raise TokenError(
                "expiry", f"the token lives {int(expires - issued)} s; at most {int(longest_seconds)} s are accepted"
            )
        audience = claims.get("aud", [])
        audiences = (audience,) if isinstance(audience, str) else tuple(map(str, audience))
        return ClusterToken(self._known_as, str(claims.get("sub", "")), audiences, expires, claims)

    def _verify_signature(self, token: str, key_id: str) -> None:
        keys = self._key_set()
        known = {str(key.kid) for key in keys.keys}
        if key_id not in known:
            # A cluster may have taken a new key since; another cluster's token ends here.
            keys = self._key_set(again=True)
            if key_id not in {str(key.kid) for key in keys.keys}:
                raise TokenError(
                    "signature", f"Couldn't retrieve verification key from your identity provider: no key {key_id!r}"
                )
        try:
            jws.deserialize_compact(token, keys, algorithms=["RS256"])
        except (JoseError, ValueError) as error:
            raise TokenError("signature", f"the token's signature is not the cluster's: {error}") from error

    def _key_set(self, *, again: bool = False) -> KeySet:
        now = time.monotonic()
        if self._keys is None or (again and now - self._fetched > _REFETCH_SECONDS):
            try:
                self._keys = KeySet.import_key_set(dict(self._fetch()))  # type: ignore[arg-type]
            except OSError as error:
                raise TokenError("keys", f"the cluster's keys could not be fetched: {error}") from error
            self._fetched = now
        return self._keys


def unverified_subject(token: str) -> str:
    """What a token has about itself, for records only; empty where it has nothing."""
    return unverified_claim(token, "sub")


def unverified_claim(token: str, name: str) -> str:
    """A claim as the token has it, for records only; empty where it has none."""
    try:
        return str(_claims(jws.extract_compact(token.encode()).payload).get(name, ""))
    except (JoseError, ValueError):
        return ""


def _claims(payload: bytes) -> Mapping[str, Any]:
    claims = json.loads(payload)
    if not isinstance(claims, dict):
        raise ValueError("its payload is no object")
    return cast("Mapping[str, Any]", claims)

"""Tokens of the cluster's ServiceAccounts, and what forgers would make of them."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any, Protocol

from joserfc import jwt
from joserfc.jwk import RSAKey


class Issuer(Protocol):
    """A cluster's TokenRequest API."""

    def token(self, namespace: str, service_account: str, audience: str) -> str: ...


class Forger:
    """Creates tokens that a correct token service rejects.

    ``signing_key`` is the cluster's own, which only a rehearsal has at hand.
    """

    def __init__(self, signing_key: Path) -> None:
        self._own = RSAKey.import_key(signing_key.read_bytes())
        self._foreign = RSAKey.generate_key(2048, auto_kid=True)

    def expired(self, token: str) -> str:
        """The token as it will be when it has expired, with the cluster's own signature."""
        head, claims = _parts(token)
        now = time.time()
        return jwt.encode(head, {**claims, "iat": now - 7200, "nbf": now - 7200, "exp": now - 3600}, self._own)

    def other_cluster(self, token: str) -> str:
        """The same claims from a cluster with another key."""
        _, claims = _parts(token)
        return jwt.encode({"alg": "RS256", "kid": self._foreign.kid}, claims, self._foreign)

    def other_issuer(self, token: str) -> str:
        """The same claims under another issuer's name and key."""
        _, claims = _parts(token)
        named = {**claims, "iss": "https://oidc.another-cluster.example.com"}
        return jwt.encode({"alg": "RS256", "kid": self._foreign.kid}, named, self._foreign)

    def tampered(self, token: str, subject: str) -> str:
        """A good token with its subject changed to ``subject`` and its signature kept."""
        head, _, signature = token.split(".")
        _, claims = _parts(token)
        body = base64.urlsafe_b64encode(json.dumps({**claims, "sub": subject}).encode()).decode().rstrip("=")
        return f"{head}.{body}.{signature}"


def _parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    head, body, _ = token.split(".")
    return json.loads(base64.urlsafe_b64decode(f"{head}==")), json.loads(base64.urlsafe_b64decode(f"{body}=="))

"""Tokens that the emulator issues itself: JSON Web Tokens under a key of this process."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from typing import Any, cast

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey


class Signer:
    """Issues and reads tokens of one kind. What an earlier process issued is unknown to the next: clients ask again."""

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer
        self._key = OctKey.import_key(secrets.token_bytes(32))

    def issue(self, claims: Mapping[str, Any], seconds: float) -> str:
        now = int(time.time())
        times = {"iss": self._issuer, "iat": now, "nbf": now, "exp": now + int(seconds), "jti": secrets.token_hex(8)}
        return jwt.encode({"alg": "HS256"}, {**times, **claims}, self._key)

    def read(self, token: str) -> Mapping[str, Any] | None:
        """The claims; None for a token that is not of this issuer and process, or has expired."""
        try:
            content = jws.deserialize_compact(token, self._key, algorithms=["HS256"])
            claims = cast("Mapping[str, Any]", json.loads(content.payload))
        except (JoseError, ValueError):
            return None
        return claims if float(claims.get("exp", 0)) > time.time() and claims.get("iss") == self._issuer else None

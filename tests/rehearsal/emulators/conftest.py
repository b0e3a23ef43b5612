"""A cluster's signing key without a cluster, and applications served on the loopback address."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from starlette.types import ASGIApp

from tests.rehearsal.serving import serving

ISSUER = "https://kubernetes.default.svc.cluster.local"
KNOWN_AS = "https://oidc.eks.eu-west-1.amazonaws.com/id/ABC"


class Cluster:
    """Signs ServiceAccount tokens as kube-apiserver does."""

    def __init__(self, issuer: str = ISSUER) -> None:
        self.issuer = issuer
        self.key = RSAKey.generate_key(2048, auto_kid=True)

    def keys(self) -> Mapping[str, Any]:
        return KeySet([self.key]).as_dict()

    def token(
        self, namespace: str, name: str, *, audience: str = "sts.amazonaws.com", seconds: float = 3600, **more: Any
    ) -> str:
        now = time.time()
        claims = {
            "iss": self.issuer,
            "sub": f"system:serviceaccount:{namespace}:{name}",
            "aud": [audience],
            "iat": now,
            "nbf": now,
            "exp": now + seconds,
            "kubernetes.io": {"namespace": namespace, "pod": {"name": "builder-1", "uid": "u-1"}},
            **more,
        }
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, self.key)


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture(scope="session")
def other_cluster() -> Cluster:
    return Cluster()


@pytest.fixture(scope="session")
def serve() -> Callable[[ASGIApp], Any]:
    return serving

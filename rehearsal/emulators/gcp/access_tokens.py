"""Google's OAuth access tokens: opaque texts, each for one caller and for some time."""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass
from typing import TypeAlias

OPERATOR_TOKEN = "ya29.rehearsal-operator"  # noqa: S105 - the sandbox's, known to all
"""Whoever deploys a stack: may do everything in an emulator."""


@dataclass(frozen=True, slots=True)
class Operator:
    """Who deploys."""

    def __str__(self) -> str:
        return "user:operator"


@dataclass(frozen=True, slots=True)
class Anonymous:
    """Anonymous: a request without credentials."""

    def __str__(self) -> str:
        return "nobody"


@dataclass(frozen=True, slots=True)
class ServiceAccountCaller:
    """A Google service account. ``unique_id`` distinguishes it from one of the same address that was there before."""

    email: str
    unique_id: str

    def __str__(self) -> str:
        return f"serviceAccount:{self.email}"


@dataclass(frozen=True, slots=True)
class FederatedCaller:
    """A ServiceAccount of a cluster, by its workload identity pool. ``cluster`` is the cluster's URL at Google."""

    domain: str
    project_number: str
    pool: str
    namespace: str
    name: str
    cluster: str = ""

    def __str__(self) -> str:
        return f"{self.pool_name.replace('principalSet', 'principal')}/subject/ns/{self.namespace}/sa/{self.name}"

    @property
    def pool_name(self) -> str:
        return f"principalSet://{self.domain}/projects/{self.project_number}/locations/global/workloadIdentityPools/{self.pool}"


Caller: TypeAlias = Operator | Anonymous | ServiceAccountCaller | FederatedCaller


def members(caller: Caller) -> frozenset[str]:
    """Every name of a caller in a policy.

    Source: cloud.google.com/iam/docs/principal-identifiers and Google's page "About Workload Identity Federation for GKE".
    """
    match caller:
        case Operator():
            return frozenset({"user:operator", "allAuthenticatedUsers", "allUsers"})
        case Anonymous():
            return frozenset({"allUsers"})
        case ServiceAccountCaller():
            return frozenset({str(caller), "allAuthenticatedUsers", "allUsers"})
        case FederatedCaller(pool=pool, namespace=namespace, name=name):
            names = {
                str(caller),
                f"serviceAccount:{pool}[{namespace}/{name}]",
                f"{caller.pool_name}/namespace/{namespace}",
                f"{caller.pool_name}/*",
                "allUsers",
            }
            if caller.cluster:
                names.add(f"{caller.pool_name}/kubernetes.cluster/{caller.cluster}")
            return frozenset(names)


class AccessTokens:
    """Issues tokens and knows whose they are. They end with the process, as no client keeps one for longer than an hour."""

    def __init__(self) -> None:
        self._issued: dict[str, tuple[Caller, float]] = {_digest(OPERATOR_TOKEN): (Operator(), float("inf"))}

    def issue(self, caller: Caller, seconds: float) -> str:
        prefix = "ya29.d." if isinstance(caller, FederatedCaller) else "ya29.c."
        token = prefix + secrets.token_urlsafe(48)
        self._issued[_digest(token)] = (caller, time.time() + seconds)
        return token

    def find(self, token: str) -> Caller | None:
        """Whose token it is; None for one that is unknown or has expired."""
        caller, expires = self._issued.get(_digest(token), (None, 0.0))
        return caller if time.time() < expires else None


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()

"""The Secrets that a stack left in a namespace: with what builds push, and nodes pull."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, Protocol

_DOCKER = "kubernetes.io/dockerconfigjson"


class Objects(Protocol):
    """The cluster's API, as an administrator sees it."""

    def get(self, path: str) -> dict[str, Any] | None: ...


def secrets(cluster: Objects, namespace: str) -> list[dict[str, Any]]:
    """All Secrets of a namespace that have data."""
    listed: dict[str, Any] = cluster.get(f"/api/v1/namespaces/{namespace}/secrets") or {}
    found: list[dict[str, Any]] = listed.get("items") or []
    return [secret for secret in found if secret.get("data")]


def registry_login(cluster: Objects, namespace: str, host: str, *, of_nodes: bool = False) -> Mapping[str, str]:
    """The header with the login for a host; ``of_nodes`` looks only where the kubelet does, in the Secrets of ServiceAccount
    ``default``. Raises RuntimeError where none has it."""
    found = [secret for secret in secrets(cluster, namespace) if secret.get("type") == _DOCKER]
    where = f"namespace {namespace}"
    if of_nodes:
        account: dict[str, Any] = cluster.get(f"/api/v1/namespaces/{namespace}/serviceaccounts/default") or {}
        references: list[dict[str, Any]] = account.get("imagePullSecrets") or []
        linked = {item["name"] for item in references}
        found = [secret for secret in found if secret["metadata"]["name"] in linked]
        where = f"the imagePullSecrets of ServiceAccount default of {where}"
    for secret in found:
        entries: dict[str, Any] = json.loads(base64.b64decode(secret["data"][".dockerconfigjson"]))["auths"]
        if host in entries:
            return {"authorization": f"Basic {entries[host]['auth']}"}
    raise RuntimeError(f"no Secret among {where} has a login for {host}")


def basic(user: str, password: str) -> Mapping[str, str]:
    """The header of HTTP basic authentication."""
    return {"authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


def user_and_password(header: Mapping[str, str]) -> tuple[str, str]:
    """What a header of HTTP basic authentication holds."""
    user, _, password = base64.b64decode(header["authorization"].removeprefix("Basic ")).decode().partition(":")
    return user, password

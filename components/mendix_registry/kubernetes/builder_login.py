"""How the builder's container logs in: which volumes, mounts and variables each kind of credentials needs.

A credential reaches the container as a file or as the pod's own identity, never by an argument or a variable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from mendix_registry.kubernetes.login_secret import DOCKER_CONFIG_KEY
from mendix_registry.namespace_access import (
    Anonymous,
    Credentials,
    ExistingPullSecret,
    NewCredentialFile,
    NewPullSecret,
    ServiceAccountToken,
    WorkloadIdentity,
)

CREDENTIALS_DIRECTORY, LOGIN_DIRECTORY = "/credentials", "/login"
_TOKEN = "token"  # noqa: S105 - the name of a file


@dataclass(frozen=True, slots=True)
class Login:
    """What the container needs. ``environment`` shows the scripts (``CREDENTIALS``) and krane where to look."""

    environment: Mapping[str, pulumi.Input[str]]
    volumes: Sequence[Any] = ()
    mounts: Sequence[Any] = ()


def login(credentials: Credentials, secret_name: pulumi.Input[str] | None) -> Login:
    """``secret_name`` is the Secret of a pull secret or a credential file, None for the others."""
    mount = {"name": "credentials", "mount_path": CREDENTIALS_DIRECTORY, "read_only": True}
    match credentials:
        case Anonymous():
            return Login({"CREDENTIALS": "anonymous"})
        case WorkloadIdentity():
            # What the identity needs in the pod, the cloud's webhook puts there.
            return Login({"CREDENTIALS": "identity"})
        case NewPullSecret() | ExistingPullSecret():
            volume = _secret_volume(secret_name, DOCKER_CONFIG_KEY, "config.json")
            environment = {"CREDENTIALS": "secret", "DOCKER_CONFIG": CREDENTIALS_DIRECTORY}
            if isinstance(credentials, ExistingPullSecret):
                # So that a hint can name what someone else has to correct.
                environment["LOGIN_SECRET"] = credentials.name
            return Login(environment, [volume], [mount])
        case NewCredentialFile(file=file, variable=variable):
            volume = _secret_volume(secret_name, file, file)
            return Login({"CREDENTIALS": "file", variable: f"{CREDENTIALS_DIRECTORY}/{file}"}, [volume], [mount])
        case ServiceAccountToken(username=username, audience=audience, expiration_seconds=seconds):
            token: dict[str, Any] = {"path": _TOKEN, "expiration_seconds": seconds}
            if audience is not None:
                token["audience"] = audience
            projected = {"default_mode": 0o440, "sources": [{"service_account_token": token}]}
            return Login(
                {
                    "CREDENTIALS": "token",
                    "LOGIN_USER": username,
                    "LOGIN_TOKEN": f"{CREDENTIALS_DIRECTORY}/{_TOKEN}",
                    "DOCKER_CONFIG": LOGIN_DIRECTORY,
                },
                [
                    {"name": "credentials", "projected": projected},
                    # The login made from the token is never on the node's disk.
                    {"name": "login", "empty_dir": {"medium": "Memory", "size_limit": "1Mi"}},
                ],
                [mount, {"name": "login", "mount_path": LOGIN_DIRECTORY}],
            )


def _secret_volume(secret_name: pulumi.Input[str] | None, key: str, path: str) -> dict[str, Any]:
    secret = {"secret_name": secret_name, "default_mode": 0o440, "items": [{"key": key, "path": path}]}
    return {"name": "credentials", "secret": secret}

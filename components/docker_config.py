"""The text of a Docker client's ``config.json``, as it stands in a ``kubernetes.io/dockerconfigjson`` Secret."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable
from typing import Any, cast

DOCKER_HUB_KEY = "https://index.docker.io/v1/"
"""Where every client looks up Docker Hub's credentials (go-containerregistry ``pkg/authn``: ``DefaultAuthKey``), not
its host."""

_DOCKER_HUB_HOSTS = ("index.docker.io", "docker.io")


def key_of(host: str) -> str:
    """The key under ``auths`` for ``host``."""
    return DOCKER_HUB_KEY if host in _DOCKER_HUB_HOSTS else host


def docker_config(hosts: Iterable[str], username: str, password: str) -> str:
    """``config.json`` with the same user for all ``hosts``: push and pull host both, since nodes look up theirs (Mendix
    learned that in Operator 2.10.2). The same arguments give the same text."""
    auth = base64.b64encode(f"{username}:{password}".encode()).decode()
    entry = {"auth": auth, "password": password, "username": username}
    return json.dumps(
        {"auths": {key_of(host): entry for host in sorted(set(hosts))}}, sort_keys=True, separators=(",", ":")
    )


def fault(secret_type: str | None, data: dict[str, str] | None, hosts: Iterable[str]) -> str | None:
    """What keeps an existing Secret from serving ``hosts``, or None. Never repeats its content.

    Args:
        secret_type: the Secret's ``type``.
        data: its ``data``, base64 as in the API.
        hosts: the hosts it must have an entry for.
    """
    wanted = "kubernetes.io/dockerconfigjson"
    if secret_type != wanted:
        return (
            f"its type is {secret_type or 'missing'}; nodes only use {wanted} (kubectl create secret docker-registry)"
        )
    text = (data or {}).get(".dockerconfigjson")
    if not text:
        return "it has no key .dockerconfigjson"
    try:
        config: Any = json.loads(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return "its .dockerconfigjson is not JSON"
    auths: Any = cast("dict[str, Any]", config).get("auths") if isinstance(config, dict) else None
    if not isinstance(auths, dict):
        return "its .dockerconfigjson has no object 'auths' (credential helpers cannot run in the build pod)"
    entries = {_host_of(key): value for key, value in cast("dict[str, Any]", auths).items()}
    for host in hosts:
        entry = entries.get(_host_of(key_of(host)))
        if entry is None:
            return f"it has no entry for {host}, only for: {', '.join(sorted(entries)) or 'nothing'}"
        if not isinstance(entry, dict) or not any(
            cast("dict[str, Any]", entry).get(key) for key in ("auth", "password", "identitytoken", "registrytoken")
        ):
            return f"its entry for {host} has no credentials in it"
    return None


def _host_of(key: str) -> str:
    """Clients also find a host under a key with a scheme or a path (go-containerregistry ``pkg/authn/keychain.go``)."""
    return key.removeprefix("https://").removeprefix("http://").split("/", 1)[0]

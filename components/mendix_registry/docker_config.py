"""The text of a Docker client's ``config.json``, as it stands in a ``kubernetes.io/dockerconfigjson`` Secret."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable

DOCKER_HUB_KEY = "https://index.docker.io/v1/"
"""Where every client looks up Docker Hub's credentials (go-containerregistry ``pkg/authn``: ``DefaultAuthKey``), not
its host."""

DOCKER_HUB = "index.docker.io"
"""Docker Hub's host, as go-containerregistry has it."""


def key_of(host: str) -> str:
    """The key under ``auths`` for ``host``."""
    return DOCKER_HUB_KEY if host in (DOCKER_HUB, "docker.io") else host


def docker_config(hosts: Iterable[str], username: str, password: str) -> str:
    """``config.json`` with the same user for all ``hosts``: push and pull host both, since nodes look up theirs (Mendix
    learned that in Operator 2.10.2). The same arguments give the same text."""
    auth = base64.b64encode(f"{username}:{password}".encode()).decode()
    entry = {"auth": auth, "password": password, "username": username}
    return json.dumps(
        {"auths": {key_of(host): entry for host in sorted(set(hosts))}}, sort_keys=True, separators=(",", ":")
    )

"""The files of a distribution registry: its configuration and its password file."""

from __future__ import annotations

import contextlib
import hashlib
import re
from pathlib import PurePath
from typing import Any

import bcrypt
import yaml

from rehearsal.registry.spec import RegistrySpec

_ROUNDS = 5
"""bcrypt cost. The registry verifies at every request; the file is in a directory only its owner reads, and the password
belongs to a sandbox."""


def directory_name(push_host: str) -> str:
    """A file name for a registry, readable and different for different hosts."""
    readable = re.sub(r"[^a-z0-9]+", "-", push_host).strip("-")[:40]
    return f"{readable}-{hashlib.sha256(push_host.encode()).hexdigest()[:8]}"


def distribution_configuration(
    spec: RegistrySpec,
    listen: str,
    *,
    storage: PurePath,
    htpasswd: PurePath,
    certificate: PurePath,
    key: PurePath,
    secret: str,
) -> str:
    """config.yml of distribution v3; the paths are those the registry sees."""
    http: dict[str, Any] = {"addr": listen, "secret": secret, "headers": {"X-Content-Type-Options": ["nosniff"]}}
    if spec.tls:
        http["tls"] = {"certificate": str(certificate), "key": str(key)}
    document: dict[str, Any] = {
        "version": "0.1",
        "log": {"level": "info", "accesslog": {"disabled": False}},
        "storage": {
            "filesystem": {"rootdirectory": str(storage)},
            "delete": {"enabled": True},
            "maintenance": {"uploadpurging": {"enabled": False}},
        },
        "http": http,
        "health": {"storagedriver": {"enabled": False}},
    }
    if spec.username:
        document["auth"] = {"htpasswd": {"realm": "mendix-registry rehearsal", "path": str(htpasswd)}}
    return yaml.dump(document, Dumper=yaml.CSafeDumper, sort_keys=False)


def htpasswd(spec: RegistrySpec, present: str) -> str:
    """The password file for ``spec``; ``present`` as it is when it already has the same, for a hash is salted."""
    if not spec.username:
        return ""
    name, _, hashed = present.strip().partition(":")
    # A file that was cut short holds no hash.
    with contextlib.suppress(ValueError):
        if name == spec.username and bcrypt.checkpw(spec.password.encode(), hashed.encode()):
            return present
    return f"{spec.username}:{bcrypt.hashpw(spec.password.encode(), bcrypt.gensalt(_ROUNDS)).decode()}\n"

"""Which credentials of a Secret a node takes to pull an image, or why it takes none.

The rules are the kubelet's (``k8s.io/kubernetes/pkg/credentialprovider``: ``config.go``, ``keyring.go``, ``secrets/secrets.go``).
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping
from typing import Any

from mendix_registry.docker_config import DOCKER_HUB
from mendix_registry.docker_json import UnreadableError, decoded, entries, fields, shown, text, texts

_URL = re.compile(r"https?://(?:[^/?#]*@)?((?:\[[^\]/?#]*\]|[^\s/?#:@<>\"\\^`{|}\[\]]*)(?::\d*)?)([^?#]*)(?:[?#].*)?")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})|[\x00-\x1f\x7f]")


def matching(config: Mapping[str, Any], host: str, repository: str) -> Mapping[str, tuple[str, str]]:
    """User and password of every entry that the kubelet tries for images in ``host/repository``, by the entry's key.

    Raises:
        UnreadableError: the kubelet reads no entry at all.
    """
    given = fields(config, "it")
    texts(given.get("httpheaders"), "HttpHeaders")
    auths = {key: _entry(key, value) for key, value in entries(given.get("auths"), "auths").items()}
    # The name of an image is normalized before: kubelet's pkg/util/parsers.
    hub = host in (DOCKER_HUB, "docker.io")
    registry = "docker.io" if hub else host
    path = f"library/{repository}" if hub and "/" not in repository else repository
    index = {key: place for key in auths if (place := _place(key)) is not None}
    found = {key: auths[key] for key, place in index.items() if _fits(place, (registry, f"/{path}"))}
    if not found and hub:
        found = {key: auths[key] for key, place in index.items() if place == (DOCKER_HUB, "")}
    return found


def _entry(key: str, value: Any) -> tuple[str, str]:
    at = f"the entry {shown(key)}"
    given = fields(value, at)
    username, password, auth, _ = (
        text(given, name, f"{name} of {at}") for name in ("username", "password", "auth", "email")
    )
    if auth:
        username, separator, password = decoded(auth, at, padded=False).partition(":")
        if not separator:
            raise UnreadableError(
                f"auth of {at} is not the base64 of user:password, and nodes then read no entry at all"
            )
    return username, password


def _place(key: str) -> tuple[str, str] | None:
    """Host and path that an entry's key is for; None where the kubelet ignores it."""
    url = key if key.startswith(("https://", "http://")) else f"https://{key}"
    match = None if _BAD_ESCAPE.search(url) else _URL.fullmatch(url)
    if match is None:
        return None
    host, path = match[1], match[2]
    if path.startswith(("/v1/", "/v2/")):
        path = path[3:]
    return host, "" if path == "/" else path


def _fits(entry: tuple[str, str], image: tuple[str, str]) -> bool:
    """Whether the host fits part by part, with wildcards, the port is the same, and the path is a beginning of the image's."""
    (pattern, pattern_port), (host, host_port) = _split(entry[0]), _split(image[0])
    patterns, parts = pattern.split("."), host.split(".")
    return (
        pattern_port == host_port
        and len(patterns) == len(parts)
        and image[1].startswith(entry[1])
        and all(fnmatch.fnmatchcase(part, glob.replace("[^", "[!")) for glob, part in zip(patterns, parts, strict=True))
    )


def _split(host: str) -> tuple[str, str]:
    # net.SplitHostPort; what has no port stays as it is, brackets too.
    match = re.fullmatch(r"(?:\[([^\]]*)\]|([^:]*)):(\d*)", host)
    return (match[1] or match[2] or "", match[3]) if match else (host, "")

"""Which credentials of a Docker client's ``config.json`` the push client takes for a registry, or why it takes none.

The rules are go-containerregistry's (``pkg/authn/keychain.go``), which Mendix's build and krane use, over docker/cli's
``cli/config/configfile/file.go`` and ``credentials/file_store.go``. A test compares them with krane's own answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mendix_registry.docker_config import DOCKER_HUB, key_of
from mendix_registry.docker_json import UnreadableError, decoded, entries, fields, shown, text, texts

_URL = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#]*@)?(\[[0-9A-Fa-f:.]+\]|[^\s/?#:@%<>\"\\^`{|}\[\]]*)(?::(\d*))?(?:[/?#].*)?"
)
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})|[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the client would send."""

    username: str = ""
    password: str = ""
    identity_token: str = ""
    registry_token: str = ""

    def __repr__(self) -> str:
        return "Credentials(…)"


def possible(config: Mapping[str, Any], host: str, repository: str) -> Mapping[str, Credentials]:
    """The entries of which the client takes one to push to ``host/repository``, by their keys. None: it pushes without
    credentials. Several: it takes any of them, as Go's maps have no order.

    Raises:
        UnreadableError: the client fails, whichever registry it is about.
    """
    registry = DOCKER_HUB if host == "docker.io" else host
    path = f"library/{repository}" if registry == DOCKER_HUB and "/" not in repository else repository
    return looked_up(config, (f"{registry}/{path}", key_of(registry)))


def looked_up(config: Mapping[str, Any], addresses: Iterable[str]) -> Mapping[str, Credentials]:
    """The entries of the first of ``addresses`` that has any with something in it. Raises UnreadableError as above."""
    given = fields(config, "it")
    auths = {key: _entry(key, value) for key, value in entries(given.get("auths"), "auths").items()}
    helpers = texts(given.get("credhelpers"), "credHelpers")
    store = text(given, "credsstore", "credsStore")
    texts(given.get("httpheaders"), "HttpHeaders")
    for address in addresses:
        if helper := helpers.get(address, store):
            raise UnreadableError(
                f"it names the credential helper {helper!r} (credsStore or credHelpers), which the build pod does not have: the "
                "push client then fails, whatever stands under auths"
            )
        found = {address: auths[address]} if address in auths else _of_host(auths, address)
        # After an empty entry the client tries the next address. Where it is one of several, chance also decides whether it does.
        if any(value != Credentials() for value in found.values()):
            return found
    return {}


def host_of(key: str) -> str:
    """The host that the client reads in an entry's key (``ConvertToHostname``)."""
    if "://" in key:
        match = None if _BAD_ESCAPE.search(key) else _URL.fullmatch(key)
        if match and match[1]:
            name = match[1].strip("[]")
            return name if not match[2] else f"[{name}]:{match[2]}" if ":" in name else f"{name}:{match[2]}"
    return key.partition("/")[0]


def _of_host(auths: Mapping[str, Credentials], address: str) -> Mapping[str, Credentials]:
    return {key: value for key, value in auths.items() if host_of(key) == address}


def _entry(key: str, value: Any) -> Credentials:
    at = f"the entry {shown(key)}"
    given = fields(value, at)
    names = ("username", "password", "identitytoken", "registrytoken", "auth", "serveraddress")
    username, password, identity, token, auth, _ = (text(given, name, f"{name} of {at}") for name in names)
    if auth:
        username, separator, password = decoded(auth, at, padded=True).partition(":")
        if not separator or not username:
            raise UnreadableError(
                f"auth of {at} is not the base64 of user:password, and the push client then reads no entry at all"
            )
        password = password.strip("\x00")
    return Credentials(username, password, identity, token)

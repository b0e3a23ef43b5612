"""What keeps an existing Secret from serving a registry: the push client and the nodes have different rules."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from typing import Any

from mendix_registry.docker_config import DOCKER_HUB_KEY, key_of
from mendix_registry.docker_json import UnreadableError, entries, fields, parsed, shown
from mendix_registry.docker_keychain import Credentials, host_of, possible
from mendix_registry.kubelet_keyring import matching
from mendix_registry.settings.values import control_character

TYPE = "kubernetes.io/dockerconfigjson"
_OLD_TYPE = "kubernetes.io/dockercfg"
_KEY = ".dockerconfigjson"
_HUB_HOSTS = ("docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com", "hub.docker.com")


def fault(
    secret_type: str | None, data: Mapping[str, str] | None, push: tuple[str, str], pull: tuple[str, str]
) -> str | None:
    """What keeps the Secret from serving, or None. Never repeats a credential.

    Args:
        secret_type: the Secret's ``type``.
        data: its ``data``, base64 as in the API.
        push: host and repository that builds push to.
        pull: host and repository that nodes pull from.
    """
    if secret_type == _OLD_TYPE:
        return f"its type is {_OLD_TYPE}, a form that nodes still read and the push client does not; {TYPE} serves both"
    if secret_type != TYPE:
        return f"its type is {secret_type or 'missing'}; builds and nodes need {TYPE}"
    content = (data or {}).get(_KEY)
    if not content:
        return f"it has no key {_KEY}"
    try:
        config = parsed(base64.b64decode(content, validate=True))
        return _push_fault(config, *push) or _pull_fault(config, *pull)
    except binascii.Error:
        return f"its {_KEY} is not base64"
    except UnreadableError as error:
        return str(error)


def remedy(name: str, namespace: str, hosts: Iterable[str]) -> str:
    """The command that makes the Secret again; the type of one that exists cannot be changed, so it is replaced."""
    keys = sorted({key_of(host) for host in hosts})
    replace = "--dry-run=client --output=yaml | kubectl replace --force --filename=-"
    if len(keys) == 1:
        return (
            f"kubectl create secret docker-registry {name} --namespace {namespace} --docker-server={keys[0]} "
            f"--docker-username=<user> --docker-password=<password> {replace}"
        )
    auths = ", ".join(f'"{key}": {{"auth": "<base64 of user:password>"}}' for key in keys)
    return (
        f"kubectl create secret generic {name} --namespace {namespace} --type={TYPE} --from-file={_KEY}=<file> {replace}, "
        f'where <file> has {{"auths": {{{auths}}}}}'
    )


def _push_fault(config: Mapping[str, Any], host: str, repository: str) -> str | None:
    found = possible(config, host, repository)
    if not found:
        return _not_found(config, host)
    if len(set(found.values())) > 1:
        several = " and ".join(shown(key) for key in sorted(found))
        return f"its entries {several} are all for {host}, and the push client takes one of them by chance"
    key, taken = next(iter(found.items()))
    if taken.identity_token or taken.registry_token:
        return None
    return _incomplete(key, taken)


def _incomplete(key: str, taken: Credentials) -> str | None:
    if not taken.username or not taken.password:
        return f"its entry {shown(key)} has no {'password' if taken.username else 'user'} in it"
    if ":" in taken.username:
        return f"its entry {shown(key)} has a user with a colon, which no login can carry"
    for what, value in (("user", taken.username), ("password", taken.password)):
        if character := control_character(value):
            return f"its entry {shown(key)} has a {what} with {character} in it, which no login can carry"
    return None


def _not_found(config: Mapping[str, Any], host: str) -> str:
    auths = entries(fields(config, "it").get("auths"), "auths")
    if not auths:
        return "it has no entry under 'auths' (credential helpers cannot run in the build pod)"
    wanted = key_of(host)
    if wanted in auths:
        return f"its entry {shown(wanted)} has no credentials in it"
    near = [key for key in auths if _is_near(key, host)]
    if near and wanted == DOCKER_HUB_KEY:
        return f"the push client finds Docker Hub's credentials only under {wanted!r}, not under its entry {shown(near[0])}"
    if near:
        return (
            f"its entry {shown(near[0])} is not for {host}: the push client compares host and port as they are written"
        )
    return f"it has no entry for {host}, only for: {', '.join(shown(key) for key in sorted(auths))}"


def _is_near(key: str, host: str) -> bool:
    # Another scheme's case, another case, another port, another of Docker Hub's names.
    name = host_of(key.strip().lower()).partition(":")[0]
    return name == host.partition(":")[0] or (key_of(host) == DOCKER_HUB_KEY and name in _HUB_HOSTS)


def _pull_fault(config: Mapping[str, Any], host: str, repository: str) -> str | None:
    found = matching(config, host, repository)
    for username, password in found.values():
        if username and password:
            return None
    if found:
        return f"its entry {shown(min(found))} has no user and password in it, and nodes cannot use a token"
    auths = entries(fields(config, "it").get("auths"), "auths")
    for key in sorted(auths):
        if host_of(key) == host:
            return f"its entry {shown(key)} is for another path than {host}/{repository}, and nodes pull without credentials then"
    return (
        f"nodes find no entry for {host}/{repository} in it, only for: {', '.join(shown(key) for key in sorted(auths))}"
    )

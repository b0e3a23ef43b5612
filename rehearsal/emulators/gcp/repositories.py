"""Artifact Registry's repositories.

Source: the discovery document ``artifactregistry.v1``: what is immutable, how many labels, how long a policy's id may be.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from rehearsal.emulators.gcp.account import Account
from rehearsal.emulators.gcp.errors import ApiError, invalid, not_found
from rehearsal.emulators.gcp.store import Object

GCR = {"gcr.io": "us", "us.gcr.io": "us", "eu.gcr.io": "europe", "asia.gcr.io": "asia"}
"""Repositories that serve a host of Container Registry, and where they must be.
cloud.google.com/artifact-registry/docs/transition/gcr-repositories."""

_ID = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
_LOCATION = re.compile(r"us|europe|asia|[a-z]+-[a-z]+\d+")
_LABEL_KEY, _LABEL_VALUE = re.compile(r"[a-z][a-z0-9_-]{0,62}"), re.compile(r"[a-z0-9_-]{0,63}")
_KEY = re.compile(r"projects/[^/]+/locations/(?P<location>[^/]+)/keyRings/[^/]+/cryptoKeys/[^/]+")
_MUTABLE = frozenset(
    {"cleanupPolicies", "cleanupPolicyDryRun", "description", "dockerConfig", "labels", "vulnerabilityScanningConfig"}
)
_GIVEN = _MUTABLE | {"format", "mode", "kmsKeyName"}
_IGNORED = frozenset({"name", "createTime", "updateTime", "registryUri", "sizeBytes", "satisfiesPzs", "satisfiesPzi"})


def create(account: Account, project: str, location: str, identity: str, body: Mapping[str, Any]) -> Object:
    """Raises ApiError."""
    if not _LOCATION.fullmatch(location):
        raise ApiError(403, f"Location {location} is not found or access is unauthorized.")
    if identity in GCR and GCR[identity] != location:
        raise invalid(f"Repository {identity} must be in {GCR[identity]}, not in {location}.")
    if identity not in GCR and not _ID.fullmatch(identity):
        raise invalid(
            f"Invalid repository ID {identity!r}: it may have lowercase letters, numbers and hyphens, must begin with a letter and "
            "end with a letter or number, and be no longer than 63 characters."
        )
    if body.get("format") != "DOCKER" or body.get("mode", "STANDARD_REPOSITORY") != "STANDARD_REPOSITORY":
        raise invalid(f"the rehearsal keeps standard repositories of format DOCKER only, not {body.get('format')}")
    _check(body, location)
    name = f"projects/{project}/locations/{location}/repositories/{identity}"
    store = account.store
    with store.changing():
        if name in store.repositories:
            raise ApiError(409, "the repository already exists")
        now = _now()
        store.repositories[name] = {
            **{key: value for key, value in body.items() if key in _GIVEN},
            "name": name,
            "mode": "STANDARD_REPOSITORY",
            "createTime": now,
            "updateTime": now,
            "registryUri": registry_uri(project, location, identity),
            # What distinguishes it from one of the same name that was there before.
            "generation": secrets.token_hex(4),
        }
        return shown(store.repositories[name])


def get(account: Account, name: str) -> Object:
    """Raises ApiError."""
    found = account.store.repositories.get(name)
    if found is None:
        raise not_found(f'Repository "{name}" not found')
    return found


def patch(account: Account, name: str, mask: str, body: Mapping[str, Any]) -> Object:
    """Raises ApiError."""
    found = get(account, name)
    keys = [_camel(key) for key in mask.split(",") if key] or [key for key in body if key in _MUTABLE]
    fixed = sorted(set(keys) - _MUTABLE)
    if fixed:
        raise invalid(f"field {', '.join(fixed)} is immutable or not known and can't be updated")
    _check(body, name.split("/")[3])
    with account.store.changing():
        for key in keys:
            if body.get(key) is None:
                found.pop(key, None)
            else:
                found[key] = body[key]
        found["updateTime"] = _now()
        return shown(found)


def delete(account: Account, name: str) -> None:
    """Raises ApiError."""
    get(account, name)
    with account.store.changing():
        account.store.repositories.pop(name)
        account.store.tags.pop(name, None)
        account.store.drop_policy(name)


def shown(repository: Object) -> Object:
    """A repository as the API gives it."""
    scanning = repository.get("vulnerabilityScanningConfig")
    state = {"enablementState": "SCANNING_DISABLED", "enablementStateReason": "API containerscanning is not enabled."}
    return {
        **{key: value for key, value in repository.items() if key != "generation"},
        **({"vulnerabilityScanningConfig": {**scanning, **state}} if scanning else {}),
    }


def registry_uri(project: str, location: str, identity: str) -> str:
    return f"{location}-docker.pkg.dev/{project.replace(':', '/')}/{identity}"


def _check(body: Mapping[str, Any], location: str) -> None:
    unknown = sorted(set(body) - _GIVEN - _IGNORED)
    if unknown:
        raise invalid(
            f"Invalid JSON payload received. Unknown name \"{unknown[0]}\" at 'repository': Cannot find field."
        )
    labels = cast("Mapping[str, str]", body.get("labels") or {})
    if len(labels) > 64:
        raise invalid(f"{len(labels)} labels; at most 64 are allowed")
    for key, value in labels.items():
        if not _LABEL_KEY.fullmatch(key) or not _LABEL_VALUE.fullmatch(value):
            raise invalid(f"the label {key}={value} has characters that are not allowed, or more than 63")
    key_name = body.get("kmsKeyName")
    if key_name:
        match = _KEY.fullmatch(key_name)
        if match is None or match["location"] != location:
            raise invalid(
                f"the KMS key {key_name} is not of the form projects/…/cryptoKeys/… or not in the location {location}"
            )
    for identity, policy in cast("Mapping[str, Object]", body.get("cleanupPolicies") or {}).items():
        if policy.get("id") != identity or not 0 < len(identity) < 128:
            raise invalid(f"the cleanup policy's key {identity!r} must be its id, of fewer than 128 characters")
        if policy.get("action") not in ("DELETE", "KEEP"):
            raise invalid(f"the cleanup policy {identity!r} needs the action DELETE or KEEP")
        if policy.get("mostRecentVersions") and policy["action"] != "KEEP":
            raise invalid(
                f"the cleanup policy {identity!r}: mostRecentVersions may only be specified with a Keep action"
            )
        if not policy.get("mostRecentVersions") and not policy.get("condition"):
            raise invalid(f"the cleanup policy {identity!r} needs a condition or mostRecentVersions")


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _camel(name: str) -> str:
    head, *rest = name.strip().split("_")
    return head + "".join(part.title() for part in rest)

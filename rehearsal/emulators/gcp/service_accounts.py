"""IAM's service accounts.

Source: the discovery document ``iam.v1``; cloud.google.com/iam/quotas (100 in a project).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Any, cast

from rehearsal.emulators.gcp.account import Account
from rehearsal.emulators.gcp.errors import ApiError, invalid, not_found
from rehearsal.emulators.gcp.store import Object

_ID = re.compile(r"[a-z]([-a-z0-9]{4,28}[a-z0-9])")
_LONGEST_NAME, _LONGEST_DESCRIPTION = 100, 256


def create(account: Account, project: str, body: Mapping[str, Any]) -> Object:
    """Raises ApiError."""
    identity, given = str(body.get("accountId") or ""), cast("Object", body.get("serviceAccount") or {})
    # Google's own accounts are there from the start; only the sandbox, which creates them, knows this field.
    google_managed = str(body.get("rehearsalEmail") or "")
    if not google_managed and not _ID.fullmatch(identity):
        raise invalid(
            "The account ID must start with a lower case letter, followed by one or more lower case alphanumerical characters "
            f"that can be separated by hyphens, and have 6 to 30 characters: {identity!r}."
        )
    _check(given)
    email = google_managed or f"{identity}@{domain(project)}"
    store = account.store
    with store.changing():
        if email in store.accounts:
            raise ApiError(409, f"Service account {identity} already exists within project projects/{project}.")
        if (
            not google_managed
            and sum(item["projectId"] == project for item in store.accounts.values()) >= account.account_quota
        ):
            raise ApiError(429, "Maximum number of service accounts on project reached.")
        made: Object = {
            "name": f"projects/{project}/serviceAccounts/{email}",
            "projectId": project,
            "uniqueId": str(10**20 + secrets.randbelow(10**20)),
            "email": email,
            "oauth2ClientId": str(10**20 + secrets.randbelow(10**20)),
            "etag": "MDEwMjE5MjA=",
            **{key: given[key] for key in ("displayName", "description") if given.get(key)},
        }
        store.accounts[email] = made
    return made


def get(account: Account, project: str, identity: str) -> Object:
    """By address or unique id; ``-`` is any project. Raises ApiError."""
    found = account.store.accounts.get(identity) or next(
        (item for item in account.store.accounts.values() if item["uniqueId"] == identity), None
    )
    if found is None or project not in ("-", found["projectId"]):
        raise not_found(f"Unknown service account: projects/{project}/serviceAccounts/{identity}")
    return found


def patch(account: Account, found: Object, body: Mapping[str, Any]) -> Object:
    given = cast("Object", body.get("serviceAccount") or {})
    mask = [_camel(part) for part in str(body.get("updateMask") or "").split(",") if part]
    if not mask or set(mask) - {"displayName", "description"}:
        raise invalid(f"updateMask must name displayName or description, not {body.get('updateMask')!r}.")
    _check(given)
    with account.store.changing():
        for key in mask:
            found[key] = given.get(key, "")
    return found


def switch(account: Account, found: Object, disabled: bool) -> None:
    with account.store.changing():
        found["disabled"] = disabled


def delete(account: Account, found: Object) -> None:
    """Policies go on naming it, as a deleted one: whoever gets the same address later does not inherit."""
    email = found["email"]
    with account.store.changing():
        account.store.accounts.pop(email)
        account.store.drop_policy(found["name"])
        account.store.rename_member(
            f"serviceAccount:{email}", f"deleted:serviceAccount:{email}?uid={found['uniqueId']}"
        )


def domain(project: str) -> str:
    """The domain of a project's service accounts; a project ``example.com:mendix`` has ``mendix.example.com.…``."""
    organisation, _, name = project.rpartition(":")
    return ".".join(part for part in (name, organisation, "iam.gserviceaccount.com") if part)


def _check(given: Mapping[str, Any]) -> None:
    for key, longest in (("displayName", _LONGEST_NAME), ("description", _LONGEST_DESCRIPTION)):
        size = len(str(given.get(key) or "").encode())
        if size > longest:
            raise invalid(f"The {key} has {size} bytes; the maximum is {longest} UTF-8 bytes.")


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)

"""IAM policies: what may be set, and who may do what.

Sources: cloud.google.com/iam/docs/policies, …/docs/quotas (1,500 members, 250 domains and groups in one policy).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from rehearsal.emulators.gcp.access_tokens import Caller, Operator, members
from rehearsal.emulators.gcp.conditions import ConditionError, holds
from rehearsal.emulators.gcp.errors import ApiError, invalid
from rehearsal.emulators.gcp.roles import ROLES
from rehearsal.emulators.gcp.store import Object, Store

LONGEST_POLICY = 1500
_POOL_MEMBER = re.compile(
    r"serviceAccount:(?P<pool>[^\[\]]+\.svc\.id\.goog)\[(?P<namespace>[^/\]]+)/(?P<name>[^/\]]+)\]"
)
_PRINCIPAL = re.compile(
    r"(?P<kind>principal|principalSet)://(?P<domain>[^/]+)/projects/(?P<number>[^/]+)/locations/global/workloadIdentityPools/"
    r"(?P<pool>[^/]+)/(?P<rest>.+)"
)
_SUBJECT = re.compile(r"subject/ns/[^/]+/sa/[^/]+")
_SIMPLE = re.compile(r"(user|group|domain|deleted):.+|allUsers|allAuthenticatedUsers|serviceAccount:[^@\s]+@[^@\s]+")


@dataclass(frozen=True, slots=True)
class Pool:
    """A cluster's workload identity pool: its name, the number of its project, the host in the names of its principals."""

    name: str
    project_number: str
    domain: str = "iam.googleapis.com"


@dataclass(frozen=True, slots=True)
class Decision:
    """``reason`` is the binding that allowed it, or why none did."""

    allowed: bool
    reason: str


class Policies:
    """The policies of repositories, service accounts and projects; a project's hold for all that is in it."""

    def __init__(self, store: Store, pools: Iterable[Pool]) -> None:
        self._store = store
        self._pools = {pool.name: pool for pool in pools}

    def set(self, resource: str, given: Mapping[str, Any]) -> Object:
        """Set a policy. Raises ApiError: a stale etag is a conflict, as someone else was faster."""
        bindings = self._checked(given)
        with self._store.changing():
            current = self._store.policy(resource)
            etag = given.get("etag")
            if etag and etag != current["etag"]:
                raise ApiError(
                    409,
                    "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff. "
                    f"The request's ETag '{etag}' did not match the current policy's ETag '{current['etag']}'.",
                    "ABORTED",
                )
            return self._store.set_policy(resource, bindings, int(given.get("version") or 1))

    def decide(self, caller: Caller, permission: str, resource: str, resource_type: str) -> Decision:
        """Whether ``caller`` has ``permission`` on ``resource``, by its policy or its project's, as far as they are visible."""
        if isinstance(caller, Operator):
            return Decision(True, "who deploys may do everything")
        names = members(caller)
        why: list[str] = []
        project = "/".join(resource.split("/")[:2])
        for holder in dict.fromkeys((resource, project)):
            for binding in cast("list[Object]", self._store.seen_policy(holder).get("bindings", [])):
                mine = names & set(binding["members"])
                where = f"{binding['role']} on {holder}"
                if permission in ROLES.get(binding["role"], frozenset()):
                    if not mine:
                        why.append(f"{where} is granted to {_shortened(binding['members'])}")
                        continue
                    obstacle = self._obstacle(binding, resource, resource_type)
                    if not obstacle:
                        return Decision(True, f"{where} is granted to {sorted(mine)[0]}")
                    why.append(f"{where}: {obstacle}")
                elif mine:
                    why.append(f"{where}, which {_short(str(caller))} has, does not have it")
        if self._store.policy(resource) != self._store.seen_policy(resource) and self._store.policy(resource).get(
            "bindings"
        ):
            why.append("its policy was changed moments ago, which is not visible yet")
        details = "; ".join(dict.fromkeys(why)) or "no policy of it or of its project grants it to anybody"
        return Decision(False, f"{_short(str(caller))} does not have {permission} on {resource}: {details}")

    def _obstacle(self, binding: Object, resource: str, resource_type: str) -> str:
        """Why a binding's condition keeps it from holding; empty where it does not."""
        condition = cast("dict[str, str]", binding.get("condition") or {})
        if not condition:
            return ""
        try:
            if holds(condition["expression"], resource, resource_type, self._store.now()):
                return ""
        except ConditionError as error:
            return f"the condition {condition.get('title')!r} cannot be evaluated: {error}"
        return f"the condition {condition.get('title')!r} is false"

    def _checked(self, given: Mapping[str, Any]) -> list[Object]:
        bindings: dict[tuple[str, str], Object] = {}
        version = int(given.get("version") or 0)
        if version not in (0, 1, 3):
            raise invalid(f"Invalid value at 'policy.version': {version}; valid are 0, 1 and 3.")
        for item in cast("list[Object]", given.get("bindings") or []):
            role, condition = str(item.get("role", "")), cast("Object", item.get("condition") or {})
            if role not in ROLES:
                raise invalid(
                    f"Role {role} is not supported for this resource. (rehearsal: or it is none that a registry needs)"
                )
            if condition and version != 3:
                raise invalid("Specified a condition in a policy whose version is not 3.")
            if condition and not (condition.get("title") and condition.get("expression")):
                raise invalid(f"The condition of {role} needs a title and an expression.")
            for member in cast("list[Any]", item.get("members") or []):
                self._check_member(str(member))
            if item.get("members"):
                made = bindings.setdefault(
                    (role, repr(sorted(condition.items()))),
                    {"role": role, "members": [], **({"condition": condition} if condition else {})},
                )
                made["members"] = sorted({*made["members"], *item["members"]})
        count = sum(len(binding["members"]) for binding in bindings.values())
        if count > LONGEST_POLICY:
            raise invalid(
                f"The number of members in the policy ({count:,}) is larger than the maximum allowed size {LONGEST_POLICY:,}."
            )
        return list(bindings.values())

    def _check_member(self, member: str) -> None:
        """Raises ApiError for an impossible name."""
        if match := _POOL_MEMBER.fullmatch(member):
            self._check_pool(match["pool"], match["pool"], "", "")
            return
        if match := _PRINCIPAL.fullmatch(member):
            full = f"projects/{match['number']}/locations/global/workloadIdentityPools/{match['pool']}"
            self._check_pool(match["pool"], full, match["number"], match["domain"])
            if match["kind"] == "principal" and not _SUBJECT.fullmatch(match["rest"]):
                raise invalid(f"Invalid principal: {member}: expected …/subject/ns/NAMESPACE/sa/SERVICEACCOUNT.")
            return
        if not _SIMPLE.fullmatch(member):
            raise invalid(f"The member {member} is of an unknown type. Please set a valid type prefix for the member.")
        email = member.removeprefix("serviceAccount:")
        if email != member and email.endswith(".iam.gserviceaccount.com") and email not in self._store.accounts:
            raise invalid(f"Service account {email} does not exist.")

    def _check_pool(self, name: str, full: str, number: str, domain: str) -> None:
        pool = self._pools.get(name)
        if pool is None or (number and (number, domain) != (pool.project_number, pool.domain)):
            raise invalid(
                f"Identity Pool does not exist ({full}). Please check that you specified a valid resource name as returned in "
                "the `name` attribute in the configuration API."
            )


def _short(member: str) -> str:
    """A member as messages name it: of a principal only what distinguishes it from others of its pool."""
    match = _PRINCIPAL.fullmatch(member)
    return f"{match['kind']}://…/{match['pool']}/{match['rest']}" if match else member


def _shortened(names: list[str], most: int = 3) -> str:
    shown = [_short(name) for name in sorted(names)]
    return ", ".join(shown[:most]) + (f" and {len(shown) - most} more" if len(shown) > most else "")

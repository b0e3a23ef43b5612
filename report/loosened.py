"""Documents that lose what narrowed them: a condition, or a statement that denies."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from access_documents.iam_documents import conditions
from report.access import gcp
from report.access.aws import statements
from report.access.world import Resource

_KEYS: Final = ("policy", "assumeRolePolicy", "repositoryPolicy")
_MARKED_ELSEWHERE: Final = (":sub", ":aud", "/kubernetes-namespace", "/kubernetes-service-account", "/eks-cluster-arn")


def loosened(new: Resource, old: Resource) -> Iterator[tuple[str, str]]:
    """What no longer narrows a resource that changes, and the foreign text that it is about."""
    for key in _KEYS if new.type.startswith("aws:") else ():
        before, after = old.value(key), new.value(key)
        if any(True for _ in statements(after)) or any(True for _ in statements(after, "Deny")):
            yield from _document(before, after)
    if new.type.startswith("gcp:"):
        narrowed = {(each.role, who) for each in gcp.bindings(old) if each.condition for who in each.members}
        free = {(each.role, who) for each in gcp.bindings(new) if not each.condition for who in each.members}
        for _, who in sorted(narrowed & free):
            yield "The condition that narrowed it is gone.", who


def _document(before: Any, after: Any) -> Iterator[tuple[str, str]]:
    denied = {_canonical(statement) for statement in statements(after, "Deny")}
    for statement in statements(before, "Deny"):
        if _canonical(statement) not in denied:
            yield "It no longer denies what it denied.", str(statement.get("Sid", ""))
    kept: dict[str, set[str]] = {}
    for statement in statements(before):
        kept.setdefault(_canonical(statement, "Condition"), set()).update(_narrowing(statement))
    for statement in statements(after):
        gone = kept.get(_canonical(statement, "Condition"), set()) - _narrowing(statement)
        for key in sorted(gone):
            yield "A condition that narrowed it is gone.", key


def _narrowing(statement: Mapping[str, Any]) -> set[str]:
    keys = {key.lower() for _, key, _ in conditions(statement)}
    return {key for key in keys if not key.endswith(_MARKED_ELSEWHERE)}


def _canonical(statement: Mapping[str, Any], *left_out: str) -> str:
    """A statement without its name, so that two can be compared."""
    rest = {key: value for key, value in statement.items() if key not in ("Sid", *left_out)}
    return json.dumps(rest, sort_keys=True)

"""The pack refuses and the report explains by the same facts: what the pack newly refuses of a change, the report calls a risk."""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from policy.rules import RULES, Resource, Rule
from report.changes import urn_name, urn_type
from report.preview import State, read_preview
from report.summary import summarize
from report.values import is_unknown
from tests.policy.registrations import one
from tests.policy.test_refusals import CASES, Mutation
from tests.report.previews import Stack
from tests.report.recordings import RECORDED, alone

ABOUT_PODS = {"restricted-jobs", "digest-pinned-images"}
"""What runs, not who may do what: no risk of the report's."""
ABOUT_REGISTRIES = {"immutable-tags", "encryption-at-rest", "protected-registries"}
"""The report marks protection that a change removes; of a new registry the pack alone requires it."""
NOT_SHOWN = "pulumi:providers:kubernetes"
"""A kubeconfig is a secret: a preview's JSON does not have it."""


class _UnknownError(Exception):
    unknown_type_sentinel: ClassVar = "unknown"


class _Inputs(dict[str, Any]):
    """Inputs as the policy SDK hands them over: to read what a preview does not know raises."""

    def get(self, key: str, default: Any = None) -> Any:
        value = super().get(key, default)
        if is_unknown(value):
            raise _UnknownError
        return value

    @classmethod
    def of(cls, value: Any) -> Any:
        if isinstance(value, dict) and not is_unknown(value):
            return cls({key: cls.of(item) for key, item in value.items()})
        return [cls.of(item) for item in value] if isinstance(value, list) else value


def _refused(rule: Rule, urn: str, state: State | None) -> set[str]:
    found: set[str] = set()
    if state is not None:
        resource = Resource(
            urn_type(urn), urn_name(urn), _Inputs.of(state.inputs or {}), bool(state.protect), rule.defaults
        )
        with contextlib.suppress(_UnknownError):
            # One by one: what is certain is reported even where a later value is not known.
            for finding in rule.check(resource):
                found.add(finding.what)
    return found


def test_what_the_pack_rejects_in_recordings_is_a_risk() -> None:
    refused: dict[str, set[tuple[str, str]]] = {}
    for place in sorted(RECORDED.iterdir()):
        if place.name == "short-object" or not (place / "preview.json").stat().st_size:
            continue
        preview = alone(place.name)
        marked = {risk.urn for risk in summarize(preview).risks}
        for step in preview.preview.steps or ():
            if "delete" in step.op or "discard" in step.op:
                continue
            for rule in RULES:
                if _refused(rule, step.urn, step.new_state) - _refused(rule, step.urn, step.old_state):
                    refused.setdefault(rule.name, set()).add((place.name, step.urn))
                    assert step.urn in marked or rule.name in ABOUT_PODS, (place.name, step.urn, rule.name)
    assert {"exact-trust-subjects", "least-privilege", "no-static-credentials"} <= refused.keys()


@pytest.mark.parametrize("op", ["create", "update"])
@pytest.mark.parametrize(
    ("rule", "stack", "kind", "mutation"),
    [case[:4] for case in CASES if case[0] not in ABOUT_PODS and case[2] != NOT_SHOWN],
)
def test_every_rejection_is_a_risk(rule: str, stack: str, kind: str, mutation: Mutation, op: str) -> None:
    if op == "create" and rule in ABOUT_REGISTRIES:
        return
    item = one(stack, kind)
    inputs = copy.deepcopy(dict(item.inputs))
    mutation(inputs)
    old: Mapping[str, Any] | None = item.inputs if op == "update" else None
    preview = Stack()
    preview.step(op, kind, item.name, new=inputs, old=old)
    assert summarize(read_preview(json.dumps(preview.document()).encode(), "preview.json")).risks

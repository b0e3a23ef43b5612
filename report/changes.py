"""What a preview changes, resource by resource, in the order in which a reviewer should read it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from access_documents.azure import plain_type
from report.preview import STACK_TYPE, Op, StackPreview, State, Step

_PARTS: frozenset[Op] = frozenset(
    {
        "create-replacement",
        "delete-replaced",
        "read-replacement",
        "import-replacement",
        "remove-pending-replace",
        "discard-replaced",
    }
)
"""Halves of a replacement: the step ``replace`` reports it once."""

ORDER: tuple[Op, ...] = ("replace", "delete", "discard", "update", "refresh", "create", "import", "read", "same")
"""Dangerous ones first."""

QUIET: frozenset[Op] = frozenset({"same", "read"})

SIGNS: Mapping[Op, str] = {
    "create": "+",
    "update": "~",
    "replace": "+-",
    "delete": "-",
    "import": "=",
    "refresh": "~",
    "discard": "<",
    "read": ">",
    "same": " ",
}
"""Pulumi's own signs."""

VERBS: Mapping[Op, str] = {
    "create": "create",
    "update": "update",
    "replace": "replace",
    "delete": "delete",
    "import": "import",
    "refresh": "refresh",
    "discard": "forget",
    "read": "read",
    "same": "unchanged",
}


@dataclass(frozen=True, slots=True)
class Component:
    """What a resource belongs to: a component, or the stack itself (``type`` is then empty)."""

    type: str
    name: str

    @property
    def kind(self) -> str:
        """The last part of the type: ``MendixNamespace``."""
        return self.type.rsplit(":", 1)[-1]


@dataclass(frozen=True, slots=True)
class Change:
    """One step of one stack. ``old`` and ``new`` are the resource's state before and after, None where there is none."""

    stack: str
    op: Op
    urn: str
    type: str
    name: str
    component: Component
    old: State | None
    new: State | None
    step: Step
    reasons: tuple[str, ...] = ()
    old_inputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    new_inputs: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def kept_in_cloud(self) -> bool:
        """Whether a deletion only forgets the resource (``retainOnDelete``)."""
        return self.op in ("delete", "replace") and bool(self.old and self.old.retain_on_delete)


def urn_type(urn: str) -> str:
    """``aws:iam/role:Role`` of ``urn:pulumi:s::p::a:b:C$aws:iam/role:Role::name``; of Azure without the version of the API, for the
    SDKs have every type once for each."""
    parts = urn.split("::")
    type_ = parts[2].rsplit("$", 1)[-1] if len(parts) >= 4 else ""
    return plain_type(type_)


def urn_name(urn: str) -> str:
    """The resource's name; it may hold ``::`` itself."""
    parts = urn.split("::", 3)
    return parts[3] if len(parts) == 4 else urn


def is_component(type_: str) -> bool:
    """Whether the type may be a component's (``package:module:Name``). Some providers write theirs so too."""
    return type_.count(":") == 2 and "/" not in type_ and not type_.startswith("pulumi:")


def changes(stack: StackPreview) -> list[Change]:
    """The stack's steps, dangerous ones first, components themselves and halves of replacements left out."""
    steps = stack.preview.steps or []
    parents = {step.urn: (step.new_state or step.old_state or State()).parent for step in steps}
    whole = {step.urn for step in steps if step.op == "replace"}
    replaced = whole | {step.urn for step in steps if step.op in ("create-replacement", "import-replacement")}
    found: list[Change] = []
    for step in steps:
        type_ = urn_type(step.urn)
        if type_ == STACK_TYPE:
            continue
        op = step.op
        if op in _PARTS:
            if op == "create-replacement" and step.urn not in whole:
                # `--show-replacement-steps` may list the halves alone.
                op = "replace"
            elif op == "delete-replaced" and step.urn not in replaced:
                # An earlier update made the new one and stopped before it deleted the old one.
                op = "delete"
            else:
                continue
        old, new = step.old_state, step.new_state
        if not any(state.custom for state in (old, new) if state is not None) and is_component(type_):
            continue
        old_inputs, new_inputs = (old.inputs or {}) if old else {}, (new.inputs or {}) if new else {}
        if op == "refresh":
            op, old_inputs, new_inputs = _drift(old, new)
        found.append(
            Change(
                stack.name,
                op,
                step.urn,
                type_,
                urn_name(step.urn),
                _component(step.urn, parents),
                old,
                new,
                step,
                tuple(step.replace_reasons or step.diff_reasons or ()),
                old_inputs,
                new_inputs,
            )
        )
    rank = {op: index for index, op in enumerate(ORDER)}
    # The engine does what is independent in another order each time; a comment that is updated should not change with it.
    found.sort(
        key=lambda change: (
            rank.get(change.op, len(ORDER)),
            change.component.type,
            change.component.name,
            change.name,
            change.type,
        )
    )
    return found


def _drift(old: State | None, new: State | None) -> tuple[Op, Mapping[str, Any], Mapping[str, Any]]:
    """What a refresh found: it compares what was there with what is, so the outputs show it; gone is as good as deleted."""
    was, becomes = (old.outputs or {}) if old else {}, (new.outputs or {}) if new else {}
    if new is None:
        return "delete", was, {}
    return ("same" if was == becomes else "refresh"), was, becomes


def _component(urn: str, parents: Mapping[str, str]) -> Component:
    """The outermost component that the preview shows the resource to be in."""
    best = Component("", "")
    parent = parents.get(urn, "")
    for _ in range(20):  # a preview that was tampered with may go in circles
        type_ = urn_type(parent)
        if not parent or type_ == STACK_TYPE:
            break
        best = Component(type_, urn_name(parent))
        parent = parents.get(parent, "")
    return best


def counts(stack: StackPreview, listed: Iterable[Change]) -> dict[Op, int]:
    """Resources by what happens to them: the CLI's own counts, else those of the steps listed."""
    summary = stack.preview.change_summary
    # A refresh counts every resource that it has looked at.
    if summary and not any(step.op == "refresh" for step in stack.preview.steps or ()):
        numbers: dict[Op, int] = {op: number for op, number in summary.items() if op not in _PARTS and number}
        # The CLI counts the deletion of an old copy as a half, also where there is no other half.
        left = sum(change.step.op == "delete-replaced" for change in listed)
        if left:
            numbers["delete"] = numbers.get("delete", 0) + left
        return numbers
    result: dict[Op, int] = {}
    for change in listed:
        op: Op = "update" if change.op == "refresh" else change.op
        result[op] = result.get(op, 0) + 1
    return result

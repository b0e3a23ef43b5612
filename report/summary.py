"""Everything that a report says about one stack, worked out once and written by the comment and by the page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from report.access.grants import Access, access
from report.access.meaning import Sentence, sentences
from report.access.world import worlds
from report.changes import QUIET, Change, changes, counts, urn_name
from report.masking import mask_properties, mask_text
from report.preview import Op, StackPreview
from report.risks import Risk, risks
from report.text import clean
from report.values import at, is_unknown, unknown_paths

_LONGEST_MESSAGE = 4_000


@dataclass(frozen=True, slots=True)
class Unknown:
    """An input that only ``up`` can know, and the resources that it waits for."""

    change: Change
    path: str
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """A message, without secrets. ``severity`` is ``error``, ``warning`` or ``info``."""

    severity: str
    about: str
    message: str


@dataclass(frozen=True, slots=True)
class StackReport:
    """One stack. ``failed``: the preview ended with an error, so that what it lists is not all."""

    name: str
    project: str
    counts: Mapping[Op, int]
    changes: Sequence[Change]
    access: Access
    sentences: Sequence[Sentence]
    risks: Sequence[Risk]
    unknowns: Sequence[Unknown]
    messages: Sequence[Said]
    failed: bool
    maybe_corrupt: bool

    @property
    def changed(self) -> int:
        """How many resources change."""
        return sum(number for op, number in self.counts.items() if op not in QUIET)


def summarize(stack: StackPreview) -> StackReport:
    """Works out one stack's report."""
    listed = changes(stack)
    before, after = worlds(stack)
    found = access(stack, before, after)
    messages = _messages(stack)
    return StackReport(
        stack.name,
        stack.project,
        counts(stack, listed),
        [change for change in listed if change.op not in QUIET],
        found,
        sentences(found),
        risks(stack.name, listed, before, after),
        _unknowns(listed),
        messages,
        failed=any(said.severity == "error" for said in messages),
        maybe_corrupt=stack.preview.maybe_corrupt,
    )


def _unknowns(listed: Sequence[Change]) -> list[Unknown]:
    found: list[Unknown] = []
    for change in listed:
        if change.op in QUIET or change.op == "delete":
            continue
        needs = (change.new.property_dependencies or {}) if change.new else {}
        for path in unknown_paths(change.new_inputs):
            top = path.split(".")[0].split("[")[0]
            sources = tuple(sorted({urn_name(urn) for urn in needs.get(top) or ()}))
            found.append(Unknown(change, path, sources))
    return found


def _messages(stack: StackPreview) -> list[Said]:
    found: dict[Said, None] = {}
    for entry in stack.preview.diagnostics or ():
        message = clean(mask_text(entry.message[:_LONGEST_MESSAGE])).strip()
        severity = entry.severity.split("#")[0]
        message = message.removeprefix(f"{severity}: ")
        if message and severity in ("error", "warning", "info"):
            found[Said(severity, urn_name(entry.urn) if entry.urn else "", message)] = None
    rank = {"error": 0, "warning": 1, "info": 2}
    return sorted(found, key=lambda said: rank[said.severity])


def because(change: Change) -> list[tuple[str, str, str]]:
    """Why a resource is replaced or updated: path, old and new value where both are short and no secret."""
    detailed = change.step.detailed_diff or {}
    paths = sorted(path for path, diff in detailed.items() if diff.kind.endswith("-replace"))
    if change.op != "replace" or not paths:
        paths = list(change.reasons) or sorted(detailed)
    old, new = change.old_inputs, change.new_inputs
    return [(path, _short(change.type, old, path), _short(change.type, new, path)) for path in paths]


def _short(type_: str, inputs: Mapping[str, object], path: str) -> str:
    top = path.split(".")[0].split("[")[0]
    value = at(mask_properties(type_, {top: inputs.get(top)}), *path.split("."))
    if is_unknown(value):
        return "known after up"
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    return value if isinstance(value, str) and len(value) <= 80 else ""

"""Everything that a report shows about one stack, worked out once and written by the comment and by the page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from report.access.grants import Access, access
from report.access.meaning import Sentence, sentences
from report.access.world import worlds
from report.changes import QUIET, Change, changes, counts, urn_name
from report.ending import Ending, outcome
from report.marked import hide_marked
from report.masking import mask_properties, mask_text
from report.preview import Message, Op, StackPreview
from report.risks import Risk, risks
from report.text import clean
from report.values import at, is_unknown, unknown_paths

_LONGEST_MESSAGE = 4_000
_EXITED = re.compile(r"an unhandled error occurred: the program exited with code \d+")


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
class Finding:
    """What a policy pack found, without secrets. ``mandatory``: it refuses the preview."""

    mandatory: bool
    level: str
    policy: str
    about: str
    message: str


@dataclass(frozen=True, slots=True)
class StackReport:
    """One stack. Unless its preview has ``succeeded``, what it lists is not all, or may not be deployed; ``why`` is the reason
    where no message does."""

    name: str
    project: str
    counts: Mapping[Op, int]
    changes: Sequence[Change]
    access: Access
    sentences: Sequence[Sentence]
    risks: Sequence[Risk]
    unknowns: Sequence[Unknown]
    messages: Sequence[Said]
    findings: Sequence[Finding]
    ending: Ending
    why: str
    maybe_corrupt: bool

    @property
    def failed(self) -> bool:
        """Whether the preview did anything but succeed."""
        return self.ending != "succeeded"

    @property
    def changed(self) -> int:
        """How many resources change."""
        return sum(number for op, number in self.counts.items() if op not in QUIET)


def summarize(stack: StackPreview) -> StackReport:
    """Works out one stack's report."""
    stack = hide_marked(stack)
    listed = changes(stack)
    before, after = worlds(stack)
    found = access(stack, before, after)
    ended = outcome(stack)
    return StackReport(
        stack.name,
        stack.project,
        counts(stack, listed),
        [change for change in listed if change.op not in QUIET],
        found,
        sentences(found),
        risks(stack.name, listed, before, after),
        _unknowns(listed),
        _messages(stack),
        _findings(stack),
        ended.ending,
        ended.why,
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
    for severity, urn, text in _joined(stack.preview.diagnostics or ()):
        message = clean(mask_text(text[:_LONGEST_MESSAGE])).strip()
        message = message.removeprefix(f"{severity}: ")
        if message and severity in ("error", "warning", "info"):
            found[Said(severity, urn_name(urn) if urn else "", message)] = None
    errors = [said for said in found if said.severity == "error"]
    if len(errors) > 1:
        # The language host's last message has less than the others.
        found = {said: None for said in found if said.severity != "error" or not _EXITED.fullmatch(said.message)}
    rank = {"error": 0, "warning": 1, "info": 2}
    return sorted(found, key=lambda said: rank[said.severity])


def _joined(messages: Iterable[Message]) -> Iterator[tuple[str, str, str]]:
    """Severity, URN, text. The CLI makes a message of each line that the program prints on standard error."""
    for (severity, urn), same in groupby(messages, key=lambda entry: (entry.severity, entry.urn)):
        if severity != "info#err":
            yield from ((severity, urn, entry.message) for entry in same)
            continue
        text = "".join(re.sub(r"\n\n\Z", "\n", entry.message) for entry in same)
        # So Pulumi stops a program: it is no fault, and another message has the reason.
        yield "info", urn, "" if text.rstrip().endswith("KeyboardInterrupt") else text


def _findings(stack: StackPreview) -> list[Finding]:
    found: dict[Finding, None] = {}
    for violation in stack.violations:
        message = clean(mask_text(violation.message[:_LONGEST_MESSAGE])).strip()
        about = urn_name(violation.resource_urn) if violation.resource_urn else ""
        level = violation.enforcement_level
        found[Finding(level == "mandatory", level, violation.policy_name, about, message)] = None
    return sorted(found, key=lambda finding: (not finding.mandatory, finding.policy, finding.about))


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

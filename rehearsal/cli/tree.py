"""The state of an update as its events tell it: what every display draws from, and nothing about drawing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from rehearsal.cli.text import clean, clean_line
from rehearsal.cli.wording import REPLACEMENT_PARTS, UNCHANGED
from rehearsal.engine.events import (
    Diagnostic,
    Event,
    Finished,
    Left,
    Op,
    OutputsRegistered,
    PolicyReference,
    ProgramOutput,
    Severity,
    Started,
    Step,
    StepFinished,
    StepStarted,
)

STACK_TYPE = "pulumi:pulumi:Stack"
PROVIDER_PREFIX = "pulumi:providers:"


@dataclass(slots=True)
class Row:
    """One resource: its place in the tree and the latest of what happened to it.

    ``op`` is what the reader should see (a replacement's three steps are one ``replace``), ``current`` the step itself.
    """

    urn: str
    type: str
    name: str
    parent: str
    op: Op
    current: Op
    running: bool = True
    started: float = 0.0
    seconds: float = 0.0
    message: str = ""
    error: str | None = None
    left: Left = Left.NOTHING

    @property
    def changed(self) -> bool:
        return self.op not in UNCHANGED

    @property
    def label(self) -> str:
        """The last part of the type token, which is how people name a kind: ``ServiceAccount``."""
        return self.type.rsplit(":", 1)[-1].rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True)
class Message:
    """A diagnostic or a line the program printed, ready to print."""

    severity: Severity
    text: str
    urn: str = ""
    of_program: bool = False
    policy: PolicyReference | None = None


def _parent(step: Step) -> str:
    for state in (step.new, step.old):
        if state is not None and state.get("parent"):
            return str(state["parent"])
    return ""


def _found_change(step: Step) -> bool:
    return step.op is not Op.REFRESH or bool(step.detailed_diff or step.diff_reasons)


@dataclass(slots=True)
class Tree:
    """All resources of an update, by URN in the order they began."""

    started: Started | None = None
    finished: Finished | None = None
    rows: dict[str, Row] = field(default_factory=dict[str, Row])
    messages: list[Message] = field(default_factory=list[Message])
    steps: list[Step] = field(default_factory=list[Step])
    cancelling: bool = False

    def apply(self, event: Event, now: float) -> None:
        """Take in one event; ``now`` is a monotonic time in seconds."""
        match event:
            case Started():
                self.started = event
            case StepStarted(step):
                self._begin(step, now)
            case StepFinished():
                self._end(event, now)
            case Diagnostic():
                self._diagnose(event)
            case ProgramOutput() if self.cancelling:
                pass  # A program that is being stopped prints only that it is.
            case ProgramOutput(line, stream):
                severity = Severity.INFO if stream == "stdout" else Severity.WARNING
                self.messages.append(Message(severity, clean(line.rstrip()), of_program=True))
            case Finished():
                self.finished = event
            case OutputsRegistered():
                pass

    def _begin(self, step: Step, now: float) -> Row:
        row = self.rows.get(step.urn)
        if row is None:
            row = self.rows[step.urn] = Row(
                step.urn, clean_line(step.type), clean_line(step.name), _parent(step), step.op, step.op, started=now
            )
        else:
            row.parent = _parent(step) or row.parent
        row.op = Op.REPLACE if step.op in REPLACEMENT_PARTS else step.op
        row.current, row.running = step.op, True
        return row

    def _end(self, event: StepFinished, now: float) -> None:
        step, seconds, error = event.step, event.seconds, event.error
        row = self.rows.get(step.urn) or self._begin(step, now - seconds)
        row.op = Op.REPLACE if step.op in REPLACEMENT_PARTS else step.op
        if not _found_change(step):
            row.op = Op.SAME
        row.current, row.running, row.left = step.op, False, event.left
        if error is None:
            row.message = ""
        row.seconds += seconds
        if error is not None:
            row.error = clean(error).strip()
        self.steps.append(step)

    def _diagnose(self, event: Diagnostic) -> None:
        text = clean(event.message).rstrip()
        if event.ephemeral:
            if event.urn in self.rows:
                self.rows[event.urn].message = clean_line(text)
            return
        if event.severity is Severity.DEBUG or not text:
            return
        self.messages.append(Message(event.severity, text, event.urn, policy=event.policy))

    def visible(self, urns: set[str]) -> Iterator[tuple[str, Row]]:
        """Those rows and their ancestors, each with its branch drawing, parents before children.

        A parent that is not known (or would close a circle) counts as none: a row is never lost from the picture.
        """
        keep: set[str] = set()
        for urn in urns:
            while urn in self.rows and urn not in keep:
                keep.add(urn)
                urn = self.rows[urn].parent
        children: dict[str, list[str]] = {}
        for urn in self.rows:
            if urn in keep:
                parent = self.rows[urn].parent
                children.setdefault(parent if parent in keep and parent != urn else "", []).append(urn)

        stack = [(urn, "", "") for urn in reversed(children.get("", []))]
        drawn: set[str] = set()
        while stack:
            urn, branch, indent = stack.pop()
            if urn in drawn:
                continue
            drawn.add(urn)
            yield branch, self.rows[urn]
            below = children.get(urn, [])
            for position, child in reversed(list(enumerate(below))):
                last = position == len(below) - 1
                stack.append((child, indent + ("└─ " if last else "├─ "), indent + ("   " if last else "│  ")))
        yield from (("", self.rows[urn]) for urn in keep - drawn)

"""What Pulumi's CLI did, from the events that it writes beside its display (``--event-log``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rehearsal.sandbox.event_log import events, plain

_STACK_TYPE = "pulumi:pulumi:Stack"
REJECTED = "The stack file has "
"""How the program's message begins when it rejects its stack file."""

_CLIS_OWN = ("update failed", "preview failed", "an unhandled error occurred")


@dataclass(frozen=True, slots=True)
class Failure:
    """A resource whose step failed. ``reason`` may have several lines."""

    name: str
    type: str
    reason: str


@dataclass(slots=True)
class Course:
    """The course of one command. ``outputs`` are the stack's, secrets masked by the CLI; ``changes`` counts steps by operation;
    ``reports`` are errors that the program itself has logged."""

    outputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    changes: Mapping[str, int] = field(default_factory=dict[str, int])
    failures: list[Failure] = field(default_factory=list[Failure])
    reports: list[str] = field(default_factory=list[str])
    rejected: bool = False

    @property
    def changed(self) -> bool:
        """Whether anything was created, changed or deleted."""
        return any(number for operation, number in self.changes.items() if operation not in ("same", "read", "refresh"))


def read_course(log: Path) -> Course:
    """Read an event log: one JSON object a line. A line that a killed CLI has cut off ends it."""
    course = Course()
    told: dict[str, list[str]] = {}
    failed: dict[str, str] = {}
    for event in events(log):
        if "diagnosticEvent" in event:
            found = event["diagnosticEvent"]
            message = str(found.get("message", ""))
            if REJECTED in message and found.get("severity") == "error":
                course.rejected = True
            if found.get("severity") == "error":
                told.setdefault(str(found.get("urn", "")), []).append(plain(message))
        elif "resOpFailedEvent" in event:
            metadata = event["resOpFailedEvent"]["metadata"]
            failed[str(metadata["urn"])] = str(metadata["type"])
        elif "resOutputsEvent" in event:
            metadata = event["resOutputsEvent"]["metadata"]
            if metadata["type"] == _STACK_TYPE and metadata.get("new"):
                course.outputs = metadata["new"].get("outputs") or {}
        elif "summaryEvent" in event:
            course.changes = event["summaryEvent"].get("resourceChanges") or {}
    course.failures = [
        Failure(urn.rpartition("::")[2], kind.rpartition(":")[2], "\n".join(told.get(urn, ())))
        for urn, kind in failed.items()
    ]
    # What the program logs without naming a resource has no URN; the CLI shows it below the stack.
    of_the_stack = (text for urn, texts in told.items() if not urn or f"::{_STACK_TYPE}::" in urn for text in texts)
    course.reports = [text for text in of_the_stack if not text.removeprefix("error: ").startswith(_CLIS_OWN)]
    return course

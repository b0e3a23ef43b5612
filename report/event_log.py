"""Reads the event log of a preview: one ``apitype.EngineEvent`` a line (``sdk/go/common/apitype/events.go``).

``PULUMI_DEBUG_COMMANDS=1 pulumi preview --event-log FILE`` writes it; the flag exists only with that variable. It has what the
object of ``--json`` lacks: what the policy pack found, and how the preview ended.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from pydantic import ValidationError

from report.preview import Message, Preview, Violation, WrongInputError

_TAGS = re.compile(r"<\{%[^%]*%\}>")
_NANOSECONDS = 1_000_000_000
_KINDS = frozenset(
    {
        "cancelEvent",
        "stdoutEvent",
        "diagnosticEvent",
        "preludeEvent",
        "summaryEvent",
        "resourcePreEvent",
        "resOutputsEvent",
        "resOpFailedEvent",
        "policyEvent",
        "policyRemediationEvent",
        "policyLoadEvent",
        "policyAnalyzeSummaryEvent",
        "policyRemediateSummaryEvent",
        "policyAnalyzeStackSummaryEvent",
        "startDebuggingEvent",
        "progressEvent",
        "errorEvent",
    }
)


@dataclass(slots=True)
class EventLog:
    """What a log records. ``result`` is ``succeeded``, ``failed`` or ``canceled``; empty where the log has no end.

    ``preview`` is the same as the object of ``--json``, as far as events have it: they have no dependencies between properties.
    """

    preview: Preview
    violations: list[Violation] = field(default_factory=list[Violation])
    result: str = ""


def is_event_log(content: bytes) -> bool:
    """Whether ``content`` begins as an event log does."""
    first = content.lstrip().split(b"\n", 1)[0]
    if not first.startswith(b'{"sequence"'):
        return False
    try:
        return isinstance(json.loads(first), dict)
    except ValueError:
        return False


def read_event_log(content: bytes, source: str) -> EventLog:
    """The log in ``content``; ``source`` names it in errors. A last line that was cut off is left out.

    Raises :class:`WrongInputError`.
    """
    reader = _Reader()
    try:
        for event in _events(content, source):
            reader.take(event)
        return reader.log()
    except (ValidationError, KeyError, TypeError, AttributeError) as error:
        raise WrongInputError(
            f"{source} has an event that this version does not know ({type(error).__name__}): it was written in a newer format. "
            "What is not understood cannot be reported, so nothing is. Update mendix-registry, or write it with an older CLI."
        ) from None


def _events(content: bytes, source: str) -> Iterator[Mapping[str, Any]]:
    lines = content.splitlines()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            event: Any = json.loads(line)
        except (ValueError, RecursionError):
            if number == len(lines):
                return
            raise WrongInputError(f"{source} is not an event log: line {number} is not JSON.") from None
        if not isinstance(event, dict) or not _KINDS & cast("dict[str, Any]", event).keys():
            raise WrongInputError(
                f"{source} is not an event log: line {number} is no event. Write it with 'PULUMI_DEBUG_COMMANDS=1 pulumi preview "
                f"--json --event-log {source}'."
            )
        yield cast("dict[str, Any]", event)


class _Reader:
    """Puts events together as ``ShowPreviewDigest`` of ``pkg/backend/display/json.go`` does, but for all that a refresh finds."""

    def __init__(self) -> None:
        self._config: dict[str, str] | None = None
        self._steps: list[dict[str, Any]] = []
        self._refreshed: dict[str, int] = {}
        self._diagnostics: list[Message] = []
        self._summary: Mapping[str, Any] = {}
        self._violations: list[Violation] = []

    def take(self, event: Mapping[str, Any]) -> None:
        for kind, body in event.items():
            match kind:
                case "preludeEvent":
                    self._config = body.get("config")
                case "diagnosticEvent":
                    if not body.get("ephemeral") and body.get("severity") != "debug":
                        text = _TAGS.sub("", body.get("prefix", "") + body["message"])
                        self._diagnostics.append(
                            Message(urn=body.get("urn", ""), message=text, severity=body["severity"])
                        )
                case "stdoutEvent":
                    text = _TAGS.sub("", body["message"])
                    self._diagnostics.append(Message(message=text, severity="info"))
                case "resourcePreEvent":
                    self._step(body["metadata"])
                case "resOutputsEvent":
                    self._refreshing(body["metadata"])
                case "policyEvent":
                    self._violations.append(
                        Violation.model_validate({**body, "message": _TAGS.sub("", body["message"])})
                    )
                case "summaryEvent":
                    self._summary = body
                case _:
                    pass

    def log(self) -> EventLog:
        summary = self._summary
        preview = Preview.model_validate(
            {
                "config": self._config,
                "steps": self._steps,
                "diagnostics": self._diagnostics,
                "duration": _NANOSECONDS * int(summary.get("durationSeconds", 0)),
                "changeSummary": summary.get("resourceChanges"),
                "maybeCorrupt": bool(summary.get("maybeCorrupt")),
            }
        )
        return EventLog(preview, self._violations, str(summary.get("result", "")))

    def _step(self, metadata: Mapping[str, Any]) -> None:
        if re.search(r"::pulumi:providers:[^:]+::default(?:_|$)", metadata["urn"]):
            return  # The CLI shows no provider that it has made itself.
        if metadata["op"] == "refresh":
            self._refreshed[metadata["urn"]] = len(self._steps)
        self._steps.append(_translated(metadata))

    def _refreshing(self, metadata: Mapping[str, Any]) -> None:
        """What a refresh finds comes with the outputs, as an update or a deletion. The object of ``--json`` leaves out the updates
        without details from the provider."""
        place = self._refreshed.get(metadata["urn"])
        if place is not None and metadata["op"] in ("delete", "update"):
            self._steps[place] = _translated(metadata)


def _translated(metadata: Mapping[str, Any]) -> dict[str, Any]:
    step = {
        "op": metadata["op"],
        "urn": metadata["urn"],
        "oldState": metadata.get("old"),
        "newState": metadata.get("new"),
        "diffReasons": metadata.get("diffs"),
        "replaceReasons": metadata.get("keys"),
    }
    if (detailed := metadata.get("detailedDiff")) is not None:
        step["detailedDiff"] = {
            path: {"kind": found["diffKind"], "inputDiff": found.get("inputDiff", False)}
            for path, found in detailed.items()
        }
    return step

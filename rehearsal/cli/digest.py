"""``preview --json``: the object that ``pulumi preview --json`` prints (``PreviewDigest`` of ``pkg/display/json.go``).

Field order, omitted fields and which steps are listed follow ``ShowPreviewDigest`` (``pkg/backend/display/json.go``),
so that a reader of Pulumi's previews reads these too.
"""

from __future__ import annotations

import json
from typing import Any

from rehearsal.cli.text import clean
from rehearsal.cli.tree import STACK_TYPE
from rehearsal.cli.wording import REPLACEMENT_PARTS
from rehearsal.engine.events import Diagnostic, Event, Finished, Op, ProgramOutput, Severity, Started, Step, StepStarted

_NANOSECONDS = 1_000_000_000


class PreviewDigest:
    """Collects events; :meth:`document` is the object once the last one came."""

    def __init__(self) -> None:
        self._config: dict[str, str] = {}
        self._steps: list[Step] = []
        self._diagnostics: list[dict[str, str]] = []
        self._finished: Finished | None = None

    def __call__(self, event: Event) -> None:
        match event:
            case Started():
                self._config = dict(event.config)
            case StepStarted(step) if _is_listed(step):
                self._steps.append(step)
            case Diagnostic(severity, message, urn, ephemeral) if not ephemeral and severity is not Severity.DEBUG:
                # The CLI writes the prefix into the message and leaves the field of that name empty.
                self._add(f"{severity.value}: {message}" if severity is not Severity.INFO else message, severity, urn)
            case ProgramOutput(line):
                self._add(line if line.endswith("\n") else f"{line}\n", Severity.INFO, "")
            case Finished():
                self._finished = event
            case _:
                pass

    def _add(self, message: str, severity: Severity, urn: str) -> None:
        # Pulumi's `diag.Severity` is written "info#err" for what a program prints on stderr; both are plain info here.
        entry = {"urn": urn, "message": clean(message), "severity": severity.value}
        self._diagnostics.append({key: value for key, value in entry.items() if value})

    def document(self) -> dict[str, Any]:
        """The digest. Empty config, steps, diagnostics, counts and a zero duration are left out (Go's omitempty)."""
        finished = self._finished
        digest: dict[str, Any] = {
            "config": dict(sorted(self._config.items())),
            "steps": [_step(step) for step in self._steps],
            "diagnostics": self._diagnostics,
            "duration": round(finished.seconds * _NANOSECONDS) if finished else 0,
            "changeSummary": {op: n for op, n in sorted(finished.changes.items()) if n} if finished else {},
        }
        return {key: value for key, value in digest.items() if value}

    def text(self) -> str:
        return json.dumps(self.document(), indent=4, ensure_ascii=False)


def _is_listed(step: Step) -> bool:
    """What ``shouldShow`` keeps without ``--show-sames`` and ``--show-replacement-steps``; the stack itself always."""
    if step.type == STACK_TYPE:
        return True
    if step.op is Op.SAME:
        return bool((step.old or {}).get("protect")) != bool((step.new or {}).get("protect"))
    return step.op not in REPLACEMENT_PARTS


def _step(step: Step) -> dict[str, Any]:
    entry: dict[str, Any] = {"op": step.op.value, "urn": step.urn}
    optional = {
        "provider": step.provider,
        "oldState": dict(step.old) if step.old is not None else None,
        "newState": dict(step.new) if step.new is not None else None,
        "diffReasons": list(step.diff_reasons),
        "replaceReasons": list(step.replace_reasons),
    }
    entry |= {key: value for key, value in optional.items() if value}
    # Never left out by Pulumi: null says that the provider gave no detailed diff.
    entry["detailedDiff"] = {
        path: {"kind": diff.kind, "inputDiff": diff.input_diff} for path, diff in sorted(step.detailed_diff.items())
    } or None
    return entry

"""How a preview ended: whether what it lists is all that would change and may be deployed, and if not, why.

A preview that ends has a summary, and its steps are as many as the summary counts. One that was interrupted, that failed or that
the policy pack refuses lists less or reports less, and nothing else in the object of ``--json`` distinguishes it from a whole one.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from report.preview import Op, StackPreview, Step

Ending: TypeAlias = Literal["succeeded", "refused", "failed", "unfinished"]

_LISTED: Final[tuple[Op, ...]] = ("create", "update", "delete", "replace", "import")
"""Steps that a preview lists one by one, with and without ``--show-sames``."""
_STATUSES: Final = {
    2: "the configuration or an option is wrong",
    3: "the backend or the cloud refuses the login",
    5: "the policy pack refuses it",
    6: "there is no such stack",
    8: "it was cancelled",
    9: "it took too long",
    130: "it was interrupted",
    137: "it was killed, which is what a lack of memory does",
    143: "it was ended from outside, which is what a job's time limit does",
}
"""Exit statuses of the CLI (``pkg/cmd/pulumi/cmd/exit_codes.go``) and of a shell."""
_CHANGES_UNEXPECTED = 7
"""Of ``--expect-no-changes``: the preview itself has succeeded."""
_NO_REASON = "preview failed"
"""All that the object of ``--json`` has where only a policy pack refuses the preview."""
_CANCELLED = "preview canceled"
"""What it reports after Ctrl-C; the exit status is 1."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """``why`` is a sentence or two in Markdown; empty where the preview succeeded or its own messages have the reason."""

    ending: Ending
    why: str = ""


def outcome(stack: StackPreview) -> Outcome:
    """How the preview ended, from all that is known about it."""
    errors = {
        entry.message.removeprefix("error: ").strip()
        for entry in stack.preview.diagnostics or ()
        if entry.severity == "error"
    }
    if _CANCELLED in errors:
        return Outcome("unfinished", "It was cancelled.")
    if errors - {_NO_REASON}:
        return Outcome("failed")
    if any(violation.enforcement_level == "mandatory" for violation in stack.violations):
        return Outcome("refused", "The policy pack refuses it.")
    if errors and not stack.result:
        return Outcome("failed", _WITHOUT_EVENTS)
    status = stack.status or 0
    if status == 8 or stack.result == "canceled":
        return Outcome("unfinished", _by_status(status) if status else "It was cancelled.")
    if status not in (0, _CHANGES_UNEXPECTED):
        return Outcome("failed", _by_status(status))
    if errors or stack.result == "failed":
        return Outcome("failed", "It does not give a reason. Its log has the reason.")
    missing = _missing(stack)
    return Outcome("unfinished", missing) if missing else Outcome("succeeded")


_WITH_EVENTS = (
    "Run `PULUMI_DEBUG_COMMANDS=1 pulumi preview --json --event-log FILE`, and give the file with `--events`."
)
_WITHOUT_EVENTS = (
    "It does not give a reason, which is so where only a policy pack refuses it: what that finds is written to the event log "
    f"alone. {_WITH_EVENTS}"
)


def _by_status(status: int) -> str:
    meaning = _STATUSES.get(status)
    return f"`pulumi preview` ended with exit status {status}" + (
        f": {meaning}." if meaning else ". Its log has the reason."
    )


def _counted_as(step: Step) -> Op:
    """How the summary counts a step."""
    if step.op != "refresh":
        return step.op
    if step.new_state is None:
        return "delete"
    return "same" if step.old_state == step.new_state else "update"


def _missing(stack: StackPreview) -> str:
    """What shows that the preview is not whole; empty where nothing does."""
    counted = stack.preview.change_summary
    if counted is None:
        return "It has no summary, which every preview that ends has. It was probably interrupted: see its log, and run it again."
    listed = Counter(_counted_as(step) for step in stack.preview.steps or ())
    less = [f"{counted[op]:,} {op}" for op in _LISTED if counted.get(op, 0) > listed[op]]
    if less and any(step.op == "refresh" for step in stack.preview.steps or ()):
        return f"Its summary counts {' and '.join(less)}, of which `--json` does not list all that a refresh finds. {_WITH_EVENTS}"
    if less:
        return f"Its summary counts {' and '.join(less)}, and it does not list as many: a part of it is missing. Run it again."
    return ""

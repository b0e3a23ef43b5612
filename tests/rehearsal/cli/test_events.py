"""What is read from the event log of Pulumi's CLI (its lines are cut from a real one)."""

from __future__ import annotations

import json
from pathlib import Path

from rehearsal.cli.events import Failure, read_course

STACK = "urn:pulumi:local::mendix-registry::pulumi:pulumi:Stack::mendix-registry-local"
JOB = "urn:pulumi:local::mendix-registry::mendix-registry:kubernetes:BuilderJob$kubernetes:batch/v1:Job::orders-push"


def log(folder: Path, *events: dict[str, object], end: str = "") -> Path:
    path = folder / "events.json"
    path.write_text("".join(f"{json.dumps(event)}\n" for event in events) + end)
    return path


def said(urn: str, message: str, severity: str = "error") -> dict[str, object]:
    return {"diagnosticEvent": {"urn": urn, "message": message, "color": "raw", "severity": severity}}


def test_a_failed_resource_has_reason_and_programs_report(tmp_path: Path) -> None:
    course = read_course(
        log(
            tmp_path,
            said(STACK, "<{%reset%}>Traceback (most recent call last):<{%reset%}>\n", "info#err"),
            said(JOB, "<{%reset%}>401 Unauthorized<{%reset%}>\n"),
            {"resOpFailedEvent": {"metadata": {"op": "create", "urn": JOB, "type": "kubernetes:batch/v1:Job"}}},
            said("", "The Job orders/orders-push failed. The cluster reported: quota"),
            said(STACK, "update failed"),
            {"summaryEvent": {"resourceChanges": {"create": 17}}},
        )
    )
    assert course.failures == [Failure("orders-push", "Job", "401 Unauthorized")]
    assert course.reports == ["The Job orders/orders-push failed. The cluster reported: quota"]
    assert (course.changed, course.rejected) == (True, False)


def test_a_rejected_stack_file_is_known_as_one(tmp_path: Path) -> None:
    assert read_course(log(tmp_path, said("", "The stack file has 2 problems; nothing was deployed."))).rejected


def test_outputs_are_the_stacks_and_unchanged_means_no_change(tmp_path: Path) -> None:
    metadata = {"op": "same", "urn": STACK, "type": "pulumi:pulumi:Stack", "new": {"outputs": {"namespaces": {}}}}
    course = read_course(
        log(tmp_path, {"resOutputsEvent": {"metadata": metadata}}, {"summaryEvent": {"resourceChanges": {"same": 18}}})
    )
    assert course.outputs == {"namespaces": {}}
    assert not course.changed


def test_a_line_cut_off_ends_the_event_log(tmp_path: Path) -> None:
    course = read_course(
        log(tmp_path, {"summaryEvent": {"resourceChanges": {"create": 1}}}, end='{"sequence": 4, "dia')
    )
    assert course.changes == {"create": 1}
    assert read_course(tmp_path / "none").changes == {}

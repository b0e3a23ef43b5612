"""Previews that the real CLI has made (``make record-previews``): how each ended, what its comment says, and that its event log
alone says the same as the object of ``--json``.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from report.comment import comment
from report.ending import outcome
from report.event_log import read_event_log
from report.page import write_page
from report.preview import read_preview, stack_preview
from report.summary import summarize
from tests.report.recordings import RECORDED, alone, recorded, several_stacks

REPORT = Path(sys.executable).with_name("mendix-registry-report")
ALL = sorted(path.name for path in RECORDED.iterdir())
OTHERS = {"short-object"}
"""Not the object of ``--json``."""
WITH_OBJECT = [name for name in ALL if (RECORDED / name / "preview.json").stat().st_size and name not in OTHERS]
FAILED = {
    "no-stack": ("failed", "exit status 6: there is no such stack"),
    "no-such-option": ("failed", "exit status 1"),
    "rejected-stack-file": ("failed", "There is no key 'respository' here."),
    "refused-by-policy": ("refused", "no-static-credentials"),
    "provider-error": ("failed", "no region"),
    "provider-missing": ("failed", "no resource plugin 'pulumi-resource-kubernetes' found"),
    "program-error": ("failed", "RuntimeError"),
    "control-c": ("unfinished", "It was cancelled."),
    "killed": ("failed", "exit status 137: it was killed"),
}


class Markdown(SingleFileSnapshotExtension):
    file_extension = "md"
    _write_mode = WriteMode.TEXT


class Html(SingleFileSnapshotExtension):
    file_extension = "html"
    _write_mode = WriteMode.TEXT


class Data(SingleFileSnapshotExtension):
    file_extension = "json"
    _write_mode = WriteMode.TEXT


@pytest.mark.parametrize("name", [name for name in ALL if name not in OTHERS])
def test_a_recorded_previews_ending_and_comment_are_as_approved(name: str, snapshot: SnapshotAssertion) -> None:
    stack = summarize(recorded(name))
    ending, words = FAILED.get(name, ("succeeded", "## Registry access: "))
    written = comment([stack])
    assert stack.ending == ending
    assert words in written
    title = written.splitlines()[1]
    nothing = name.startswith(("unchanged", "refresh")) or name == "no-changes-expected"
    assert ("nothing changes" in title) == nothing
    assert "ghp_" not in written + write_page([stack])
    assert written == snapshot.use_extension(Markdown)


ON_A_PAGE = (
    "first-ecr",
    "first-ecr-pod-identity",
    "first-acr",
    "first-gar",
    "first-generic",
    "first-openshift4",
    "namespace-renamed",
    "broad-access",
    "drift",
    "refused-by-policy",
)


@pytest.mark.parametrize("name", ON_A_PAGE)
def test_a_recorded_previews_page_is_as_last_approved(name: str, snapshot: SnapshotAssertion) -> None:
    # Script and style are the same in all pages; one page is approved as a whole.
    (embedded,) = re.findall(
        r'<script type="application/json" id="data">(.*?)</script>', write_page([summarize(recorded(name))])
    )
    assert json.dumps(json.loads(embedded), indent=1, ensure_ascii=False) + "\n" == snapshot.use_extension(Data)


def test_a_whole_page_is_as_last_approved(snapshot: SnapshotAssertion) -> None:
    page = write_page(several_stacks())
    for name in ("page.js", "page.css"):
        text = (Path(__file__).parents[2] / "report" / "assets" / name).read_text()
        assert text in page
        page = page.replace(text, f"({name})")
    assert re.sub(r"sha256-[A-Za-z0-9+/=]+", "sha256-…", page) == snapshot.use_extension(Html)


@pytest.mark.parametrize("name", WITH_OBJECT)
def test_the_object_alone_never_shows_more_than_it_has(name: str) -> None:
    """Without event log and exit status a preview that did not succeed is still not taken for one that did."""
    assert (outcome(alone(name)).ending == "succeeded") == (name not in FAILED)


@pytest.mark.parametrize("name", WITH_OBJECT)
def test_an_event_log_shows_the_same_as_the_object(name: str) -> None:
    log = read_event_log((RECORDED / name / "events.json").read_bytes(), "events.json")
    whole = alone(name)
    events = stack_preview(log.preview, "events.json", "prod")
    assert events.preview.change_summary == whole.preview.change_summary
    listed = {(step.op, step.urn) for step in whole.preview.steps or ()}
    assert listed <= {(step.op, step.urn) for step in events.preview.steps or ()}
    # What events lack: which inputs come from which resources. What they have more: resources that do not change.
    mine, theirs = summarize(events), summarize(whole)
    assert {(change.op, change.urn) for change in mine.changes} == {
        (change.op, change.urn) for change in theirs.changes
    }
    assert mine.messages == theirs.messages
    assert {(risk.kind, risk.name) for risk in mine.risks} == {(risk.kind, risk.name) for risk in theirs.risks}


@pytest.mark.slow
@pytest.mark.parametrize("name", WITH_OBJECT)
def test_a_truncated_preview_never_counts_as_whole(name: str) -> None:
    """Of an event log: a process that is killed leaves such a one."""
    lines = (RECORDED / name / "events.json").read_bytes().splitlines(keepends=True)
    summary = next(number for number, line in enumerate(lines) if b'"summaryEvent"' in line)
    for end in range(1, summary + 1):
        content = b"".join(lines[:end])
        log = read_event_log(content[:-20] if end % 2 else content, "events.json")
        found = replace(stack_preview(log.preview, "events.json"), violations=log.violations, result=log.result)
        assert outcome(found).ending != "succeeded"


@pytest.mark.parametrize(
    ("content", "ending"),
    [
        ({}, "unfinished"),
        ({"config": {"aws:region": "eu-west-1"}, "duration": 12_000_000}, "unfinished"),
        ({"diagnostics": [{"message": "Traceback", "severity": "info#err"}]}, "unfinished"),
        ({"steps": [{"op": "create", "urn": "urn:pulumi:prod::p::a:b:C::d"}]}, "unfinished"),
        ({"steps": [], "changeSummary": {"create": 65}}, "unfinished"),
        ({"changeSummary": {"same": 65}, "diagnostics": [{"message": "x", "severity": "info#err"}]}, "succeeded"),
    ],
)
def test_what_shows_no_end_is_never_nothing_changes(tmp_path: Path, content: dict[str, object], ending: str) -> None:
    (tmp_path / "prod.json").write_text(json.dumps(content))
    done = subprocess.run([REPORT, "prod=prod.json"], cwd=tmp_path, capture_output=True, text=True)
    whole = ending == "succeeded"
    assert ("did not finish" in done.stdout.splitlines()[1], "nothing changes" in done.stdout) == (not whole, whole)
    assert done.returncode == (0 if whole else 1)


def test_an_exit_status_alone_marks_a_failed_preview(tmp_path: Path) -> None:
    arguments = [f"prod={RECORDED / 'unchanged' / 'preview.json'}", "--status", "prod=1"]
    done = subprocess.run([REPORT, *arguments], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, "exit status 1" in done.stdout, "nothing changes" in done.stdout) == (1, True, False)


def test_text_before_the_object_is_passed_over() -> None:
    """``Installing policy pack …`` on standard output (pulumi#19775), of packs that Pulumi Cloud has."""
    content = (RECORDED / "unchanged" / "preview.json").read_bytes()
    for before in (b"Installing policy pack mendix v1...\r\n\n", b"{not this one}\nInstalling [1/2]\n"):
        assert read_preview(before + content, "prod.json") == read_preview(content, "prod.json")


def test_the_short_object_is_rejected_with_the_needed_flag() -> None:
    done = subprocess.run([REPORT, RECORDED / "short-object" / "preview.json"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "--output json" in done.stderr and "pulumi preview --json" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--status", "prod=x"], "not an exit status"),
        (["--status", "prod=1", "--status", "prod=2"], "given twice"),
        (["--status", "prd=1"], "no preview of a stack 'prd'"),
        (["--events", "prod=missing.json"], "missing.json cannot be read"),
        (["--events", f"prod={RECORDED / 'unchanged' / 'preview.json'}"], "is not an event log"),
    ],
)
def test_wrong_events_and_statuses_are_rejected(tmp_path: Path, arguments: list[str], said: str) -> None:
    preview = f"prod={RECORDED / 'unchanged' / 'preview.json'}"
    done = subprocess.run([REPORT, preview, *arguments], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, said in done.stderr, done.stdout) == (2, True, ""), done.stderr

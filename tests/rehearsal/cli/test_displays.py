"""What people see, from recorded events, at 80 columns."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console
from syrupy.assertion import SnapshotAssertion

from rehearsal.cli import outcome
from rehearsal.cli.live import LiveView
from rehearsal.cli.plain import PlainView
from rehearsal.cli.tree import Tree
from rehearsal.engine.events import Diagnostic, Event, Finished, Left, Op, ProgramOutput, Severity, Step, StepFinished

from . import recorded

WIDTH = 80


class _Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def _console() -> Console:
    return Console(file=io.StringIO(), width=WIDTH, markup=False, emoji=False, highlight=False, color_system=None)


def _text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def _tree(events: Iterable[Event]) -> tuple[Tree, Finished]:
    tree = Tree()
    for number, event in enumerate(events):
        tree.apply(event, float(number))
    assert tree.finished is not None
    return tree, tree.finished


def _final(events: Iterable[Event], kind: str = "up", *, diff: bool = False) -> str:
    tree, finished = _tree(events)
    console = _console()
    if diff:
        outcome.print_diff(console, tree)
    else:
        outcome.print_picture(console, tree, planned=kind == "preview", width=WIDTH)
    outcome.print_messages(console, tree)
    outcome.print_end(
        console,
        tree,
        finished,
        kind=kind,
        planned=kind == "preview",
        command="rehearse",
        stack="local",
        seconds=8.0,
        refused=False,
    )
    if kind == "up" and finished.ok:
        outcome.print_pushed(console, finished.outputs)
        outcome.print_outputs(console, finished.outputs)
        outcome.print_next(console, command="rehearse", stack="local", kubeconfig=".rehearsal/kubeconfig")
    return _text(console)


def test_a_successful_up(snapshot: SnapshotAssertion) -> None:
    assert _final(recorded.successful_up()) == snapshot


def test_a_failed_up_tells_reason_safety_and_remedy_in_that_order(snapshot: SnapshotAssertion) -> None:
    text = _final(recorded.failed_up())
    assert text.index("UNAUTHORIZED") < text.index("Safe:") < text.index("Next:")
    assert text.count("UNAUTHORIZED") == 1
    assert text == snapshot


@pytest.mark.parametrize(
    ("left", "told"),
    [
        (Left.NOTHING, "Safe: nothing was changed."),
        (Left.RECORDED, "not ready: verify (Job)."),
        (Left.UNKNOWN, "noted as pending: verify (Job)."),
    ],
)
def test_a_failed_step_that_left_something_is_not_told_as_nothing(left: Left, told: str) -> None:
    """A builder Job that failed is there, and its failure was followed by "nothing was changed": no finished step had."""
    job = recorded.JOB
    events: list[Event] = [
        recorded.STARTED,
        *recorded.begin(job),
        StepFinished(job, 1.0, "the pod failed", left),
        Finished(False, 1.0, {}, {}, "1 resource failed"),
    ]
    text = " ".join(_final(events).split())
    assert told in text
    assert ("nothing was changed" in text) == (left is Left.NOTHING)


def test_a_cancelled_up_names_what_is_pending(snapshot: SnapshotAssertion) -> None:
    events = [
        *recorded.successful_up()[:11],
        Finished(False, 3.0, {"create": 4}, {}, error="cancelled", cancelled=True),
    ]
    text = _final(events)
    assert "verify (Job)" in text
    assert text == snapshot


def test_a_preview(snapshot: SnapshotAssertion) -> None:
    assert _final(recorded.previewed_changes(), "preview") == snapshot


def test_a_preview_property_by_property(snapshot: SnapshotAssertion) -> None:
    assert _final(recorded.previewed_changes(), "preview", diff=True) == snapshot


def test_a_created_resource_property_by_property(snapshot: SnapshotAssertion) -> None:
    text = _final(recorded.successful_up(), "preview", diff=True)
    assert "[secret]" in text
    assert "output<string>" in text
    assert text == snapshot


@pytest.mark.parametrize("events", [recorded.successful_up, recorded.failed_up, recorded.previewed_changes])
def test_without_a_terminal_each_change_is_one_line(
    events: Callable[[], list[Event]], snapshot: SnapshotAssertion
) -> None:
    console = _console()
    view = PlainView(console, Tree(), planned=False, clock=_Clock())
    for event in events():
        view(event)
    assert _text(console) == snapshot


def _live(events: Iterable[Event], height: int) -> str:
    clock = _Clock()
    view = LiveView(_console(), Tree(), "Bringing up local", planned=False, clock=clock)
    for event in events:
        view(event)
    clock.now += 2.5
    lines = view.lines(WIDTH, height)
    assert len(lines) < height
    assert all(cell_len(line.plain) <= WIDTH for line in lines)
    return "\n".join(line.plain for line in lines)


def test_the_live_view_shows_the_pod_below_its_job(snapshot: SnapshotAssertion) -> None:
    text = _live(recorded.successful_up()[:11], 24)
    assert "pulling image" in text
    assert text == snapshot


@pytest.mark.parametrize("height", [4, 8, 24])
def test_the_live_view_fits_the_terminal_and_keeps_what_runs(height: int) -> None:
    events: list[Event] = [recorded.STARTED, *recorded.begin(recorded.STACK, recorded.APPS)]
    done = [recorded.step(Op.CREATE, "kubernetes:core/v1:ConfigMap", f"map-{n}", new={}) for n in range(300)]
    events += [*recorded.begin(*done), *recorded.end(*done), *recorded.begin(recorded.JOB)]
    text = _live(events, height)
    if height >= 8:
        assert "verify" in text
        assert "more resources" in text


def test_unchanged_resources_are_only_counted() -> None:
    same = [recorded.step(Op.SAME, "kubernetes:core/v1:Secret", f"s-{n}", old={}, new={}) for n in range(5)]
    text = _live([recorded.STARTED, *recorded.begin(*same), *recorded.end(*same)], 24)
    assert "5 unchanged" in text
    assert "s-1" not in text


HOSTILE = "\x1b[31m\x1b]0;title\x07[red]bold[/red] :smile: \x9b2J‮gnp.exe\r\x00\n  second"


def _hostile_events() -> list[Event]:
    urn = f"urn:pulumi:local::p::kubernetes:core/v1:Secret::{HOSTILE}"
    new: dict[str, Any] = {"urn": urn, "inputs": {HOSTILE: HOSTILE}, "parent": ""}
    step = Step(Op.CREATE, urn, "kubernetes:core/v1:Secret", "", None, new)
    return [
        *recorded.begin(step),
        Diagnostic(Severity.INFO, HOSTILE, urn, ephemeral=True),
        Diagnostic(Severity.ERROR, HOSTILE, urn),
        ProgramOutput(HOSTILE, "stdout"),
        StepFinished(step, 0.1, HOSTILE),
        Finished(False, 1.0, {}, {HOSTILE: HOSTILE, "namespaces": {HOSTILE: {"pushed": HOSTILE}}}, HOSTILE),
    ]


@pytest.mark.parametrize("diff", [False, True])
def test_hostile_text_is_printed_and_does_nothing(diff: bool) -> None:
    text = _final(_hostile_events(), "preview", diff=diff) + _live(_hostile_events()[:3], 24)
    console = _console()
    outcome.print_pushed(console, {"namespaces": {HOSTILE: {"pushed": HOSTILE}}})
    outcome.print_outputs(console, {HOSTILE: HOSTILE})
    text += _text(console)
    assert not [character for character in text if character < " " and character != "\n"]
    assert not set("\x7f\x9b‮") & set(text)
    assert "[red]bold[/red] :smile:" in text


def test_a_parent_that_was_never_seen_or_is_its_own_child_loses_no_row() -> None:
    orphan = recorded.step(Op.CREATE, "kubernetes:core/v1:Secret", "orphan", new={})
    first = Step(Op.CREATE, "urn:a", "t:m:A", "", None, {"parent": "urn:b"})
    second = Step(Op.CREATE, "urn:b", "t:m:B", "", None, {"parent": "urn:a"})
    tree = Tree()
    for event in recorded.begin(orphan, first, second):
        tree.apply(event, 0.0)
    assert {row.urn for _, row in tree.visible(set(tree.rows))} == {orphan.urn, "urn:a", "urn:b"}

"""What all parts of one update share: options, state, events, and whether to go on."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from rehearsal.engine.errors import CancelledError
from rehearsal.engine.events import Diagnostic, Event, Left, Op, Severity, Sink, Step, StepFinished, StepStarted
from rehearsal.engine.state import ResourceState, Session
from rehearsal.engine.views import view


@dataclass(slots=True)
class Context:
    """``session`` is None in a preview: nothing is recorded then."""

    project: str
    stack: str
    sink: Sink
    session: Session | None
    parallel: int
    changes: Counter[str] = field(default_factory=Counter[str])
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    failure: str | None = None
    cancelled: bool = False
    slots: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self.slots = asyncio.Semaphore(self.parallel)

    @property
    def preview(self) -> bool:
        return self.session is None

    # --- going on or not ------------------------------------------------------------------------------------------

    def fail(self, reason: str) -> None:
        """No new step starts from now on. The first reason is the one that is told."""
        if self.failure is None:
            self.failure = reason
        self.stopping.set()

    def check_running(self) -> None:
        """Raises CancelledError once the update is winding down."""
        if self.stopping.is_set():
            raise CancelledError("the update is stopping")

    # --- telling ---------------------------------------------------------------------------------------------------

    def tell(self, event: Event) -> None:
        self.sink(event)

    def say(self, severity: Severity, message: str, urn: str = "") -> None:
        self.sink(Diagnostic(severity, message, urn))

    def start(self, step: Step) -> RunningStep:
        self.sink(StepStarted(step))
        return RunningStep(self, step, time.monotonic())

    def took(self, step: Step, new: ResourceState | None = None) -> None:
        """Tell of a step that took no time of its own."""
        self.start(step).done(new)

    def same(self, state: ResourceState) -> None:
        """A step that changes nothing, told without the cost of rendering the state."""
        self.took(Step(Op.SAME, state.urn, state.type, state.provider, None, None, state.custom))


@dataclass(slots=True)
class RunningStep:
    context: Context
    step: Step
    since: float

    def done(self, new: ResourceState | None = None) -> None:
        self.context.changes[self.step.op] += 1
        self._finish(new, None)

    def failed(self, error: str, new: ResourceState | None = None, left: Left = Left.NOTHING) -> None:
        """Tell that the step failed and what it ``left`` behind, and let no other start."""
        self._finish(new, error, left)
        self.context.say(Severity.ERROR, error, self.step.urn)
        self.context.fail(f"{self.step.op.value} of {self.step.name} failed: {error}")

    def _finish(self, new: ResourceState | None, error: str | None, left: Left = Left.NOTHING) -> None:
        step = replace(self.step, new=view(new)) if new is not None else self.step
        self.context.tell(StepFinished(step, time.monotonic() - self.since, error, left))


def begin(context: Context, op: Op, new: ResourceState | None = None, old: ResourceState | None = None) -> Any:
    """A token for ``session.end``: the operation is pending in the state from now on."""
    return context.session.begin(op, new=new, old=old) if context.session is not None else None

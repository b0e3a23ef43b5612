"""What an update prints where no terminal watches: a line for each finished change, messages as they come."""

from __future__ import annotations

import time
from collections.abc import Callable

from rich.console import Console
from rich.text import Text

from rehearsal.cli.picture import is_explained, last_seen, message_text
from rehearsal.cli.text import duration
from rehearsal.cli.tree import Row, Tree
from rehearsal.cli.wording import REPLACEMENT_PARTS, words
from rehearsal.engine.events import Event, StepFinished


class PlainView:
    """Prints each fact once, when it is certain; nothing that a log would have to erase."""

    def __init__(
        self, console: Console, tree: Tree, *, planned: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._console = console
        self._tree = tree
        self._planned = planned
        self._clock = clock
        self._printed = 0

    def __call__(self, event: Event) -> None:
        self._tree.apply(event, self._clock())
        for message in self._tree.messages[self._printed :]:
            self._console.print(message_text(self._tree, message), soft_wrap=True)
        self._printed = len(self._tree.messages)
        if isinstance(event, StepFinished):
            row = self._tree.rows[event.step.urn]
            if event.error is not None or (row.changed and event.step.op not in REPLACEMENT_PARTS):
                self._console.print(self._line(row, event), soft_wrap=True)

    def _line(self, row: Row, event: StepFinished) -> Text:
        wording = words(row.op)
        if event.error is not None:
            line = Text()
            line.append("!  ", style="bold red")
            told = [] if is_explained(self._tree, row) else [f": {row.error}"]
            seen = [f"\n   {last_seen(row)}"] if last_seen(row) else []
            line.append("".join([f"{row.name} {row.label} failed after {duration(event.seconds)}", *told, *seen]))
            return line
        line = Text()
        line.append(f"{wording.sign:<3}", style=wording.style)
        verb = wording.planned if self._planned else f"{wording.done} ({duration(event.seconds)})"
        line.append(f"{row.name} {row.label} {verb}")
        return line

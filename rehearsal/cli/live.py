"""The picture while an update runs in a terminal: redrawn in place, gone without a trace when it ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

from rehearsal.cli.picture import fit, message_text, note_line, row_line
from rehearsal.cli.text import count, duration
from rehearsal.cli.tree import Row, Tree
from rehearsal.engine.events import Event, Severity

_REDRAWS_PER_SECOND = 8
_FRAME = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_MESSAGES_SHOWN = 3


class LiveView:
    """Draws the tree into at most the terminal's height.

    What is at work and what failed comes first, then as many of the latest finished changes as there is room for;
    unchanged resources are only counted.
    """

    def __init__(
        self, console: Console, tree: Tree, title: str, *, planned: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._console = console
        self._tree = tree
        self._title = title
        self._planned = planned
        self._clock = clock
        self._began = clock()
        self._lock = threading.Lock()
        self._live = Live(
            self, console=console, refresh_per_second=_REDRAWS_PER_SECOND, transient=True, vertical_overflow="crop"
        )

    def __enter__(self) -> LiveView:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def __call__(self, event: Event) -> None:
        with self._lock:
            self._tree.apply(event, self._clock())

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        # Drawn by the display's own thread while events come from another.
        with self._lock:
            lines = self.lines(options.max_width, console.size.height)
        yield from lines

    def lines(self, width: int, height: int) -> list[Text]:
        """The whole picture, top to bottom."""
        now = self._clock()
        head = self._head(now, width)
        notes = self._notes(width)
        room = max(height - 1 - len(head) - len(notes), 1)
        return [*head, *self._rows(now, width, room), *notes]

    def _head(self, now: float, width: int) -> list[Text]:
        frame = _FRAME[int(now * _REDRAWS_PER_SECOND) % len(_FRAME)]
        rows = list(self._tree.rows.values())
        running = sum(row.running for row in rows)
        unchanged = sum(not row.running and not row.changed and row.error is None for row in rows)
        facts = [duration(now - self._began)]
        if running:
            facts.append(f"{running:,} at work")
        if unchanged:
            facts.append(f"{unchanged:,} unchanged")
        line = Text(no_wrap=True, overflow="crop")
        line.append(f"{frame} ", style="cyan")
        line.append(fit(f"{self._title} — {', '.join(facts)}", width - 2), style="bold")
        if not self._tree.cancelling:
            return [line]
        stopping = "Stopping: nothing new is started; what runs is being cancelled. Ctrl-C again stops at once."
        return [line, Text(fit(stopping, width), style="yellow", no_wrap=True, overflow="crop")]

    def _rows(self, now: float, width: int, room: int) -> list[Text]:
        rows = self._tree.rows
        failed = [row for row in rows.values() if row.error is not None]
        running = [row for row in rows.values() if row.running]
        done = [row for row in rows.values() if not row.running and row.changed and row.error is None]
        # Newest last in the list, so the tail is what a watcher has not read yet.
        wanted = [*failed, *running, *reversed(done)]
        number = min(len(wanted), room)
        while True:
            lines = self._draw({row.urn for row in wanted[:number]}, now, width)
            hidden = len(wanted) - number
            if len(lines) + bool(hidden) <= room or number == 0:
                break
            number -= max((len(lines) + bool(hidden) - room + 1) // 2, 1)
            number = max(number, 0)
        if hidden:
            lines = lines[: max(room - 1, 0)]
            lines.append(Text(f"   … {count(hidden, 'more resource')}", style="dim", no_wrap=True, overflow="crop"))
        return lines[:room]

    def _draw(self, urns: set[str], now: float, width: int) -> list[Text]:
        lines: list[Text] = []
        for branch, row in self._tree.visible(urns):
            lines.append(self._line(branch, row, now, width))
            if row.running and row.message:
                lines.append(note_line(branch.replace("├─", "│ ").replace("└─", "  "), row.message, width))
        return lines

    def _line(self, branch: str, row: Row, now: float, width: int) -> Text:
        return row_line(branch, row, now, width, planned=self._planned)

    def _notes(self, width: int) -> list[Text]:
        messages = [message for message in self._tree.messages if message.text.strip()]
        errors = [message for message in messages if message.severity is Severity.ERROR]
        chosen = (errors or messages)[-_MESSAGES_SHOWN:]
        lines: list[Text] = []
        for message in chosen:
            text = message_text(self._tree, message)
            first = text.split("\n")[0]
            first.truncate(width, overflow="ellipsis")
            first.no_wrap = True
            lines.append(first)
        return [Text(""), *lines] if lines else []

"""Shows the stage being set: a cluster's first build takes minutes, and somebody is waiting."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

from rehearsal.cli.picture import fit
from rehearsal.cli.terminal import Terminal
from rehearsal.cli.text import clean_line, duration

if TYPE_CHECKING:
    from rehearsal.cluster import Progress
    from rehearsal.stage import Stage

_QUICK_SECONDS = 2.0
_REPEAT_SECONDS = 15.0
_BAR = 20


class _StageView:
    """The steps so far and the one at work, each with its time."""

    def __init__(self, console: Console, *, live: bool) -> None:
        self._console = console
        self._live = live
        self._began = time.monotonic()
        self._since = self._began
        self._printed = self._began
        self._latest: Progress | None = None

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if self._latest is None or progress.stage != self._latest.stage:
            self._close(now)
            self._since = now
            if not self._live:
                self._print(f"   {clean_line(progress.message)}")
                self._printed = now
        elif not self._live and now - self._printed >= _REPEAT_SECONDS:
            self._print(f"   {clean_line(progress.message)}{_share(progress)} ({duration(now - self._since)})")
            self._printed = now
        self._latest = progress

    def end(self) -> None:
        self._close(time.monotonic())
        self._latest = None

    def _close(self, now: float) -> None:
        # Warm starts pass through every stage in a blink: only what took time is worth a line that stays.
        if self._latest is not None and now - self._since >= _QUICK_SECONDS:
            self._print(f" ✓ {clean_line(self._latest.message)} ({duration(now - self._since)})")

    def _print(self, line: str) -> None:
        self._console.print(Text(line), soft_wrap=True)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        latest = self._latest
        if latest is None:
            return
        now = time.monotonic()
        line = f" … {clean_line(latest.message)}{_share(latest)} ({duration(now - self._since)})"
        yield Text(fit(line, options.max_width), style="cyan", no_wrap=True, overflow="crop")
        if latest.done is not None and latest.total:
            full = round(_BAR * min(latest.done / latest.total, 1.0))
            yield Text("   " + "█" * full + "░" * (_BAR - full), style="cyan")


def _share(progress: Progress) -> str:
    return f" {progress.done:,}/{progress.total:,}" if progress.done is not None and progress.total else ""


def staged(terminal: Terminal, home: Path, config: Mapping[str, Any], *, context: str | None) -> Stage:
    """Set the stage, showing progress. Raises what :func:`rehearsal.stage.set_stage` raises."""
    from rehearsal.stage import set_stage

    view = _StageView(terminal.console, live=terminal.live)
    if not terminal.live:
        stage = set_stage(home, config, context=context, progress=view)
        view.end()
        return stage
    with Live(view, console=terminal.console, refresh_per_second=8, transient=True):
        stage = set_stage(home, config, context=context, progress=view)
        view.end()
    return stage

"""Shows the sandbox being prepared: a cluster's first build takes minutes, and a person waits."""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

from rehearsal.cli.terminal import Terminal
from rehearsal.cli.text import clean_line, duration

if TYPE_CHECKING:
    from rehearsal.cluster import Progress
    from rehearsal.sandbox.description import Description
    from rehearsal.sandbox.project import Project
    from rehearsal.sandbox.pulumi import Sandbox
    from rehearsal.toolchain.pulumi_tools import PulumiTools

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
        yield Text(line, style="cyan", no_wrap=True, overflow="ellipsis")
        if latest.done is not None and latest.total:
            full = round(_BAR * min(latest.done / latest.total, 1.0))
            yield Text("   " + "█" * full + "░" * (_BAR - full), style="cyan")


def _share(progress: Progress) -> str:
    return f" {progress.done:,}/{progress.total:,}" if progress.done is not None and progress.total else ""


def staged(
    terminal: Terminal,
    home: Path,
    project: Project,
    stack: str,
    described: Callable[[], Description],
    *,
    context: str | None,
) -> Sandbox:
    """Make everything ready, showing progress: programs, cluster, registry, emulators, and Pulumi's state and plugins.

    ``described`` waits for the stack's description.

    Raises what :func:`rehearsal.sandbox.set_stage` and :func:`rehearsal.sandbox.pulumi.prepare` raise.
    """
    from rehearsal.sandbox import set_stage
    from rehearsal.sandbox.pulumi import prepare

    # The stack is being described, which takes about as long as this import; it is needed afterwards.
    importlib.import_module("rehearsal.cluster.opening")
    # A stack file that is wrong is reported before a program is built for it.
    found = described()
    with _shown(terminal) as view:
        tools, uv = _pulumi(view)
        stage = set_stage(home, found, context=context, progress=view)
        return prepare(home, project, stack, stage, tools, uv, os.environ)


def build(terminal: Terminal) -> int:
    """Find or build all programs that a rehearsal on its own cluster needs, and start nothing. Exit status 0.

    Raises ``ToolchainError``.
    """
    from rehearsal.cluster.packages import ensure_packages
    from rehearsal.cluster.paths import cache_directory
    from rehearsal.toolchain.go_program import ensure_program
    from rehearsal.toolchain.pulumi_tools import wanted_programs

    cache = cache_directory()
    with _shown(terminal) as view:
        ensure_packages(view, cache / "packages.lock")
        _pulumi(view)
        for program in wanted_programs(cache):
            ensure_program(program, cache, view)
    return 0


@contextmanager
def _shown(terminal: Terminal) -> Generator[_StageView]:
    view = _StageView(terminal.console, live=terminal.live)
    live = (
        Live(view, console=terminal.console, refresh_per_second=8, transient=True) if terminal.live else nullcontext()
    )
    with live:
        yield view
        view.end()


def _pulumi(view: _StageView) -> tuple[PulumiTools, Path]:
    from rehearsal.cluster.paths import cache_directory
    from rehearsal.toolchain.go_program import download_ahead, missing
    from rehearsal.toolchain.pulumi_tools import ensure_pulumi, wanted_programs
    from rehearsal.toolchain.uv import ensure_uv

    cache = cache_directory()
    if programs := missing(cache, wanted_programs(cache)):
        # What is compiled first need not wait for what is compiled last.
        download_ahead(programs, cache, lambda _: None)
    return ensure_pulumi(cache, view), ensure_uv(cache, view)

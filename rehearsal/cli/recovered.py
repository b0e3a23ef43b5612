"""The line that shows what was recovered of an update that was killed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from rehearsal.cli.terminal import say
from rehearsal.cli.text import clean, clean_line, count

if TYPE_CHECKING:
    from rehearsal.sandbox.recovery import Recovery


def print_recovery(console: Console, recovery: Recovery | None) -> None:
    """Print it, if there was anything to recover."""
    if recovery is None:
        return
    line = Text("Recovered", style="bold")
    line.append(" from an update that did not end" if recovery.restored else " from an update that was killed")
    facts = [f"{count(recovery.unfinished, 'operation')} had not ended"] if recovery.unfinished else []
    if recovery.restored:
        facts.append("its state could not be read, so the one before took its place")
    if recovery.imported:
        facts.append(f"imported {', '.join(map(clean_line, recovery.imported))}")
    if recovery.deleted:
        facts.append(f"deleted {', '.join(map(clean_line, recovery.deleted))}")
    line.append(f": {'; '.join(facts) or 'its lock'}.", style="")
    say(console, line)
    if recovery.failed:
        say(console, Text(f"What it had made could not be imported:\n{clean(recovery.failed)}", style="yellow"))

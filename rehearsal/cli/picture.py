"""Draws rows of the tree and messages as text that fits a width; knows colours, no events."""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from rehearsal.cli.text import clean_line, duration
from rehearsal.cli.tree import Message, Row, Tree
from rehearsal.cli.wording import words
from rehearsal.engine.events import Severity

SEVERITY_STYLE = {
    Severity.DEBUG: "dim",
    Severity.INFO: "",
    Severity.WARNING: "yellow",
    Severity.ERROR: "bold red",
}


def fit(text: str, width: int) -> str:
    """The text in at most ``width`` cells, its end replaced by ``…`` where it is longer."""
    if width <= 0:
        return ""
    return text if cell_len(text) <= width else set_cell_size(text, width - 1) + "…"


def row_line(branch: str, row: Row, now: float, width: int, *, planned: bool = False) -> Text:
    """``+  ├─ builder ServiceAccount            created 0.3 s``, right-hand part flush right."""
    wording = words(row.op)
    at_work = words(row.current).running
    style = wording.style
    if row.error is not None:
        state, style = "failed", "bold red"
    elif row.running:
        state = at_work
    else:
        state = wording.planned if planned else wording.done
    seconds = row.seconds + (max(now - row.started, 0.0) if row.running else 0.0)
    timing = "" if planned or (not row.changed and not row.running and row.error is None) else duration(seconds)
    right = f"{state} {timing:>8}" if timing else state if planned else f"{state} {'':>8}"

    left_width = width - 3 - cell_len(branch) - cell_len(right) - 1
    label_width = min(cell_len(row.label), max(left_width // 2, 0))
    name = fit(row.name, left_width - (label_width + 1 if label_width else 0))
    line = Text(no_wrap=True, overflow="crop")
    line.append(f"{wording.sign:<3}", style=style)
    line.append(branch, style="dim")
    line.append(name, style="bold" if row.error is not None else "")
    if label_width:
        line.append(" " + fit(row.label, label_width), style="dim")
    line.append(" " * max(width - line.cell_len - cell_len(right), 1))
    line.append(right, style=style)
    return line


def note_line(branch: str, message: str, width: int) -> Text:
    """What a running resource is waiting for, below its row."""
    indent = " " * (3 + cell_len(branch))
    return Text(f"{indent}· {fit(message, width - len(indent) - 2)}", style="dim italic", no_wrap=True, overflow="crop")


def _where(tree: Tree, urn: str) -> str:
    if row := tree.rows.get(urn):
        return f"{row.name} ({row.label})"
    return clean_line(urn.rsplit("::", 1)[-1])


def message_text(tree: Tree, message: Message) -> Text:
    """A diagnostic headed by its severity and its resource; lines of the program after a bar."""
    if message.of_program:
        text = Text()
        text.append("  │ ", style="dim")
        text.append(message.text)
        return text
    text = Text()
    if message.severity is not Severity.INFO:
        text.append(f"{message.severity.value}: ", style=SEVERITY_STYLE[message.severity])
    # A resource that a policy refuses never becomes a row.
    if message.urn and (message.urn in tree.rows or message.policy is not None):
        text.append(f"{_where(tree, message.urn)}: ", style="bold")
    text.append(message.text)
    return text


def is_explained(tree: Tree, row: Row) -> bool:
    """Whether a diagnostic has told the reason of a failed step already."""
    error = row.error or ""
    return any(message.urn == row.urn and error in message.text for message in tree.messages)


def last_seen(row: Row) -> str:
    """What a failed resource was last seen doing: a deadline alone explains nothing."""
    return f"last seen: {row.message}" if row.message and row.message not in (row.error or "") else ""


def failures(tree: Tree) -> Iterable[Text]:
    """Every failed step with its reason, where no diagnostic has told it."""
    for row in tree.rows.values():
        if row.error is None:
            continue
        text = Text()
        if not is_explained(tree, row):
            text.append("error: ", style=SEVERITY_STYLE[Severity.ERROR])
            text.append(f"{row.name} ({row.label}): ", style="bold")
            text.append(row.error)
        if seen := last_seen(row):
            text.append(f"{chr(10) if text else ''}  {seen}", style="dim")
        if text:
            yield text

"""The consoles: where people read, where programs read, and whether someone is there to answer."""

from __future__ import annotations

import io
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

_WIDTH_WITHOUT_TERMINAL = 100


@dataclass(frozen=True, slots=True)
class Terminal:
    """Where to print for people; ``live``: pictures may be redrawn; ``answers``: questions may be asked."""

    console: Console
    live: bool
    answers: bool


def open_terminal(*, json: bool) -> Terminal:
    """With ``json`` standard output belongs to the one object: people get standard error, and only on a terminal."""
    stream = sys.stderr if json else sys.stdout
    watched = stream.isatty() and os.environ.get("TERM") != "dumb"
    if json and not stream.isatty():
        return Terminal(_console(io.StringIO(), watched=False), live=False, answers=False)
    return Terminal(_console(stream, watched=watched), live=watched, answers=stream.isatty() and sys.stdin.isatty())


def say(console: Console, text: Text) -> None:
    """Print prose: broken between words on a terminal, left whole in a log, where lines are searched for."""
    console.print(text, soft_wrap=not console.is_terminal)


def errors() -> Console:
    """Standard error, for reasons why a command was not carried out."""
    return _console(sys.stderr, watched=sys.stderr.isatty())


def _console(stream: object, *, watched: bool) -> Console:
    # Nothing that is printed is markup, an emoji code or worth guessing colours for: it may come from anywhere.
    return Console(
        file=stream,  # type: ignore[arg-type]
        markup=False,
        emoji=False,
        highlight=False,
        width=None if watched else _WIDTH_WITHOUT_TERMINAL,
        soft_wrap=False,
    )


def invocation() -> str:
    """How this command was called, for commands that are shown to be pasted: ``rehearse`` or a path to it."""
    called = Path(sys.argv[0])
    if called.name != "rehearse":
        return "rehearse"
    if any(Path(folder) == called.parent for folder in os.environ.get("PATH", "").split(os.pathsep)):
        return "rehearse"
    try:
        return str(called.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(called)

"""What the command was given for each stack: the preview, the event log beside it, the exit status of ``pulumi preview``."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from report.event_log import EventLog, is_event_log, read_event_log
from report.preview import Preview, StackPreview, read_digest, stack_preview

_HIGHEST_STATUS = 255
_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Source:
    """A preview's file; ``name`` is the stack's where the caller has given it. ``-`` is standard input."""

    path: str
    name: str = ""

    @property
    def shown(self) -> str:
        return "stdin" if self.path == "-" else self.path

    def content(self) -> bytes:
        """Raises OSError."""
        return sys.stdin.buffer.read() if self.path == "-" else Path(self.path).read_bytes()


class Sources:
    """The arguments, understood. ``problems`` lists what is wrong with them."""

    def __init__(self, previews: Sequence[str], events: Sequence[str], statuses: Sequence[str]) -> None:
        self.problems: list[str] = []
        self.previews = [_source(argument) for argument in previews]
        self._events = self._by_stack("--events", events)
        self._statuses = self._numbers(self._by_stack("--status", statuses))

    def read(self, source: Source) -> StackPreview:
        """The preview with all that is known about it. Raises OSError, WrongInputError."""
        content = source.content()
        name = source.name or None
        if not content.strip() and _of(self._statuses, source.name, self._only):
            # It failed before it began, and has written nothing.
            found = stack_preview(Preview(), source.shown, name)
        elif is_event_log(content):
            log = read_event_log(content, source.shown)
            found = _told_by(log, stack_preview(log.preview, source.shown, name))
        else:
            found = stack_preview(read_digest(content, source.shown), source.shown, name)
        status = _of(self._statuses, found.name, self._only)
        path = _of(self._events, found.name, self._only)
        # A preview that fails early writes no log.
        if path is not None and (not status or Path(path).exists()):
            found = _told_by(read_event_log(Path(path).read_bytes(), path), found)
        return replace(found, status=status)

    def unknown(self, names: Collection[str]) -> list[str]:
        """What was given for stacks that are none of ``names``."""
        return [
            f"{option} {name}=…: there is no preview of a stack {name!r}. Known are {', '.join(sorted(names))}."
            for option, given in (("--events", self._events), ("--status", self._statuses))
            for name in given
            if name and name not in names
        ]

    @property
    def _only(self) -> bool:
        return len(self.previews) == 1

    def _by_stack(self, option: str, values: Sequence[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for value in values:
            name, separator, rest = value.partition("=")
            key, item = (name, rest) if separator else ("", value)
            if not separator and not self._only:
                self.problems.append(f"{option} {value}: there are several previews. Write {option} STACK={value}.")
            elif key in found:
                self.problems.append(f"{option} is given twice for {f'the stack {key!r}' if key else 'the preview'}.")
            found[key] = item
        return found

    def _numbers(self, values: dict[str, str]) -> dict[str, int]:
        found: dict[str, int] = {}
        for name, value in values.items():
            if value.isdecimal() and int(value) <= _HIGHEST_STATUS:
                found[name] = int(value)
            else:
                self.problems.append(
                    f"--status {value}: not an exit status, which is a number from 0 to {_HIGHEST_STATUS}."
                )
        return found


def _told_by(log: EventLog, found: StackPreview) -> StackPreview:
    """With what only an event log has: why it was refused, how it ended, and all that a refresh has found."""
    refreshed = {step.urn: step for step in log.preview.steps or () if step.op == "refresh"}
    steps = found.preview.steps and [
        refreshed.get(step.urn, step) if step.op == "refresh" else step for step in found.preview.steps
    ]
    preview = found.preview.model_copy(update={"steps": steps})
    return replace(found, preview=preview, violations=log.violations, result=log.result)


def _of(given: Mapping[str, _Item], name: str, only: bool) -> _Item | None:
    """What was given for a stack; where there is only one, also without its name."""
    return given.get(name, given.get("") if only else None)


def _source(argument: str) -> Source:
    name, separator, path = argument.partition("=")
    # A file whose own name has an equals sign.
    return Source(argument) if not separator or Path(argument).exists() else Source(path, name)

"""The processes of an update, and SIGKILL for some of them at a chosen event."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

_POLL_SECONDS = 0.002
_DELAYS = (0.0, 0.2, 0.5, 0.9)
"""Seconds between an event and its kill, in turn: an operation that has begun is then at different places."""


def _runs(*words: str) -> Callable[[psutil.Process], bool]:
    def matches(process: psutil.Process) -> bool:
        line = " ".join(process.cmdline())
        return any(word in line for word in words)

    return matches


VICTIMS: dict[str, Callable[[psutil.Process], bool]] = {
    "cli": lambda process: process.name() == "pulumi",
    "host": lambda process: (
        process.name() == "pulumi-language-python"[:15] or _runs("/pulumi-language-python ")(process)
    ),
    "program": _runs("pulumi-language-python-exec"),
    "kubernetes": _runs("pulumi-resource-kubernetes"),
    "cloud": _runs("rehearsal.provider_plugins"),
    "all": lambda _: True,
}
"""Which of the descendants of ``rehearse`` are meant. ``all`` includes ``rehearse`` itself."""


@dataclass(slots=True)
class Kill:
    """What was killed and when: ``event`` is the number of the event, ``said`` what it tells; ``killed`` the processes' names,
    ``seen`` the number of events until then."""

    event: int
    seen: int = 0
    said: str = ""
    killed: list[str] = field(default_factory=list[str])


def kill_at(root: psutil.Process, log: Path, victim: str, event: int) -> Kill:
    """Wait for the ``event``-th event (from 1) of the log, then kill. Nothing is killed where the update ends before."""
    done = Kill(event)
    lines = _events(root, log)
    for number, found in enumerate(lines, 1):
        done.seen = number
        if number == event:
            time.sleep(_DELAYS[event % len(_DELAYS)])
            done.said = told(found)
            done.killed = _kill(root, victim)
            break
    return done


def kill_when(root: psutil.Process, condition: Callable[[], bool], victim: str) -> Kill:
    """Wait for a condition, then kill. Nothing is killed where the update ends before."""
    done = Kill(0)
    while _lives(root):
        if condition():
            done.killed = _kill(root, victim)
            break
        time.sleep(_POLL_SECONDS)
    return done


def _kill(root: psutil.Process, victim: str) -> list[str]:
    names: list[str] = []
    with contextlib.suppress(psutil.NoSuchProcess):
        family = [root, *root.children(recursive=True)] if victim == "all" else root.children(recursive=True)
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                if VICTIMS[victim](process):
                    names.append(process.name())
                    process.kill()
    return names


def _events(root: psutil.Process, log: Path) -> Iterator[dict[str, Any]]:
    """The events as they are written, until the process is gone. A log of an earlier update is not read: it is deleted first."""
    while not log.exists():
        if not _lives(root):
            return
        time.sleep(_POLL_SECONDS)
    rest = b""
    with log.open("rb") as file:
        while True:
            lives = _lives(root)
            rest += file.read()
            *lines, rest = rest.split(b"\n")
            for line in lines:
                event = json.loads(line)
                # The program's debug messages are no events of the update.
                if event.get("diagnosticEvent", {}).get("severity") != "debug":
                    yield event
            if not lives:
                return
            time.sleep(_POLL_SECONDS)


def _lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def told(event: dict[str, Any]) -> str:
    """An event in a few words: its kind, the operation, the resource."""
    for kind in ("resourcePreEvent", "resOutputsEvent", "resOpFailedEvent"):
        if kind in event:
            metadata = event[kind]["metadata"]
            return (
                f"{kind.removesuffix('Event')} {metadata['op']} {metadata['urn'].rpartition('$')[2].split('::', 3)[-1]}"
            )
    return next((name for name in event if name.endswith("Event")), "?")

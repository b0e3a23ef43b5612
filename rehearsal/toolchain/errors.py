"""What this module reports to its callers: progress while it works, and one error type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


class ToolchainError(Exception):
    """A program that a rehearsal needs can be neither found, built nor installed.

    The text states what is wrong, why it matters and, in ``remedy``, what to do; ``str()`` gives all of it.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(f"{message}\n{remedy}" if remedy else message)
        self.message = message
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Progress:
    """Something to look at while the rehearsal is prepared.

    ``stage`` is a stable key (``packages``, ``toolchain``, ``build``, ``node``, ``images``, ``kubernetes``, ``registry``);
    ``done`` of ``total`` counts what ``message`` names (packages compiled, ...) where a count exists; ``seconds`` is the
    time since this work began.
    """

    stage: str
    message: str
    done: int | None = None
    total: int | None = None
    seconds: float = 0.0


Report: TypeAlias = Callable[[Progress], None]

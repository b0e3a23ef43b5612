"""Attempts, what is expected of them, and what came of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Protocol, TypeAlias

Outcome: TypeAlias = Literal["allowed", "refused", "error"]


class RefusedError(Exception):
    """An emulator or a registry answered with a refusal; the text is its own. ``decided_by`` names who decides itself and keeps no
    record, as a registry with passwords does."""

    def __init__(self, text: str, decided_by: str = "") -> None:
        super().__init__(text)
        self.decided_by = decided_by


@dataclass(frozen=True, slots=True)
class Attempt:
    """One cell of the matrix.

    ``expected`` is whether it must work; ``by`` which service has to refuse it otherwise (``sts``, ``ecr``), ``because``
    what its reason must name. ``run`` raises RefusedError, or anything else for an error on the way.
    """

    namespace: str
    what: str
    expected: bool
    run: Callable[[], object]
    by: str = ""
    because: str = ""


class Prover(Protocol):
    """Knows what to try in one stack."""

    def attempts(self) -> Iterator[Attempt]: ...


@dataclass(frozen=True, slots=True)
class Cell:
    """What came of an attempt. ``by`` and ``reason`` are the decision's; a refusal without a decision is never as expected."""

    namespace: str
    what: str
    expected: bool
    outcome: Outcome
    by: str
    reason: str
    as_expected: bool


Decisions: TypeAlias = Callable[[int], Sequence[Mapping[str, Any]]]
"""The emulators' decisions after a number, oldest first."""


def no_decisions(number: int) -> Sequence[Mapping[str, Any]]:
    """The decisions where no emulator decides."""
    del number
    return ()


def carry_out(attempts: Sequence[Attempt], decisions: Decisions, told: Callable[[Cell], None]) -> list[Cell]:
    """Try everything in order, reporting each outcome as it comes."""
    cells: list[Cell] = []
    for attempt in attempts:
        seen = decisions(0)
        last = int(seen[-1]["number"]) if seen else 0
        cell = _tried(attempt, lambda: decisions(last))  # noqa: B023 - called before the next round
        told(cell)
        cells.append(cell)
    return cells


def _tried(attempt: Attempt, decided: Callable[[], Sequence[Mapping[str, Any]]]) -> Cell:
    outcome: Outcome = "allowed"
    words = decided_by = ""
    try:
        attempt.run()
    except RefusedError as error:
        outcome, words, decided_by = "refused", str(error), error.decided_by
    except Exception as error:
        outcome, words = "error", f"{type(error).__name__}: {error}"
    if outcome != "refused":
        return Cell(
            attempt.namespace,
            attempt.what,
            attempt.expected,
            outcome,
            "",
            words,
            attempt.expected and outcome == "allowed",
        )
    refusal = None if decided_by else next((item for item in reversed(decided()) if not item["allowed"]), None)
    if decided_by:
        by, reason = decided_by, words
    elif refusal:
        by, reason = str(refusal["service"]), str(refusal["reason"])
    else:
        by, reason = "", f"no emulator recorded a decision: {words}"
    fitting = by != "" and by == attempt.by and attempt.because.lower() in reason.lower()
    return Cell(
        attempt.namespace, attempt.what, attempt.expected, outcome, by, reason, not attempt.expected and fitting
    )


@dataclass(frozen=True, slots=True)
class Matrix:
    """What came of one stack. ``error`` is why there is no whole matrix, empty where there is; ``seconds`` is all it took."""

    stack: str
    cells: tuple[Cell, ...]
    error: str = ""
    seconds: float = 0.0

    @property
    def unexpected(self) -> int:
        return sum(not cell.as_expected for cell in self.cells)

    @property
    def ok(self) -> bool:
        """Whether it proves something, and nothing else than what was expected."""
        return not self.error and self.unexpected == 0 and bool(self.cells)

    def after(self, seconds: float) -> Matrix:
        return replace(self, seconds=seconds)

    def document(self) -> dict[str, Any]:
        """The matrix for scripts."""
        return {
            "stack": self.stack,
            "ok": self.ok,
            "unexpected": self.unexpected,
            "error": self.error,
            "seconds": round(self.seconds, 1),
            "cells": list(map(asdict, self.cells)),
        }

"""Kills each process of an update at each of its events and looks whether the next one converges: prints a table.

    python -m tests.end_to_end.killed.matrix --stack local --victim cli --every 3

A cycle kills three commands: the first ``up``, an ``up`` with a changed stack file, a ``destroy``. After each the same command has
to succeed, another one to change nothing, and cluster and cloud to hold what they hold after an undisturbed one. What was tried
already (``--results``) is not tried again.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import zip_longest
from pathlib import Path

from tests.conftest import ROOT
from tests.end_to_end.killed.inventory import Inventory
from tests.end_to_end.killed.staging import STACKS, Staged, differences
from tests.end_to_end.killed.victims import VICTIMS

PHASES = ("up", "update", "destroy")
LATENCY = 0.2
"""Seconds that the emulated clouds take for an answer."""


@dataclass(slots=True)
class Case:
    """One kill and what became of it. ``wrong`` is empty where all went well."""

    stack: str
    victim: str
    phase: str
    event: int
    said: str = ""
    killed: list[str] = field(default_factory=list[str])
    status: int | None = None
    seconds: float = 0.0
    next_seconds: float = 0.0
    recovered: list[str] = field(default_factory=list[str])
    wrong: list[str] = field(default_factory=list[str])

    @property
    def key(self) -> tuple[str, str, str, int]:
        return self.stack, self.victim, self.phase, self.event


@dataclass(slots=True)
class Undisturbed:
    """How many events each phase has, and what there is after it."""

    events: dict[str, int] = field(default_factory=dict[str, int])
    after: dict[str, Inventory] = field(default_factory=dict[str, Inventory])


class Matrix:
    """The cases of one stack."""

    def __init__(self, staged: Staged, results: Path, failures: Path) -> None:
        self._staged, self._results, self._failures = staged, results, failures

    def undisturbed(self) -> Undisturbed:
        """Each phase once without a kill. Raises AssertionError where one fails."""
        found = Undisturbed()
        # The sandbox makes what the changed stack needs before it and leaves it: it must not be counted as the stack's.
        self._staged.write(changed=True)
        for verb in ("up", "destroy"):
            done, _ = self._staged.run(verb)
            assert done.status == 0, done.printed
        for phase in PHASES:
            self._staged.write(changed=phase == "update")
            done, kill = self._staged.run(_verb(phase), kill=self._staged.kill_at(sys.maxsize, "cli"))
            assert done.status == 0 and kill is not None, done.printed
            found.events[phase] = kill.seen
            found.after[phase] = self._staged.inventory()
        return found

    def cycle(self, cases: Sequence[Case | None], expected: Undisturbed) -> None:
        """Three phases, each with its kill, if any. Without one, the middle phase is left out."""
        for phase, case in zip(PHASES, cases, strict=True):
            if case is None and phase == "update":
                continue
            self._staged.write(changed=phase == "update")
            if case is not None:
                self._staged.slow(LATENCY)
                done, kill = self._staged.run(_verb(phase), kill=self._staged.kill_at(case.event, case.victim))
                self._staged.slow(0)
                assert kill is not None
                case.said, case.killed = kill.said, kill.killed
                case.status, case.seconds = done.status, round(done.seconds, 1)
                first = done.printed
                if done.status is None:
                    case.wrong.append("the killed command hangs")
            else:
                first = ""
            again, _ = self._staged.run(_verb(phase))
            wrong = [] if again.status == 0 else [f"the next {_verb(phase)} ended with {again.status}"]
            printed = again.printed
            if case is not None and not wrong and phase != "destroy":
                same, _ = self._staged.run("up", "--expect-no-changes")
                wrong += [] if same.status == 0 else ["a third up has changes"]
                printed += same.printed
            wrong += differences(self._staged.inventory(), expected.after[phase])
            if case is not None:
                case.next_seconds = round(again.seconds, 1)
                case.recovered = [line for line in again.printed.splitlines() if line.startswith("Recovered")]
                case.wrong += wrong
                self._note(case, first, printed)
            if wrong:
                if case is None:
                    print("  an undisturbed phase went wrong:", *wrong, sep="\n    ")
                self._staged.purge()
                return

    def purge(self) -> None:
        """End the sandbox."""
        self._staged.purge()

    def _note(self, case: Case, first: str, printed: str) -> None:
        with self._results.open("a") as file:
            file.write(json.dumps(asdict(case)) + "\n")
        mark = "✗" if case.wrong else "✓"
        names = ",".join(case.killed) or "nothing"
        print(
            f"{mark} {case.stack} {case.phase} {case.event} {case.victim} ({names}) at: {case.said}; "
            f"{case.status} in {case.seconds} s, next {case.next_seconds} s {case.recovered}",
            flush=True,
        )
        if case.wrong:
            print(*(f"    {line}" for line in case.wrong), sep="\n", flush=True)
            name = "-".join(map(str, case.key))
            (self._failures / name).write_text(f"{first}\n\n=== next ===\n{printed}")


def _verb(phase: str) -> str:
    return "destroy" if phase == "destroy" else "up"


def cycles(
    stack: str, victim: str, events: dict[str, int], every: int, phases: Sequence[str]
) -> Iterator[list[Case | None]]:
    """Cycles in which the phases' events go along together."""
    columns = [range(1, events[phase] + 1, every) if phase in phases else range(0) for phase in PHASES]
    for row in zip_longest(*columns):
        yield [Case(stack, victim, phase, event) if event else None for phase, event in zip(PHASES, row, strict=True)]


def load(results: Path) -> list[Case]:
    return [Case(**json.loads(line)) for line in results.read_text().splitlines()] if results.exists() else []


def table(cases: Iterable[Case]) -> str:
    """Markdown: a row for each stack and victim, a column for each phase: how many of those tried converged."""
    cells: dict[tuple[str, str], list[Case]] = defaultdict(list)
    for case in cases:
        if case.killed:
            cells[case.stack, case.victim].append(case)
    lines = [
        "| stack | killed | first `up` | `up` with changes | `destroy` | imported something | slowest next command |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for (stack, victim), found in cells.items():
        phases = [[case for case in found if case.phase == phase] for phase in PHASES]
        row = [f"{sum(not case.wrong for case in tried)} of {len(tried)}" if tried else "–" for tried in phases]
        imported = sum("imported" in line for case in found for line in case.recovered)
        slowest = max(case.next_seconds for case in found)
        lines.append(f"| {stack} | {victim} | {' | '.join(row)} | {imported} | {slowest:.0f} s |")
    return "\n".join(lines)


def tried(stack: str, home: Path, chosen: argparse.Namespace) -> None:
    """Try all cases of a stack that the results do not have yet."""
    known = {case.key for case in load(chosen.results)}
    failures = chosen.results.with_suffix(".failed")
    failures.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="kill-matrix-") as directory:
        matrix = Matrix(Staged(stack, Path(directory) / "project", home), chosen.results, failures)
        expected = matrix.undisturbed()
        print(f"{stack}: {expected.events} events", flush=True)
        every = chosen.every or (6 if stack == "local" else 12)
        for victim in chosen.victim or VICTIMS:
            if victim == "cloud" and stack == "local":
                continue
            for row in cycles(stack, victim, expected.events, every, chosen.phase or PHASES):
                left = [case if case and case.key not in known else None for case in row]
                if any(left):
                    matrix.cycle(left, expected)
        if "REHEARSAL_HOME" not in os.environ:
            matrix.purge()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    more = "(may be given again)"
    parser.add_argument("--stack", action="append", choices=STACKS, help=f"only this one {more}")
    parser.add_argument("--victim", action="append", choices=tuple(VICTIMS), help=f"only this one {more}")
    parser.add_argument("--phase", action="append", choices=PHASES, help=f"only this one {more}")
    every = "each N-th event (default: 6 for local, 12 for the clouds'; with 1 it takes most of a day)"
    parser.add_argument("--every", type=int, metavar="N", help=every)
    results = ROOT / ".rehearsal" / "kill-matrix.jsonl"
    parser.add_argument("--results", type=Path, default=results, help="where results are kept (default: %(default)s)")
    parser.add_argument("--table", action="store_true", help="only print the table of the results")
    chosen = parser.parse_args()
    chosen.results.parent.mkdir(exist_ok=True)
    if not chosen.table:
        # Short, because the names of Unix sockets are.
        home = Path(os.environ.get("REHEARSAL_HOME") or tempfile.mkdtemp(prefix="rk-", dir="/tmp"))
        for stack in chosen.stack or STACKS:
            tried(stack, home, chosen)
    cases = load(chosen.results)
    print(table(cases))
    return 1 if any(case.wrong for case in cases) else 0


if __name__ == "__main__":
    sys.exit(main())

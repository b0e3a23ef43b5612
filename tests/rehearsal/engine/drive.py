"""Runs one update of which a part is killed on the way: `drive.py ROOT N VICTIM KIND`; prints the number of journal records.

VICTIM is engine, program or plugin. For odd N it dies just before a record is written, for even N just after it, so every
boundary between a step and its record is met; for N = 0 nothing dies.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[3]))

from rehearsal.engine import Update, run_update
from rehearsal.engine.events import Diagnostic
from rehearsal.engine.project import load_project
from rehearsal.engine.state.journal import Journal

root, deadline, victim, kind = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
MARKS = {"program": "run_program.py", "plugin": "pulumi-resource-test"}
count = 0
append = Journal.append


def kill() -> None:
    """End the victim now, if it runs: the engine is this process, the others are its children."""
    if victim == "engine":
        os.kill(os.getpid(), signal.SIGKILL)
    for child in psutil.Process().children():
        if any(part.endswith(MARKS[victim]) for part in child.cmdline()):
            child.kill()


def counted(self: Journal, payload: bytes) -> None:
    global count
    count += 1
    now = deadline > 0 and count == (deadline + 1) // 2
    if now and deadline % 2 == 1:
        kill()
    append(self, payload)
    if now and deadline % 2 == 0:
        kill()


Journal.append = counted  # type: ignore[method-assign]

update = Update(
    project=load_project(root),
    stack="dev",
    kind=kind,  # type: ignore[arg-type]
    home=root / "home",
    stand_ins={"test": Path(__file__).parent / "plugin" / "pulumi-resource-test"},
)


def tell(event: object) -> None:
    if isinstance(event, Diagnostic):
        print(event.severity, event.urn, event.message, file=sys.stderr)


finished = asyncio.run(run_update(update, tell))
print(count, flush=True)
sys.exit(0 if finished.ok else 1)

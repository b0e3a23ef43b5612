"""Runs one update of which a part is killed on the way; ends with the update's exit status.

Not imported but run, with the global `ASKED` (see test_kill.py): its victim is engine, program or plugin. For an odd deadline it
dies just before a record of the journal is written, for an even one just after it, so every boundary between a step and its
record is met; for 0 nothing dies. The report gets the update's messages and, last, the number of records.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import psutil

from rehearsal.engine import Update, run_update
from rehearsal.engine.events import Diagnostic
from rehearsal.engine.project import load_project
from rehearsal.engine.state.journal import Journal

asked: Any = globals()["ASKED"]
os.environ.update(asked["environment"])
root, deadline, victim, kind = asked["root"], asked["deadline"], asked["victim"], asked["kind"]
report = Path(asked["report"]).open("w", buffering=1)  # noqa: SIM115 - open until this process ends, or is ended
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
    stand_ins={"test": asked["plugin"]},
)


def tell(event: object) -> None:
    if isinstance(event, Diagnostic):
        print(event.severity, event.urn, event.message, file=report)


finished = asyncio.run(run_update(update, tell))
print(count, file=report)
sys.exit(0 if finished.ok else 1)

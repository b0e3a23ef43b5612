"""The scheduling of an update: its own threads and children, and nobody else's."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from rehearsal.engine.scheduling import batch

pytestmark = pytest.mark.skipif(not hasattr(os, "SCHED_BATCH"), reason="only Linux has the policy")

ASK = [sys.executable, "-c", "import os; print(os.sched_getscheduler(0))"]


def policies() -> tuple[int, int]:
    """Of this thread and of a child that it starts."""
    return os.sched_getscheduler(0), int(subprocess.check_output(ASK))


def within(policy: int) -> list[tuple[int, int]]:
    """Before, in and after an update, in a thread of the given policy."""
    seen: list[tuple[int, int]] = []

    def run() -> None:
        os.sched_setscheduler(0, policy, os.sched_param(0))
        seen.append(policies())
        with batch():
            seen.append(policies())
        seen.append(policies())

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return seen


def test_an_update_is_scheduled_for_throughput_and_its_caller_as_before() -> None:
    assert within(os.SCHED_OTHER) == [
        (os.SCHED_OTHER, os.SCHED_OTHER),
        (os.SCHED_BATCH, os.SCHED_BATCH),
        (os.SCHED_OTHER, os.SCHED_OTHER),
    ]


def test_a_policy_that_somebody_chose_is_kept() -> None:
    assert within(os.SCHED_IDLE) == [(os.SCHED_IDLE, os.SCHED_IDLE)] * 3

"""The scheduling of an update: its own threads and children, and nobody else's."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
import sys
import threading

import pytest

from rehearsal.engine.scheduling import batch

ASK = [sys.executable, "-c", "import os; print(os.sched_getscheduler(0))"]


def policies() -> tuple[int, int]:
    """Of this thread and of a child that it starts."""
    return os.sched_getscheduler(0), int(subprocess.check_output(ASK))


def within(policy: int) -> list[tuple[int, int]]:
    """Before, in and after an update, in a thread of the given policy."""
    seen: list[tuple[int, int]] = []

    def run() -> None:
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, policy, os.sched_param(0))
        seen.append(policies())
        with batch():
            seen.append(policies())
        seen.append(policies())

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return seen


def can_be_set() -> bool:
    try:
        return within(os.SCHED_BATCH)[0][0] == os.SCHED_BATCH
    except (AttributeError, IndexError):
        return False


needs_policy = pytest.mark.skipif(not can_be_set(), reason="this system has no SCHED_BATCH, or refuses it")


@needs_policy
def test_an_update_is_scheduled_for_throughput_and_its_caller_as_before() -> None:
    assert within(os.SCHED_OTHER) == [
        (os.SCHED_OTHER, os.SCHED_OTHER),
        (os.SCHED_BATCH, os.SCHED_BATCH),
        (os.SCHED_OTHER, os.SCHED_OTHER),
    ]


@needs_policy
def test_a_policy_that_somebody_chose_is_kept() -> None:
    assert within(os.SCHED_IDLE) == [(os.SCHED_IDLE, os.SCHED_IDLE)] * 3


@pytest.mark.parametrize("missing", ["sched_getscheduler", "sched_setscheduler", "SCHED_BATCH"])
def test_a_system_without_the_policy_does_without_it(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    """macOS has none of it; FreeBSD has no such policy."""
    monkeypatch.delattr(os, missing)
    with batch():
        pass


def test_a_system_that_refuses_the_policy_does_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """musl answers so to everything, and a container's filter to what it does not know."""

    def refuse(*arguments: object) -> int:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(os, "sched_getscheduler", refuse)
    with batch():
        pass
    monkeypatch.undo()
    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    with batch():
        pass

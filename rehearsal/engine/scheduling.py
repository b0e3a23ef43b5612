"""How an update shares the machine's processors: for throughput."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator


@contextlib.contextmanager
def batch() -> Generator[None]:
    """What is started inside (threads, program, plugins) does not interrupt one another when it wakes up, where the system has
    such a policy (Linux: ``SCHED_BATCH`` of sched(7), which needs no privilege and takes nothing from other processes).

    An update is a pipeline: program, engine and plugin pass each other one small message after the other, and by default
    each arrival takes the processor from whoever is at work. Without that each works off what has gathered; what that
    saves is told in ``bench/engine.py``. Where the system has no such policy or refuses it, all goes on as it is.
    """
    changed = False
    with contextlib.suppress(AttributeError, OSError):
        if os.sched_getscheduler(0) == os.SCHED_OTHER:
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
            changed = True
    try:
        yield
    finally:
        if changed:
            with contextlib.suppress(OSError):
                os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))

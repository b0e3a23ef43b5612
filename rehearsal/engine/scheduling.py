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
    each arrival takes the processor from whoever is at work. Without that each works off what has gathered: measured
    as a sixth less time and CPU for 10,000 resources on two processors, and a tenth less for the floor (``bench/engine.py``).
    """
    set_policy = getattr(os, "sched_setscheduler", None)
    if set_policy is None or os.sched_getscheduler(0) != os.SCHED_OTHER:
        yield
        return
    default = os.sched_param(0)
    with contextlib.suppress(OSError):
        set_policy(0, os.SCHED_BATCH, default)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            set_policy(0, os.SCHED_OTHER, default)

"""Ctrl-C: the first asks the update to stop in good order, the second stops at once."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

STOPPED_AT_ONCE = 130
"""The shell's exit status for a process ended by Ctrl-C."""


def run_interruptibly(work: Coroutine[Any, Any, T], on_first: Callable[[], None], on_second: Callable[[], None]) -> T:
    """Run ``work`` to its end. SIGINT or SIGTERM cancels it; a further one leaves the process without clean-up.

    Leaving at once loses nothing: the state holds every finished step and names the unfinished ones as pending, and
    the engine's children end when their parent is gone.

    Raises ``asyncio.CancelledError`` where ``work`` let its cancellation through.
    """

    async def supervised() -> T:
        loop = asyncio.get_running_loop()
        task = asyncio.ensure_future(work)
        asked = False

        def stop() -> None:
            nonlocal asked
            if asked:
                on_second()
                os._exit(STOPPED_AT_ONCE)
            asked = True
            on_first()
            task.cancel()

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop)
        try:
            return await task
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    return asyncio.run(supervised())

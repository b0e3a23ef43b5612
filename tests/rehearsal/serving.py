"""Applications served on the loopback address."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import uvicorn


@contextmanager
def serving(application: Any, interface: Literal["auto", "asgi3"] = "auto") -> Iterator[str]:
    """The URL at which an application answers."""
    config = uvicorn.Config(
        application, interface=interface, host="127.0.0.1", port=0, log_level="warning", lifespan="off"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        # A client that keeps its connection is not waited for.
        server.force_exit = server.should_exit = True
        thread.join(5)

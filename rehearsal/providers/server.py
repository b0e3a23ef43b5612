"""Runs a provider as a plugin process: listens, prints the port, and ends when its engine ends."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Final, NoReturn, Protocol

import grpc.aio
from pulumi.runtime.proto import provider_pb2_grpc


class Provider(Protocol):
    """A ``ResourceProviderServicer`` that has something to close."""

    async def close(self) -> None: ...


# As Pulumi's own plugins: a state with a large object is one message.
_MESSAGE_BYTES: Final = 400 * 1024 * 1024
_PARENT_CHECK: Final = 1.0  # seconds
_GRACE: Final = 2.0


def run(make: Callable[[str], Provider], arguments: Sequence[str]) -> NoReturn:
    """:func:`serve` as all that this process does: it ends with it.

    At once, because each update waits for its plugins' ends, and taking down a vendor's SDK in good order takes longer than
    many an update's steps.
    """
    asyncio.run(serve(make, arguments))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


async def serve(make: Callable[[str], Provider], arguments: Sequence[str]) -> None:
    """Serve ``make(engine address)`` until a signal comes or the engine is gone. ``arguments``: the address, if any."""
    provider = make(arguments[0] if arguments else "")
    server = grpc.aio.server(
        options=(
            ("grpc.max_receive_message_length", _MESSAGE_BYTES),
            ("grpc.max_send_message_length", _MESSAGE_BYTES),
            ("grpc.so_reuseport", 0),
        )
    )
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server)  # type: ignore[arg-type]
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await _ended()
    await server.stop(_GRACE)
    await provider.close()


async def _ended() -> None:
    """Return on SIGTERM, SIGINT, or when the process that started this one is gone.

    An engine that is killed cannot end its plugins; without this they would hold their waits open for ever.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    parent = os.getppid()
    while os.getppid() == parent:
        try:
            await asyncio.wait_for(stop.wait(), _PARENT_CHECK)
        except TimeoutError:
            continue
        return

"""Tells the engine what happens: diagnostics that stay, and status lines that the next one replaces."""

from __future__ import annotations

import asyncio
from typing import Any, Final, cast

import grpc
import grpc.aio
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

from .redaction import Redactor

# The engine is on this machine; gRPC would otherwise ask an environment's HTTP proxy for it.
_CHANNEL_OPTIONS: Final = (("grpc.enable_http_proxy", 0),)
_DELIVERY: Final = 5.0  # seconds that an operation waits for its diagnostics to arrive


class EngineLog:
    """Sends log messages in order and in the background; a lost engine never fails an operation. Every text is
    redacted."""

    def __init__(self, address: str, redactor: Redactor) -> None:
        self._address = address
        self._redactor = redactor
        self._channel: grpc.aio.Channel | None = None
        self._queue: asyncio.Queue[engine_pb2.LogRequest] = asyncio.Queue()
        self._sender: asyncio.Task[None] | None = None
        self._status: dict[str, str] = {}
        self._undelivered = 0

    def attach(self, address: str) -> None:
        """Use another engine (``Attach`` and ``Handshake`` name it)."""
        if address and address != self._address:
            self._address = address
            self._channel = None

    def info(self, urn: str, message: str) -> None:
        self._put(urn, message, engine_pb2.INFO)

    def warning(self, urn: str, message: str) -> None:
        self._put(urn, message, engine_pb2.WARNING)

    def status(self, urn: str, message: str) -> None:
        """Replace the resource's status line; repeating the same text sends nothing."""
        if self._status.get(urn) != message:
            self._status[urn] = message
            self._put(urn, message, engine_pb2.INFO, ephemeral=True)

    def clear_status(self, urn: str) -> None:
        if self._status.pop(urn, None):
            self._put(urn, "", engine_pb2.INFO, ephemeral=True)

    async def flush(self) -> None:
        """Wait until everything said so far has been delivered, but not for a dead engine."""
        if self._undelivered:
            try:
                await asyncio.wait_for(self._queue.join(), _DELIVERY)
            except TimeoutError:
                return

    async def close(self) -> None:
        if self._sender is not None:
            self._sender.cancel()
        if self._channel is not None:
            await self._channel.close()

    def _put(self, urn: str, message: str, severity: engine_pb2.LogSeverity.ValueType, ephemeral: bool = False) -> None:
        if not self._address:
            return
        if self._sender is None:
            self._sender = asyncio.create_task(self._send_all())
        text = self._redactor.redact(message)
        self._undelivered += 1
        self._queue.put_nowait(engine_pb2.LogRequest(severity=severity, message=text, urn=urn, ephemeral=ephemeral))

    async def _send_all(self) -> None:
        while True:
            request = await self._queue.get()
            try:
                if self._channel is None:
                    self._channel = grpc.aio.insecure_channel(self._address, _CHANNEL_OPTIONS)
                # The generated types know only synchronous channels.
                stub = cast("Any", engine_pb2_grpc.EngineStub(self._channel))
                await stub.Log(request, timeout=_DELIVERY)
            except grpc.aio.AioRpcError:
                # Messages are a courtesy; whether the engine lives is the server's business (see server.py).
                pass
            finally:
                self._undelivered -= 1
                self._queue.task_done()

"""A provider plugin as the engine speaks to it: Pulumi's ResourceProvider service with plain Python values."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import grpc
import grpc.aio
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from rehearsal.engine.errors import (
    CancelledError,
    OutcomeUnknownError,
    PluginError,
    ProviderError,
)
from rehearsal.engine.events import Severity
from rehearsal.engine.plugins.answers import (
    DIFF_UNKNOWN,
    CheckFailure,
    DiffResult,
    diff_of,
    failures_of,
    init_failure_of,
)
from rehearsal.engine.plugins.discovery import AttachedPlugin, PluginCommand
from rehearsal.engine.plugins.port import START_SECONDS, announced_port
from rehearsal.engine.plugins.process import ChildProcess
from rehearsal.engine.properties import (
    Properties,
    from_struct,
    has_special,
    lower_outputs,
    lower_resource_references,
    reveal,
    to_struct,
)

CHANNEL_OPTIONS = [
    ("grpc.max_receive_message_length", 400 * 1024 * 1024),
    ("grpc.max_send_message_length", 400 * 1024 * 1024),
    # A failed Job travels whole in the error's trailers, which gRPC cuts off at 8 KiB by default.
    ("grpc.max_metadata_size", 64 * 1024 * 1024),
    ("grpc.absolute_max_metadata_size", 64 * 1024 * 1024),
    ("grpc.enable_http_proxy", 0),
]

T = TypeVar("T")
Hear = Callable[[Severity, str], None]


@dataclass(frozen=True, slots=True)
class Target:
    """The resource an operation is about."""

    urn: str
    type: str
    name: str


class Provider:
    """One plugin instance, serving one provider resource."""

    def __init__(
        self,
        package: str,
        stub: Any,
        channel: grpc.aio.Channel,
        process: ChildProcess | None,
    ) -> None:
        self.package = package
        self._stub = stub
        self._channel = channel
        self._process = process
        self._handshaken = False
        self.accepts_secrets = False
        self.accepts_resources = False
        self.supports_preview = False
        self.configured = False
        """False until Configure succeeded with every input known; an unconfigured provider is not asked in previews."""

    # --- life -------------------------------------------------------------------------------------------------------

    @classmethod
    async def start(
        cls,
        package: str,
        found: AttachedPlugin | PluginCommand,
        *,
        engine_address: str,
        root: Path,
        program: Path,
        environment: Mapping[str, str],
        hear: Hear,
    ) -> Provider:
        """Start (or attach to) the plugin and shake hands. Raises PluginError."""
        process: ChildProcess | None = None
        if isinstance(found, AttachedPlugin):
            port = found.port
        else:
            try:
                process = await ChildProcess.start(
                    f"the plugin of {package} ({found.command[0]})",
                    [*found.command, engine_address],
                    cwd=root,
                    environment=environment,
                )
            except OSError as error:
                raise PluginError(
                    f"the plugin of {package} at {found.command[0]} cannot be run: {error.strerror}. "
                    "Make the file executable and check the interpreter in its first line."
                ) from error
            try:
                port = await announced_port(process, hear)
            except asyncio.CancelledError:
                # It was started ahead, and nobody needs it any more.
                await process.end()
                raise
        channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=CHANNEL_OPTIONS)
        provider = cls(package, provider_pb2_grpc.ResourceProviderStub(channel), channel, process)
        try:
            if isinstance(found, AttachedPlugin):
                await provider._stub.Attach(plugin_pb2.PluginAttach(address=engine_address), timeout=START_SECONDS)
            await provider._handshake(engine_address, root, program)
        except grpc.aio.AioRpcError as error:
            await provider.stop()
            raise PluginError(f"the plugin of {package} refused the engine's greeting: {error.details()}") from error
        except asyncio.CancelledError:
            await provider.stop()
            raise
        return provider

    async def _handshake(self, engine_address: str, root: Path, program: Path) -> None:
        request = provider_pb2.ProviderHandshakeRequest(
            engine_address=engine_address,
            root_directory=str(root),
            program_directory=str(program),
            configure_with_urn=True,
        )
        try:
            response = await self._stub.Handshake(request, timeout=START_SECONDS, wait_for_ready=True)
        except grpc.aio.AioRpcError as error:
            if error.code() != grpc.StatusCode.UNIMPLEMENTED:
                raise
            return
        self._handshaken = True
        self.accepts_secrets = response.accept_secrets
        self.accepts_resources = response.accept_resources

    async def cancel(self) -> None:
        """Ask the plugin to give up what it is waiting for."""
        try:
            await self._stub.Cancel(empty_pb2.Empty(), timeout=5)
        except grpc.aio.AioRpcError:
            return  # a plugin without Cancel, or one that has gone: it is ended at stop

    async def stop(self) -> None:
        await self._channel.close()
        if self._process is not None:
            await self._process.end()

    # --- calls ------------------------------------------------------------------------------------------------------

    def _send(self, properties: Properties) -> Any:
        value: Any = properties
        if has_special(properties):
            value, _ = lower_outputs(value)
            if not self.accepts_secrets:
                value = reveal(value)
            if not self.accepts_resources:
                value = lower_resource_references(value)
        return to_struct(value)

    async def _call(self, call: Awaitable[T], doing: str, *, changes: bool = False) -> T:
        try:
            return await call
        except grpc.aio.AioRpcError as error:
            raise await self._explain(error, doing, changes) from error

    async def _explain(self, error: grpc.aio.AioRpcError, doing: str, changes: bool) -> Exception:
        if error.code() == grpc.StatusCode.UNAVAILABLE and self._process is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), 2.0)
            if self._process.returncode is not None:
                text = f"while {doing}: {self._process.obituary()}\nRun the same command again: it picks up from here."
                return OutcomeUnknownError(text) if changes else ProviderError(text)
        if error.code() == grpc.StatusCode.CANCELLED:
            return CancelledError(f"{doing} was cancelled")
        init = init_failure_of(error)
        if init is not None:
            return init
        if error.code() == grpc.StatusCode.UNIMPLEMENTED:
            return ProviderError(f"the plugin of {self.package} does not support {doing}: {error.details()}")
        return ProviderError(error.details() or f"{doing} failed with {error.code().name} and no message")

    async def check_config(self, urn: str, olds: Properties, news: Properties) -> tuple[Properties, list[CheckFailure]]:
        request = provider_pb2.CheckRequest(urn=urn, olds=to_struct(olds), news=to_struct(news))
        try:
            response = await self._stub.CheckConfig(request)
        except grpc.aio.AioRpcError as error:
            if error.code() == grpc.StatusCode.UNIMPLEMENTED:
                return news, []
            raise await self._explain(error, "checking its configuration", False) from error
        return from_struct(response.inputs) or news, failures_of(response.failures)

    async def diff_config(self, urn: str, old_inputs: Properties, olds: Properties, news: Properties) -> DiffResult:
        request = provider_pb2.DiffRequest(
            urn=urn, olds=to_struct(olds), news=to_struct(news), old_inputs=to_struct(old_inputs)
        )
        try:
            response = await self._stub.DiffConfig(request)
        except grpc.aio.AioRpcError as error:
            if error.code() == grpc.StatusCode.UNIMPLEMENTED:
                return DiffResult(DIFF_UNKNOWN)
            raise await self._explain(error, "comparing its configuration", False) from error
        return diff_of(response)

    async def configure(self, urn: str, provider_id: str, inputs: Properties) -> None:
        plain = reveal(inputs)
        variables = {
            f"{self.package}:config:{key}": value if isinstance(value, str) else json.dumps(value)
            for key, value in plain.items()
            if value is not None
        }
        request = provider_pb2.ConfigureRequest(
            variables=variables,
            args=to_struct(inputs),
            acceptSecrets=True,
            acceptResources=True,
            sends_old_inputs=True,
            sends_old_inputs_to_delete=True,
            urn=urn,
            id=provider_id,
        )
        response = await self._call(self._stub.Configure(request), f"configuring the provider of {self.package}")
        if not self._handshaken:
            self.accepts_secrets = response.acceptSecrets
            self.accepts_resources = response.acceptResources
        else:
            self.accepts_secrets = self.accepts_secrets or response.acceptSecrets
            self.accepts_resources = self.accepts_resources or response.acceptResources
        self.supports_preview = response.supportsPreview
        self.configured = True

    async def check(
        self, target: Target, olds: Properties, news: Properties, seed: bytes
    ) -> tuple[Properties, list[CheckFailure]]:
        request = provider_pb2.CheckRequest(
            urn=target.urn,
            type=target.type,
            name=target.name,
            olds=self._send(olds),
            news=self._send(news),
            randomSeed=seed,
        )
        response = await self._call(self._stub.Check(request), "checking the inputs")
        return from_struct(response.inputs), failures_of(response.failures)

    async def diff(
        self,
        target: Target,
        resource_id: str,
        old_inputs: Properties,
        old_outputs: Properties,
        news: Properties,
        ignore_changes: Sequence[str],
    ) -> DiffResult:
        request = provider_pb2.DiffRequest(
            id=resource_id,
            urn=target.urn,
            type=target.type,
            name=target.name,
            olds=self._send(old_outputs),
            news=self._send(news),
            old_inputs=self._send(old_inputs),
            ignoreChanges=ignore_changes,
        )
        return diff_of(await self._call(self._stub.Diff(request), "comparing"))

    async def create(self, target: Target, inputs: Properties, timeout: float, preview: bool) -> tuple[str, Properties]:
        request = provider_pb2.CreateRequest(
            urn=target.urn,
            type=target.type,
            name=target.name,
            properties=self._send(inputs),
            timeout=timeout,
            preview=preview,
        )
        response = await self._call(self._stub.Create(request), "creating", changes=not preview)
        if not preview and not response.id:
            raise ProviderError(f"the plugin of {self.package} created {target.urn} but gave it no id")
        return response.id, from_struct(response.properties)

    async def update(
        self,
        target: Target,
        resource_id: str,
        old_inputs: Properties,
        old_outputs: Properties,
        news: Properties,
        timeout: float,
        ignore_changes: Sequence[str],
        preview: bool,
    ) -> Properties:
        request = provider_pb2.UpdateRequest(
            id=resource_id,
            urn=target.urn,
            type=target.type,
            name=target.name,
            olds=self._send(old_outputs),
            news=self._send(news),
            old_inputs=self._send(old_inputs),
            timeout=timeout,
            ignoreChanges=ignore_changes,
            preview=preview,
        )
        response = await self._call(self._stub.Update(request), "updating", changes=not preview)
        return from_struct(response.properties)

    async def read(
        self, target: Target, resource_id: str, inputs: Properties, outputs: Properties, timeout: float = 0
    ) -> tuple[str, Properties, Properties]:
        """(id, inputs, outputs) of the live resource; an empty id says that it does not exist."""
        request = provider_pb2.ReadRequest(
            id=resource_id,
            urn=target.urn,
            type=target.type,
            name=target.name,
            inputs=self._send(inputs),
            properties=self._send(outputs),
            timeout=timeout,
        )
        response = await self._call(self._stub.Read(request), "reading")
        read_inputs = from_struct(response.inputs) if response.HasField("inputs") else inputs
        return response.id, read_inputs, from_struct(response.properties)

    async def delete(
        self, target: Target, resource_id: str, inputs: Properties, outputs: Properties, timeout: float
    ) -> None:
        request = provider_pb2.DeleteRequest(
            id=resource_id,
            urn=target.urn,
            type=target.type,
            name=target.name,
            properties=self._send(outputs),
            old_inputs=self._send(inputs),
            timeout=timeout,
        )
        await self._call(self._stub.Delete(request), "deleting", changes=True)

    async def invoke(
        self, token: str, arguments: Properties, preview: bool = False
    ) -> tuple[Properties, list[CheckFailure]]:
        request = provider_pb2.InvokeRequest(tok=token, args=self._send(arguments), preview=preview)
        response = await self._call(self._stub.Invoke(request), f"calling the function {token}")
        return from_struct(getattr(response, "return")), failures_of(response.failures)

    async def construct(self, request: provider_pb2.ConstructRequest) -> provider_pb2.ConstructResponse:
        return await self._call(self._stub.Construct(request), "constructing a component", changes=True)

    async def call(self, request: provider_pb2.CallRequest) -> provider_pb2.CallResponse:
        return await self._call(self._stub.Call(request), f"calling the method {request.tok}")

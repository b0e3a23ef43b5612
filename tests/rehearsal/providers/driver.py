"""Drives the Kubernetes provider as the engine does: a process of its own, over gRPC, with an Engine service to log to."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent import futures
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2, provider_pb2_grpc, status_pb2

from rehearsal.providers.kubernetes.properties import Properties, read_struct, write_struct

PROJECT = Path(__file__).resolve().parents[3]
CHANNEL_OPTIONS = (
    ("grpc.max_metadata_size", 64 << 20),
    ("grpc.absolute_max_metadata_size", 64 << 20),
    ("grpc.max_receive_message_length", 400 << 20),
    ("grpc.max_send_message_length", 400 << 20),
    ("grpc.enable_http_proxy", 0),
)


class EngineRecorder(engine_pb2_grpc.EngineServicer):
    """The engine's side of the log."""

    def __init__(self) -> None:
        self.messages: list[engine_pb2.LogRequest] = []

    def Log(self, request: engine_pb2.LogRequest, context: Any) -> Any:
        self.messages.append(request)
        return empty_pb2.Empty()

    def texts(self, *, ephemeral: bool | None = None, severity: int | None = None) -> list[str]:
        return [
            message.message
            for message in self.messages
            if (ephemeral is None or message.ephemeral == ephemeral)
            and (severity is None or message.severity == severity)
        ]


@dataclass
class Result:
    """What Create gave: id and state; after a partial failure also why."""

    id: str
    state: Properties
    inputs: Properties
    reasons: list[str] = field(default_factory=list)
    message: str = ""


class RefusedError(Exception):
    """The provider answered with an error; ``partial`` holds ErrorResourceInitFailed where it came along."""

    def __init__(
        self, code: grpc.StatusCode, message: str, partial: provider_pb2.ErrorResourceInitFailed | None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.partial = partial


class Plugin:
    """A running provider process."""

    def __init__(self, environment: dict[str, str], arguments: list[str] | None = None) -> None:
        self.engine = EngineRecorder()
        self._engine_server = grpc.server(futures.ThreadPoolExecutor(4))
        engine_pb2_grpc.add_EngineServicer_to_server(self.engine, self._engine_server)
        engine_port = self._engine_server.add_insecure_port("127.0.0.1:0")
        self._engine_server.start()
        command = [sys.executable, "-m", "rehearsal.providers.kubernetes", f"127.0.0.1:{engine_port}"]
        self.process = subprocess.Popen(
            arguments or command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
            cwd=PROJECT,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line.strip().isdigit():
            self.process.kill()
            raise AssertionError(f"no port on stdout but {line!r}: {self.process.communicate()[1]}")
        self.port = int(line)
        self._channel = grpc.insecure_channel(f"127.0.0.1:{self.port}", CHANNEL_OPTIONS)
        self.stub = provider_pb2_grpc.ResourceProviderStub(self._channel)

    def close(self) -> None:
        self._channel.close()
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._engine_server.stop(None)

    def call(self, method: str, request: Any) -> Any:
        """One call. Raises RefusedError."""
        try:
            return getattr(self.stub, method)(request, timeout=120)
        except grpc.RpcError as error:
            partial = None
            for key, value in error.trailing_metadata() or ():  # type: ignore[attr-defined]
                if key == "grpc-status-details-bin":
                    status = status_pb2.Status.FromString(value)
                    partial = provider_pb2.ErrorResourceInitFailed()
                    assert status.details[0].Unpack(partial)
            raise RefusedError(error.code(), error.details() or "", partial) from None  # type: ignore[attr-defined]

    def configure(self, **settings: Any) -> Any:
        return self.call(
            "Configure",
            provider_pb2.ConfigureRequest(args=write_struct(settings), acceptSecrets=True, acceptResources=True),
        )

    def check(
        self, token: str, inputs: Properties, old: Properties | None = None, name: str = "it", **more: Any
    ) -> Any:
        return self.call(
            "Check",
            provider_pb2.CheckRequest(
                urn=urn(token, name),
                type=token,
                name=name,
                olds=write_struct(old or {}),
                news=write_struct(inputs),
                randomSeed=more.pop("seed", b"0123456789abcdef"),
                **more,
            ),
        )

    def checked(self, token: str, inputs: Properties, old: Properties | None = None, name: str = "it") -> Properties:
        response = self.check(token, inputs, old, name)
        assert not response.failures, response.failures
        return read_struct(response.inputs)

    def diff(self, token: str, old: Result, new: Properties, name: str = "it", ignore: list[str] | None = None) -> Any:
        return self.call(
            "Diff",
            provider_pb2.DiffRequest(
                id=old.id,
                urn=urn(token, name),
                type=token,
                name=name,
                olds=write_struct(old.state),
                old_inputs=write_struct(old.inputs),
                news=write_struct(new),
                ignoreChanges=ignore or [],
            ),
        )

    def create(
        self, token: str, inputs: Properties, name: str = "it", *, preview: bool = False, timeout: float = 0
    ) -> Result:
        """Check and create."""
        checked = self.checked(token, inputs, name=name)
        response = self.call(
            "Create",
            provider_pb2.CreateRequest(
                urn=urn(token, name),
                type=token,
                name=name,
                properties=write_struct(checked),
                preview=preview,
                timeout=timeout,
            ),
        )
        return Result(response.id, read_struct(response.properties), checked)

    def update(
        self,
        token: str,
        old: Result,
        inputs: Properties,
        name: str = "it",
        *,
        preview: bool = False,
        timeout: float = 0,
        ignore: list[str] | None = None,
    ) -> Result:
        checked = self.checked(token, inputs, old.inputs, name)
        response = self.call(
            "Update",
            provider_pb2.UpdateRequest(
                id=old.id,
                urn=urn(token, name),
                type=token,
                name=name,
                olds=write_struct(old.state),
                old_inputs=write_struct(old.inputs),
                news=write_struct(checked),
                preview=preview,
                timeout=timeout,
                ignoreChanges=ignore or [],
            ),
        )
        return Result(old.id, read_struct(response.properties), checked)

    def read(self, token: str, identity: str, old: Result | None = None, name: str = "it") -> Result:
        response = self.call(
            "Read",
            provider_pb2.ReadRequest(
                id=identity,
                urn=urn(token, name),
                type=token,
                name=name,
                properties=write_struct(old.state if old else {}),
                inputs=write_struct(old.inputs if old else {}),
            ),
        )
        return Result(response.id, read_struct(response.properties), read_struct(response.inputs))

    def delete(self, token: str, old: Result, name: str = "it", timeout: float = 0) -> None:
        self.call(
            "Delete",
            provider_pb2.DeleteRequest(
                id=old.id,
                urn=urn(token, name),
                type=token,
                name=name,
                properties=write_struct(old.state),
                old_inputs=write_struct(old.inputs),
                timeout=timeout,
            ),
        )


def urn(token: str, name: str) -> str:
    return f"urn:pulumi:test::providers::{token}::{name}"


def refused(call: Callable[[], Any]) -> RefusedError:
    """The error with which the provider answers the call."""
    with pytest.raises(RefusedError) as caught:
        call()
    return caught.value


def kept(partial: provider_pb2.ErrorResourceInitFailed | None) -> Result:
    """What the engine keeps of a resource that was made but is not ready."""
    assert partial is not None
    return Result(partial.id, read_struct(partial.properties), read_struct(partial.inputs))

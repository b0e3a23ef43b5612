"""Drives a provider plugin as the engine does: over gRPC, with what the engine sends along."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from rehearsal.provider_plugins.framework.package import Package
from rehearsal.provider_plugins.framework.process import served
from rehearsal.provider_plugins.framework.properties import Properties, read_struct, write_struct
from rehearsal.provider_plugins.installation import install_plugins


@dataclass
class Result:
    """A resource as the state has it."""

    id: str
    state: Properties
    inputs: Properties


class RejectedError(Exception):
    """The plugin answered with an error; ``kept`` is the resource that exists nevertheless."""

    def __init__(self, error: Any) -> None:
        self.message: str = error.details()
        super().__init__(self.message)
        self.code: grpc.StatusCode = error.code()
        self.kept: provider_pb2.ErrorResourceInitFailed | None = None
        for key, value in error.trailing_metadata() or ():
            if key == "grpc-status-details-bin":
                self.kept = provider_pb2.ErrorResourceInitFailed()
                assert status_pb2.Status.FromString(value).details[0].Unpack(self.kept)


class Plugin:
    """A plugin that listens on a port of this machine."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}", (("grpc.enable_http_proxy", 0),))
        self._stub = provider_pb2_grpc.ResourceProviderStub(self._channel)

    def close(self) -> None:
        self._channel.close()

    def accepts(self) -> bool:
        """Whether it takes new connections."""
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self._port)) == 0

    def call(self, method: str, request: Any) -> Any:
        """One call. Raises RejectedError."""
        try:
            return getattr(self._stub, method)(request, timeout=120)
        except grpc.RpcError as error:
            raise RejectedError(error) from None

    def configure(self, **settings: Any) -> Any:
        return self.call("Configure", provider_pb2.ConfigureRequest(args=write_struct(settings), acceptSecrets=True))

    def check(self, token: str, inputs: Properties, old: Properties | None = None) -> tuple[Properties, dict[str, str]]:
        """The checked inputs, and what is wrong by the property's path."""
        request = provider_pb2.CheckRequest(
            **_resource(token), olds=write_struct(old or {}), news=write_struct(inputs), randomSeed=b"seed"
        )
        answer = self.call("Check", request)
        return read_struct(answer.inputs), {item.property: item.reason for item in answer.failures}

    def checked(self, token: str, inputs: Properties, old: Properties | None = None) -> Properties:
        checked, failures = self.check(token, inputs, old)
        assert not failures
        return checked

    def diff(self, token: str, old: Result, new: Properties, ignored: tuple[str, ...] = ()) -> Any:
        request = provider_pb2.DiffRequest(**_old(token, old), news=write_struct(new), ignoreChanges=ignored)
        return self.call("Diff", request)

    def create(self, token: str, inputs: Properties, *, preview: bool = False) -> Result:
        """Check and create."""
        checked = self.checked(token, inputs)
        request = provider_pb2.CreateRequest(**_resource(token), properties=write_struct(checked), preview=preview)
        answer = self.call("Create", request)
        return Result(answer.id, read_struct(answer.properties), checked)

    def update(self, token: str, old: Result, inputs: Properties, *, preview: bool = False) -> Result:
        """Check and update."""
        checked = self.checked(token, inputs, old.inputs)
        request = provider_pb2.UpdateRequest(**_old(token, old), news=write_struct(checked), preview=preview)
        return Result(old.id, read_struct(self.call("Update", request).properties), checked)

    def read(self, token: str, identity: str, old: Result | None = None) -> Result:
        """A refresh of ``old``; without it an import. The id is empty where there is no such resource."""
        request = provider_pb2.ReadRequest(id=identity, **_resource(token))
        if old is not None:
            request.properties.CopyFrom(write_struct(old.state))
            request.inputs.CopyFrom(write_struct(old.inputs))
        answer = self.call("Read", request)
        return Result(answer.id, read_struct(answer.properties), read_struct(answer.inputs))

    def delete(self, token: str, old: Result) -> None:
        request = provider_pb2.DeleteRequest(id=old.id, **_resource(token), properties=write_struct(old.state))
        self.call("Delete", request)

    def invoke(self, token: str, **arguments: Any) -> Properties:
        answer = self.call("Invoke", provider_pb2.InvokeRequest(tok=token, args=write_struct(arguments)))
        return read_struct(getattr(answer, "return"))


def _resource(token: str) -> dict[str, Any]:
    return {"urn": f"urn:pulumi:test::test::{token}::it", "type": token, "name": "it"}


def _old(token: str, old: Result) -> dict[str, Any]:
    structs = {"olds": write_struct(old.state), "old_inputs": write_struct(old.inputs)}
    return {"id": old.id or "none", **_resource(token), **structs}


@contextmanager
def plugin_of(package: Package[Any], **settings: Any) -> Iterator[Plugin]:
    """A configured plugin that this process serves; it sees this process's environment."""
    server, port = served(package)
    plugin = Plugin(port)
    plugin.configure(**settings)
    yield plugin
    plugin.close()
    server.stop(None)


@contextmanager
def plugin_process(
    package: str, directory: Path, environment: dict[str, str]
) -> Iterator[tuple[subprocess.Popen[str], Plugin]]:
    """A plugin as the CLI starts it: the installed launcher, in a process group of its own, with a pipe as its input."""
    install_plugins(directory, [package])
    (launcher,) = directory.glob(f"resource-{package}-v*/pulumi-resource-{package}")
    process = subprocess.Popen(
        [launcher, "127.0.0.1:1"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
        process_group=0,
    )
    assert process.stdin is not None and process.stdout is not None
    plugin = Plugin(int(process.stdout.readline()))
    yield process, plugin
    plugin.close()
    if not process.stdin.closed:
        process.stdin.close()
    assert process.wait(15) == 0

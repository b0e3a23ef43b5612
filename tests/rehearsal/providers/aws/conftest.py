"""The stand-in AWS provider called as the engine calls it, against a stand-in AWS that is served here."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import uvicorn
from pulumi.runtime.proto import provider_pb2

from rehearsal.clouds.aws.cloud import AwsCloud, AwsSettings
from rehearsal.clouds.judgements import Judgements
from rehearsal.clouds.tokens import ClusterTokens
from rehearsal.providers.aws.package import PACKAGE
from rehearsal.providers.kubernetes.properties import Properties, read_struct, write_struct
from rehearsal.providers.standin.plugin import StandInProvider

ACCOUNT, REGION = "300000000001", "eu-west-1"


class _Context:
    async def abort(self, code: grpc.StatusCode, message: str, **_: Any) -> None:
        raise RuntimeError(message)


class Plugin:
    """One configured provider instance."""

    def __init__(self) -> None:
        self.provider = StandInProvider(PACKAGE, "")
        self.context = _Context()

    def _call(self, method: str, request: Any) -> Any:
        return asyncio.run(getattr(self.provider, method)(request, self.context))

    def configure(self, **settings: Any) -> None:
        self._call("Configure", provider_pb2.ConfigureRequest(args=write_struct(settings), acceptSecrets=True))

    def check(self, token: str, news: Properties, olds: Properties | None = None) -> tuple[Properties, dict[str, str]]:
        request = provider_pb2.CheckRequest(
            urn=_urn(token),
            type=token,
            name="it",
            news=write_struct(news),
            olds=write_struct(olds or {}),
            randomSeed=b"s",
        )
        answer = self._call("Check", request)
        return read_struct(answer.inputs), {item.property: item.reason for item in answer.failures}

    def diff(self, token: str, old: Properties, new: Properties) -> Any:
        request = provider_pb2.DiffRequest(
            id="x",
            urn=_urn(token),
            type=token,
            olds=write_struct(old),
            news=write_struct(new),
            old_inputs=write_struct(old),
        )
        return self._call("Diff", request)

    def create(self, token: str, inputs: Properties, *, preview: bool = False) -> tuple[str, Properties]:
        request = provider_pb2.CreateRequest(
            urn=_urn(token), type=token, properties=write_struct(inputs), preview=preview
        )
        answer = self._call("Create", request)
        return answer.id, read_struct(answer.properties)

    def make(self, token: str, news: Properties) -> tuple[str, Properties, Properties]:
        """Check and create: id, inputs, state."""
        inputs, failures = self.check(token, news)
        assert not failures
        identity, state = self.create(token, inputs)
        return identity, inputs, state

    def update(self, token: str, identity: str, state: Properties, old: Properties, new: Properties) -> Properties:
        request = provider_pb2.UpdateRequest(
            id=identity,
            urn=_urn(token),
            type=token,
            olds=write_struct(state),
            news=write_struct(new),
            old_inputs=write_struct(old),
        )
        return read_struct(self._call("Update", request).properties)

    def read(
        self, token: str, identity: str, state: Properties | None = None, inputs: Properties | None = None
    ) -> tuple[str, Properties, Properties]:
        request = provider_pb2.ReadRequest(
            id=identity,
            urn=_urn(token),
            type=token,
            properties=write_struct(state or {}),
            inputs=write_struct(inputs or {}),
        )
        answer = self._call("Read", request)
        return answer.id, read_struct(answer.inputs), read_struct(answer.properties)

    def delete(self, token: str, identity: str, state: Properties) -> None:
        request = provider_pb2.DeleteRequest(id=identity, urn=_urn(token), type=token, properties=write_struct(state))
        self._call("Delete", request)

    def invoke(self, token: str, **arguments: Any) -> Properties:
        answer = self._call("Invoke", provider_pb2.InvokeRequest(tok=token, args=write_struct(arguments)))
        return read_struct(getattr(answer, "return"))


def _urn(token: str) -> str:
    return f"urn:pulumi:test::test::{token}::it"


@pytest.fixture(scope="session")
def aws_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    settings = AwsSettings(ACCOUNT, REGION, "aws", "amazonaws.com", (f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com",))
    tokens = ClusterTokens("https://issuer.example", "", dict)
    data: Path = tmp_path_factory.mktemp("aws")
    cloud = AwsCloud(settings, tokens, data, propagation=0, judgements=Judgements())
    server = uvicorn.Server(uvicorn.Config(cloud.api, host="127.0.0.1", port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(5)


@pytest.fixture
def plugin(aws_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Plugin:
    monkeypatch.setenv("REHEARSAL_AWS_ENDPOINT", aws_endpoint)
    made = Plugin()
    made.configure(region=REGION)
    return made


@pytest.fixture
def plugin_without_cloud(monkeypatch: pytest.MonkeyPatch) -> Plugin:
    monkeypatch.delenv("REHEARSAL_AWS_ENDPOINT", raising=False)
    made = Plugin()
    made.configure(region=REGION)
    return made

"""The AWS plugin, before an emulated AWS that is served here."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import uvicorn

from rehearsal.emulators.aws.cloud import AwsCloud, AwsSettings
from rehearsal.emulators.judgements import Judgements
from rehearsal.emulators.tokens import ClusterTokens
from rehearsal.provider_plugins.aws.package import PACKAGE
from tests.rehearsal.provider_plugins.driver import Plugin, plugin_of

ACCOUNT, REGION = "300000000001", "eu-west-1"


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
def plugin(aws_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plugin]:
    monkeypatch.setenv("REHEARSAL_AWS_ENDPOINT", aws_endpoint)
    with plugin_of(PACKAGE, region=REGION) as made:
        yield made


@pytest.fixture
def plugin_without_cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Plugin]:
    with ExitStack() as stack:
        with monkeypatch.context() as environment:  # a plugin reads it when it is configured
            environment.delenv("REHEARSAL_AWS_ENDPOINT", raising=False)
            made = stack.enter_context(plugin_of(PACKAGE, region=REGION))
        yield made

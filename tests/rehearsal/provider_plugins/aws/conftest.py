"""The AWS plugin, before an emulated AWS that is served here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from rehearsal.emulators.aws.cloud import AwsCloud, AwsSettings
from rehearsal.emulators.decisions import DecisionLog
from rehearsal.emulators.tokens import ClusterTokens
from rehearsal.provider_plugins.aws.package import PACKAGE
from tests.rehearsal.provider_plugins.driver import Plugin, plugin_of
from tests.rehearsal.serving import serving

ACCOUNT, REGION = "300000000001", "eu-west-1"


@pytest.fixture(scope="session")
def aws_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    settings = AwsSettings(ACCOUNT, REGION, "aws", "amazonaws.com", (f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com",))
    tokens = ClusterTokens("https://issuer.example", "", dict)
    data: Path = tmp_path_factory.mktemp("aws")
    cloud = AwsCloud(settings, tokens, data, propagation=0, decisions=DecisionLog())
    with serving(cloud.api) as url:
        yield url


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

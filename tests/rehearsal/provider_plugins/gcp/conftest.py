"""The Google Cloud plugin, before an emulated Google Cloud that is served here."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from rehearsal.emulators.gcp.cloud import GcpCloud, GcpSettings
from rehearsal.emulators.judgements import Judgements
from rehearsal.emulators.tokens import ClusterTokens
from rehearsal.provider_plugins.gcp.package import PACKAGE
from tests.rehearsal.provider_plugins.driver import Plugin, plugin_of

PROJECT, NUMBER, POOL = "example-mendix", "123456789012", "example-mendix.svc.id.goog"


class NoPods:
    """A cluster without pods: nobody asks the metadata server here."""

    async def pod_at(self, address: str) -> None:
        return None

    async def service_account(self, namespace: str, name: str) -> None:
        return None

    async def service_account_token(self, pod: object, audience: str) -> str:
        raise AssertionError("nobody asks")


@pytest.fixture
def google(tmp_path: Path) -> Iterator[tuple[GcpCloud, str]]:
    """An emulator and its URL."""
    settings = GcpSettings(POOL, NUMBER, "n@p.iam.gserviceaccount.com", {}, service_account_quota=2)
    tokens = ClusterTokens("https://kubernetes.default", settings.cluster, dict)
    cloud = GcpCloud(settings, tokens, NoPods(), tmp_path, propagation=0, judgements=Judgements())
    server = uvicorn.Server(uvicorn.Config(cloud.api, host="127.0.0.1", port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield cloud, f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(5)


@pytest.fixture
def plugin(google: tuple[GcpCloud, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Plugin]:
    monkeypatch.setenv("REHEARSAL_GCP_ENDPOINT", google[1])
    with plugin_of(PACKAGE, project=PROJECT, region="europe-west4") as made:
        yield made


@pytest.fixture
def plugin_without_cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Plugin]:
    monkeypatch.delenv("REHEARSAL_GCP_ENDPOINT", raising=False)
    with plugin_of(PACKAGE) as made:
        yield made

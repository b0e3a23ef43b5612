"""The Azure Native plugin, before an emulated Azure that is served here."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn

from rehearsal.emulators.azure.cloud import AzureCloud, AzureSettings
from rehearsal.emulators.azure.operator import OPERATOR_TOKEN
from rehearsal.emulators.judgements import Judgements
from rehearsal.emulators.tokens import ClusterTokens
from rehearsal.provider_plugins.azure_native.package import PACKAGE
from tests.rehearsal.provider_plugins.driver import Plugin, plugin_of

SUBSCRIPTION, TENANT = "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-mendix"


@pytest.fixture
def azure(tmp_path: Path) -> Iterator[tuple[AzureCloud, str]]:
    """An emulator with a resource group, and its URL."""
    settings = AzureSettings(TENANT, "login.microsoftonline.com", "management.azure.com", "azurecr.io", ())
    tokens = ClusterTokens("https://kubernetes.default", "https://issuer.example.com/", dict)
    cloud = AzureCloud(settings, tokens, tmp_path, propagation=0, judgements=Judgements())
    server = uvicorn.Server(uvicorn.Config(cloud.api, host="127.0.0.1", port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    httpx.put(
        f"{url}{GROUP}",
        params={"api-version": "2024-03-01"},
        json={"location": "westeurope"},
        headers={"authorization": f"Bearer {OPERATOR_TOKEN}"},
        trust_env=False,
    ).raise_for_status()
    yield cloud, url
    server.should_exit = True
    thread.join(5)


@pytest.fixture
def plugin(azure: tuple[AzureCloud, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Plugin]:
    monkeypatch.setenv("REHEARSAL_AZURE_ENDPOINT", azure[1])
    with plugin_of(PACKAGE, subscriptionId=SUBSCRIPTION) as made:
        yield made


@pytest.fixture
def plugin_without_cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Plugin]:
    monkeypatch.delenv("REHEARSAL_AZURE_ENDPOINT", raising=False)
    with plugin_of(PACKAGE, subscriptionId=SUBSCRIPTION) as made:
        yield made

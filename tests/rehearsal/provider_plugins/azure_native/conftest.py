"""The Azure Native plugin, before an emulated Azure that is served here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from rehearsal.emulators.azure.cloud import AzureCloud, AzureSettings
from rehearsal.emulators.azure.operator import OPERATOR_TOKEN
from rehearsal.emulators.decisions import DecisionLog
from rehearsal.emulators.tokens import ClusterTokens
from rehearsal.provider_plugins.azure_native.package import PACKAGE
from tests.rehearsal.provider_plugins.driver import Plugin, plugin_of
from tests.rehearsal.serving import serving

SUBSCRIPTION, TENANT = "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-mendix"


@pytest.fixture
def azure(tmp_path: Path) -> Iterator[tuple[AzureCloud, str]]:
    """An emulator with a resource group, and its URL."""
    settings = AzureSettings(TENANT, "login.microsoftonline.com", "management.azure.com", "azurecr.io", ())
    tokens = ClusterTokens("https://kubernetes.default", "https://issuer.example.com/", dict)
    cloud = AzureCloud(settings, tokens, tmp_path, propagation=0, decisions=DecisionLog())
    with serving(cloud.api) as url:
        httpx.put(
            f"{url}{GROUP}",
            params={"api-version": "2024-03-01"},
            json={"location": "westeurope"},
            headers={"authorization": f"Bearer {OPERATOR_TOKEN}"},
            trust_env=False,
        ).raise_for_status()
        yield cloud, url


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

"""The Google Cloud plugin, before an emulated Google Cloud that is served here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rehearsal.emulators.decisions import DecisionLog
from rehearsal.emulators.gcp.cloud import GcpCloud, GcpSettings
from rehearsal.emulators.tokens import ClusterTokens
from rehearsal.provider_plugins.gcp.package import PACKAGE
from tests.rehearsal.provider_plugins.driver import Plugin, plugin_of
from tests.rehearsal.serving import serving

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
    cloud = GcpCloud(settings, tokens, NoPods(), tmp_path, propagation=0, decisions=DecisionLog())
    with serving(cloud.api) as url:
        yield cloud, url


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

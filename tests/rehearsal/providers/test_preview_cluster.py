"""Previews: a dry run by the API server itself, and what is shown where it cannot be asked."""

from __future__ import annotations

from typing import Any

import pytest

from rehearsal.providers.kubernetes.properties import UNKNOWN
from tests.rehearsal.providers.api_server import config_map, config_maps
from tests.rehearsal.providers.driver import refused

pytestmark = pytest.mark.cluster

CONFIG_MAP = "kubernetes:core/v1:ConfigMap"


def test_a_preview_writes_nothing_and_knows_what_it_cannot_know(plugin: Any, api_server: Any, namespace: str) -> None:
    shown = plugin.create(CONFIG_MAP, config_map(namespace, "previewed", a="1"), preview=True)
    assert shown.id == "" and shown.state["data"] == {"a": "1"}
    for name in ("uid", "resourceVersion", "creationTimestamp", "generation"):
        assert shown.state["metadata"][name] is UNKNOWN, name
    assert api_server.get(config_maps(namespace, "previewed")) is None
    service = {
        "metadata": {"name": "s", "namespace": namespace},
        "spec": {"ports": [{"port": 80}], "selector": {"a": "b"}},
    }
    spec = plugin.create("kubernetes:core/v1:Service", service, preview=True).state["spec"]
    assert spec["clusterIP"] is UNKNOWN and spec["type"] == "ClusterIP", "defaults are the API server's own"


def test_a_preview_goes_without_a_dry_run_where_the_update_makes_what_it_needs(plugin: Any) -> None:
    missing = plugin.create(CONFIG_MAP, config_map("not-there-yet", "x", a=UNKNOWN), preview=True)
    assert missing.state["data"] == {"a": UNKNOWN}
    plugin.create(CONFIG_MAP, config_map("not-there-yet", "x", a="1"), preview=True)
    custom = {"apiVersion": "later.example/v1", "kind": "Later", "metadata": {"name": "x", "namespace": "default"}}
    plugin.create("kubernetes:later.example/v1:Later", custom, preview=True)


def test_a_preview_fails_where_the_api_server_would_refuse(plugin: Any, namespace: str) -> None:
    bad = {"metadata": {"name": "s", "namespace": namespace}, "spec": {"ports": [{"port": 99999}]}}
    error = refused(lambda: plugin.create("kubernetes:core/v1:Service", bad, preview=True))
    assert "spec.ports[0].port" in error.message and "finds it invalid" in error.message

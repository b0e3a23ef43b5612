"""Read: what has drifted is shown, what has not is left as the program wrote it."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from rehearsal.providers.kubernetes.properties import Secret
from tests.rehearsal.providers.api_server import config_map, config_maps

pytestmark = pytest.mark.cluster

CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
SECRET = "kubernetes:core/v1:Secret"
CANARY = "canary-7f3a-do-not-show"


def test_a_refresh_keeps_the_programs_spelling_and_shows_drift(plugin: Any, api_server: Any, namespace: str) -> None:
    inputs = {
        "apiVersion": "v1",
        "kind": "LimitRange",
        "metadata": {"name": "limits", "namespace": namespace},
        "spec": {"limits": [{"type": "Container", "default": {"memory": "0.5Gi", "cpu": "1000m"}}]},
    }
    token = "kubernetes:core/v1:LimitRange"
    made = plugin.create(token, inputs)
    assert made.state["spec"]["limits"][0]["default"] == {"memory": "512Mi", "cpu": "1"}, "the API server's spelling"
    assert plugin.read(token, made.id, made).inputs == made.inputs

    patch = {"spec": {"limits": [{"type": "Container", "default": {"memory": "1Gi", "cpu": "1"}}]}}
    api_server.merge(f"/api/v1/namespaces/{namespace}/limitranges/limits", patch)
    drifted = plugin.read(token, made.id, made)
    assert drifted.inputs["spec"]["limits"][0]["default"] == {"memory": "1Gi", "cpu": "1000m"}
    changes = plugin.diff(token, drifted, made.inputs)
    assert list(changes.detailedDiff) == ["spec.limits[0].default.memory"]


def test_a_refresh_of_a_secret_keeps_string_data_secret(plugin: Any, api_server: Any, namespace: str) -> None:
    inputs = {
        "kind": "Secret",
        "metadata": {"name": "s", "namespace": namespace},
        "stringData": {"a": CANARY, "b": "x"},
    }
    made = plugin.create(SECRET, inputs)
    assert isinstance(made.state["data"], Secret) and isinstance(made.inputs["stringData"], Secret)
    assert plugin.read(SECRET, made.id, made).inputs == made.inputs
    value = base64.b64encode(b"other").decode()
    api_server.merge(f"/api/v1/namespaces/{namespace}/secrets/s", {"data": {"b": value}})
    drifted = plugin.read(SECRET, made.id, made)
    assert drifted.inputs["stringData"] == Secret({"a": CANARY, "b": "other"})


def test_import_gives_inputs_that_do_not_differ(plugin: Any, api_server: Any, namespace: str) -> None:
    api_server.post(config_maps(namespace), config_map(namespace, "old", a="1"))
    found = plugin.read(CONFIG_MAP, f"{namespace}/old")
    assert found.inputs == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "old", "namespace": namespace},
        "data": {"a": "1"},
    }
    checked = plugin.checked(CONFIG_MAP, config_map(namespace, "old", a="1"), found.inputs)
    assert not plugin.diff(CONFIG_MAP, found, checked).detailedDiff
    assert plugin.read(CONFIG_MAP, f"{namespace}/none").id == ""

"""What the API server or the provider refuses, in words that say what to do."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from rehearsal.providers.kubernetes.properties import Secret
from tests.rehearsal.providers.api_server import config_map
from tests.rehearsal.providers.driver import refused

pytestmark = pytest.mark.cluster

CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
SECRET = "kubernetes:core/v1:Secret"
CANARY = "canary-7f3a-do-not-show"


def test_a_kind_that_does_not_exist_is_told_with_what_does(plugin: Any, namespace: str) -> None:
    wrong = {"apiVersion": "batch/v1", "kind": "Jobs", "metadata": {"name": "x", "namespace": namespace}}
    error = refused(lambda: plugin.create("kubernetes:batch/v1:Jobs", wrong))
    assert "no kind 'Jobs'" in error.message and "Job" in error.message
    old = {"apiVersion": "batch/v1beta1", "kind": "CronJob", "metadata": {"name": "x", "namespace": namespace}}
    error = refused(lambda: plugin.create("kubernetes:batch/v1beta1:CronJob", old))
    assert "batch/v1" in error.message


def test_a_missing_namespace_is_told_with_a_remedy(plugin: Any) -> None:
    error = refused(lambda: plugin.create(CONFIG_MAP, config_map("no-such-namespace", "x", a="1")))
    assert "'no-such-namespace' does not exist" in error.message and "depend" in error.message


def test_secrets_in_what_the_api_server_quotes_are_masked(plugin: Any, namespace: str) -> None:
    inputs = {
        "metadata": {"name": "x", "namespace": namespace, "labels": {"bad": Secret(f"{CANARY} with spaces")}},
        "stringData": {"a": "b"},
    }
    error = refused(lambda: plugin.create(SECRET, inputs))
    assert "metadata.labels" in error.message and CANARY not in error.message and "[secret]" in error.message
    assert not any(CANARY in text for text in plugin.engine.texts())


def test_a_field_that_does_not_exist_is_named(plugin: Any, namespace: str) -> None:
    inputs = config_map(namespace, "typo", a="1") | {"dtaa": {"a": "1"}}
    error = refused(lambda: plugin.create(CONFIG_MAP, inputs))
    assert ".dtaa" in error.message and "spelling" in error.message


def test_deprecations_reach_the_engine_unless_suppressed(own_plugin: Any, namespace: str) -> None:
    token = "kubernetes:core/v1:Endpoints"
    own_plugin.create(token, {"metadata": {"name": "a", "namespace": namespace}})
    assert any("Endpoints is deprecated" in text for text in own_plugin.engine.texts(ephemeral=False))
    own_plugin.engine.messages.clear()
    own_plugin.configure(suppressDeprecationWarnings="true")
    own_plugin.create(token, {"metadata": {"name": "b", "namespace": namespace}}, name="b")
    assert not own_plugin.engine.texts(ephemeral=False)


@pytest.mark.parametrize("method", ["Invoke", "Call", "Construct"])
def test_what_is_not_supported_says_what_to_use_instead(plugin: Any, method: str) -> None:
    from pulumi.runtime.proto import provider_pb2

    request = {
        "Invoke": provider_pb2.InvokeRequest(tok="kubernetes:yaml:decode"),
        "Call": provider_pb2.CallRequest(tok="kubernetes:x:y"),
        "Construct": provider_pb2.ConstructRequest(type="kubernetes:helm.sh/v4:Chart"),
    }[method]
    error = refused(lambda: plugin.call(method, request))
    assert error.code == grpc.StatusCode.UNIMPLEMENTED and "kubernetes:" in error.message and "core.v1" in error.message

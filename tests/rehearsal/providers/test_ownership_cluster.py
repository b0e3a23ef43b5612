"""Whose object, whose field: nothing of somebody else's is taken, changed or deleted unasked."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rehearsal.providers.api_server import config_map, config_maps, service_account
from tests.rehearsal.providers.driver import refused

pytestmark = pytest.mark.cluster

CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
ACCOUNT_PATCH = "kubernetes:core/v1:ServiceAccountPatch"


def test_nobody_elses_object_is_adopted(plugin: Any, api_server: Any, namespace: str) -> None:
    api_server.post(config_maps(namespace), config_map(namespace, "theirs", a="theirs"))
    error = refused(lambda: plugin.create(CONFIG_MAP, config_map(namespace, "theirs", b="ours")))
    assert "already exists" in error.message and "somebody-else" in error.message and "import" in error.message
    assert error.partial is None
    assert api_server.get(config_maps(namespace, "theirs"))["data"] == {"a": "theirs"}
    other = refused(lambda: plugin.create(CONFIG_MAP, config_map(namespace, "theirs", b="ours"), name="other"))
    assert "already exists" in other.message


def test_upsert_takes_over_on_request(own_plugin: Any, api_server: Any, namespace: str) -> None:
    api_server.post(config_maps(namespace), config_map(namespace, "theirs", a="theirs"))
    own_plugin.configure(upsertExistingObjects=True)
    own_plugin.create(CONFIG_MAP, config_map(namespace, "theirs", b="ours"))
    assert api_server.get(config_maps(namespace, "theirs"))["data"] == {"a": "theirs", "b": "ours"}


def test_a_patch_owns_only_its_fields_and_gives_them_back(plugin: Any, api_server: Any, namespace: str) -> None:
    theirs = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "theirs", "labels": {"kept": "yes"}},
    }
    api_server.apply(service_account(namespace, "theirs"), theirs, "kubectl")
    patch = {
        "metadata": {"name": "theirs", "namespace": namespace, "annotations": {"ours": "1"}},
        "imagePullSecrets": [{"name": "pull"}],
    }
    made = plugin.create(ACCOUNT_PATCH, patch)
    live = api_server.get(service_account(namespace, "theirs"))
    assert live["metadata"]["annotations"]["ours"] == "1" and live["imagePullSecrets"] == [{"name": "pull"}]
    managers = {entry["manager"]: entry["fieldsV1"] for entry in live["metadata"]["managedFields"]}
    assert set(managers[made.state["__fieldManager"]]) == {"f:metadata", "f:imagePullSecrets"}

    plugin.delete(ACCOUNT_PATCH, made)
    live = api_server.get(service_account(namespace, "theirs"))
    assert "imagePullSecrets" not in live and live["metadata"]["labels"] == {"kept": "yes"}
    api_server.delete(service_account(namespace, "theirs"))
    plugin.delete(ACCOUNT_PATCH, made)
    assert api_server.get(service_account(namespace, "theirs")) is None


def test_a_conflict_names_field_owner_and_remedy(plugin: Any, api_server: Any, namespace: str) -> None:
    theirs = config_map(namespace, "shared", a="theirs")
    api_server.apply(config_maps(namespace, "shared"), theirs, "installer")
    token = "kubernetes:core/v1:ConfigMapPatch"
    error = refused(lambda: plugin.create(token, config_map(namespace, "shared", a="ours")))
    for word in ("data.a", "'installer'", "pulumi.com/patchForce"):
        assert word in error.message
    preview = refused(lambda: plugin.create(token, config_map(namespace, "shared", a="ours"), preview=True))
    assert "'installer'" in preview.message
    forced = config_map(namespace, "shared", a="ours")
    forced["metadata"]["annotations"] = {"pulumi.com/patchForce": "true"}
    plugin.create(token, forced)
    assert api_server.get(config_maps(namespace, "shared"))["data"]["a"] == "ours"


def test_ignored_changes_stay_as_others_set_them(plugin: Any, api_server: Any, namespace: str) -> None:
    made = plugin.create(CONFIG_MAP, config_map(namespace, "tuned", a="1", b="1"))
    theirs = config_map(namespace, "tuned", a="tuned")
    api_server.apply(config_maps(namespace, "tuned"), theirs, "tuner", force=True)
    plugin.update(CONFIG_MAP, made, config_map(namespace, "tuned", a="1", b="2"), ignore=["data.a"])
    assert api_server.get(config_maps(namespace, "tuned"))["data"] == {"a": "tuned", "b": "2"}


def test_two_patches_of_one_object_do_not_see_each_other_as_drift(plugin: Any, api_server: Any, namespace: str) -> None:
    """The link to ServiceAccount default is two patches of it; a drift check after every up that changes the second
    would fail for the first."""
    target = {"metadata": {"name": "shared", "namespace": namespace}}
    api_server.post(service_account(namespace), {"apiVersion": "v1", "kind": "ServiceAccount", **target})
    first = plugin.create(ACCOUNT_PATCH, target, name="found")
    second = plugin.create(ACCOUNT_PATCH, {**target, "imagePullSecrets": [{"name": "pull"}]}, name="link")
    for name, made in (("found", first), ("link", second)):
        seen = plugin.read(ACCOUNT_PATCH, made.id, made, name)
        assert seen.state["imagePullSecrets"] == [{"name": "pull"}], "outputs are the live object"
        assert seen.inputs == made.inputs
        assert not plugin.diff(ACCOUNT_PATCH, seen, made.inputs, name).detailedDiff
    api_server.apply(
        service_account(namespace, "shared"),
        {"apiVersion": "v1", "kind": "ServiceAccount", **target, "imagePullSecrets": [{"name": "theirs"}]},
        "installer",
        force=True,
    )
    drifted = plugin.read(ACCOUNT_PATCH, second.id, second, "link")
    assert list(plugin.diff(ACCOUNT_PATCH, drifted, second.inputs, "link").detailedDiff) == ["imagePullSecrets[0].name"]
    assert plugin.read(ACCOUNT_PATCH, first.id, first, "found").inputs == first.inputs


def test_a_patch_that_has_nothing_to_patch_makes_the_object_and_leaves_it(
    plugin: Any, api_server: Any, namespace: str
) -> None:
    token = "kubernetes:core/v1:ConfigMapPatch"
    made = plugin.create(token, config_map(namespace, "new", a="1"))
    assert any("does not exist yet" in text for text in plugin.engine.texts(ephemeral=False))
    plugin.delete(token, made)
    live = api_server.get(config_maps(namespace, "new"))
    assert live is not None and not live.get("data")

"""The plugin as a process against a real API server: the life of an object, as another client sees it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.rehearsal.providers.api_server import config_map, config_maps
from tests.rehearsal.providers.driver import refused

pytestmark = pytest.mark.cluster

CONFIG_MAP = "kubernetes:core/v1:ConfigMap"


def test_an_object_lives_from_create_to_delete(plugin: Any, api_server: Any, namespace: str) -> None:
    made = plugin.create(CONFIG_MAP, config_map(namespace, a="1"))
    name = made.id.split("/")[1]
    live = api_server.get(config_maps(namespace, name))
    assert live["data"] == {"a": "1"} and made.state["metadata"]["uid"] == live["metadata"]["uid"]
    [owner] = live["metadata"]["managedFields"]
    assert (owner["manager"], owner["operation"]) == (made.state["__fieldManager"], "Apply")
    assert "managedFields" not in made.state["metadata"]

    changed = plugin.update(CONFIG_MAP, made, config_map(namespace, a="2", b="3"))
    assert api_server.get(config_maps(namespace, name))["data"] == {"a": "2", "b": "3"}
    fewer = plugin.update(CONFIG_MAP, changed, config_map(namespace, b="3"))
    assert api_server.get(config_maps(namespace, name))["data"] == {"b": "3"}, "server-side apply removes what it owned"

    plugin.delete(CONFIG_MAP, fewer)
    assert api_server.get(config_maps(namespace, name)) is None
    plugin.delete(CONFIG_MAP, fewer)  # a second time it is gone already
    assert plugin.read(CONFIG_MAP, fewer.id, fewer).id == ""


def test_creating_again_after_a_crash_goes_on_with_the_object(plugin: Any, api_server: Any, namespace: str) -> None:
    first = plugin.create(CONFIG_MAP, config_map(namespace, "same", a="1"))
    again = plugin.create(CONFIG_MAP, config_map(namespace, "same", a="2"))
    assert again.state["metadata"]["uid"] == first.state["metadata"]["uid"]
    assert api_server.get(config_maps(namespace, "same"))["data"] == {"a": "2"}


def test_an_update_makes_anew_what_somebody_deleted(plugin: Any, api_server: Any, namespace: str) -> None:
    made = plugin.create(CONFIG_MAP, config_map(namespace, "gone", a="1"))
    api_server.delete(config_maps(namespace, "gone"))
    plugin.update(CONFIG_MAP, made, config_map(namespace, "gone", a="2"))
    assert api_server.get(config_maps(namespace, "gone"))["data"] == {"a": "2"}


def test_an_object_of_the_same_name_that_others_made_is_not_deleted(
    plugin: Any, api_server: Any, namespace: str
) -> None:
    made = plugin.create(CONFIG_MAP, config_map(namespace, "swap", a="1"))
    api_server.delete(config_maps(namespace, "swap"))
    api_server.post(config_maps(namespace), config_map(namespace, "swap", a="theirs"))
    plugin.delete(CONFIG_MAP, made)
    assert api_server.get(config_maps(namespace, "swap"))["data"] == {"a": "theirs"}
    assert any("left as it is" in text for text in plugin.engine.texts(ephemeral=False))


def test_a_deletion_that_is_held_up_names_the_finalizer(plugin: Any, api_server: Any, namespace: str) -> None:
    inputs = config_map(namespace, "held", a="1")
    inputs["metadata"]["finalizers"] = ["example.com/hold"]
    made = plugin.create(CONFIG_MAP, inputs)
    error = refused(lambda: plugin.delete(CONFIG_MAP, made, timeout=2))
    assert "example.com/hold" in error.message and "within 2 s" in error.message
    # Creating it anew waits for the old one, as in a replacement after an interrupted deletion.
    with ThreadPoolExecutor(1) as pool:
        anew = pool.submit(plugin.create, CONFIG_MAP, config_map(namespace, "held", a="2"))
        time.sleep(1)
        api_server.merge(config_maps(namespace, "held"), {"metadata": {"finalizers": None}})
        assert anew.result(30).state["metadata"]["uid"] != made.state["metadata"]["uid"]


def test_the_contexts_namespace_is_the_default_one(own_plugin: Any, api_server: Any, namespace: str) -> None:
    own_plugin.configure(namespace=namespace)
    checked = own_plugin.checked(CONFIG_MAP, {"metadata": {"name": "x"}})
    assert checked["metadata"]["namespace"] == namespace
    scoped = own_plugin.checked("kubernetes:rbac.authorization.k8s.io/v1:ClusterRole", {"metadata": {"name": "x"}})
    assert "namespace" not in scoped["metadata"]


def test_a_big_object(plugin: Any, api_server: Any, namespace: str) -> None:
    text = "x" * 900_000
    made = plugin.create(CONFIG_MAP, config_map(namespace, "big", a=text))
    assert made.state["data"]["a"] == text
    error = refused(lambda: plugin.create(CONFIG_MAP, config_map(namespace, "bigger", a=text * 2), name="b"))
    assert "too big" in error.message


def test_many_at_once_are_made_at_once(plugin: Any, api_server: Any, namespace: str) -> None:
    with ThreadPoolExecutor(16) as pool:
        made = list(
            pool.map(
                lambda i: plugin.create(CONFIG_MAP, config_map(namespace, f"m{i}", a=str(i)), name=f"m{i}"), range(64)
            )
        )
    assert len({item.id for item in made}) == 64
    assert len(api_server.get(config_maps(namespace))["items"]) >= 64

"""Kinds that the API server learns from a CustomResourceDefinition."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rehearsal.providers.driver import refused

pytestmark = pytest.mark.cluster

DEFINITION = "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition"


def definition(group: str) -> dict[str, Any]:
    schema = {"type": "object", "x_kubernetes_preserve_unknown_fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"things.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": "things", "singular": "thing", "kind": "Thing"},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                    "subresources": {"status": {}},
                }
            ],
        },
    }


def test_a_custom_resource_right_after_its_definition(plugin: Any, api_server: Any, namespace: str) -> None:
    group = f"{namespace}.example"
    token = f"kubernetes:{group}/v1:Thing"
    path = f"/apis/{group}/v1/namespaces/{namespace}/things/t"
    thing = {
        "apiVersion": f"{group}/v1",
        "kind": "Thing",
        "metadata": {"name": "t", "namespace": namespace},
        "spec": {"a": 1},
    }
    plugin.create(token, thing, preview=True)  # asks discovery before the definition exists
    made_definition = plugin.create(DEFINITION, definition(group), name="definition")
    made = plugin.create(token, thing)
    assert api_server.get(path)["spec"] == {"a": 1}
    waiting = {
        **thing,
        "metadata": {"name": "w", "namespace": namespace, "annotations": {"pulumi.com/waitFor": "condition=Ready"}},
    }
    error = refused(lambda: plugin.create(token, waiting, name="w", timeout=2))
    assert error.partial.id == f"{namespace}/w" and "not reported yet" in error.message
    api_server.merge(f"{path}/status", {"status": {"phase": "Running"}})
    thing["metadata"]["annotations"] = {"pulumi.com/waitFor": "jsonpath={.status.phase}=Running"}
    made = plugin.update(token, made, thing, timeout=20)
    plugin.delete(DEFINITION, made_definition, name="definition")
    plugin.delete(token, made)  # went with its definition
    assert plugin.read(token, made.id, made).id == ""


def test_a_patch_of_a_custom_resource_sets_its_fields_only_and_gives_them_back(
    plugin: Any, api_server: Any, namespace: str
) -> None:
    """OperatorConfiguration belongs to the Mendix operator's installer; what it set must survive up and destroy."""
    group = f"{namespace}.example"
    token = f"kubernetes:{group}/v1:ThingPatch"
    path = f"/apis/{group}/v1/namespaces/{namespace}/things"
    made_definition = plugin.create(DEFINITION, definition(group), name="definition")
    theirs = {"apiVersion": f"{group}/v1", "kind": "Thing", "metadata": {"name": "t", "namespace": namespace}}
    api_server.apply(f"{path}/t", {**theirs, "spec": {"kept": "theirs", "shared": "theirs"}}, "installer")

    error = refused(lambda: plugin.create(token, {**theirs, "spec": {"shared": "ours"}}))
    assert "spec.shared" in error.message and "'installer'" in error.message
    made = plugin.create(token, {**theirs, "spec": {"ours": 1}})
    assert api_server.get(f"{path}/t")["spec"] == {"kept": "theirs", "shared": "theirs", "ours": 1}
    changed = plugin.update(token, made, {**theirs, "spec": {"ours": 2}})
    api_server.merge(f"{path}/t", {"spec": {"kept": "changed"}})
    seen = plugin.read(token, changed.id, changed)
    assert seen.inputs == changed.inputs, "what others change is no drift of ours"
    api_server.merge(f"{path}/t", {"spec": {"ours": 3}})
    drifted = plugin.read(token, changed.id, changed)
    assert list(plugin.diff(token, drifted, changed.inputs).detailedDiff) == ["spec.ours"]
    again = plugin.update(token, drifted, {**theirs, "metadata": forced(theirs), "spec": {"ours": 2}})
    plugin.delete(token, again)
    assert api_server.get(f"{path}/t")["spec"]["kept"] == "changed"
    plugin.delete(DEFINITION, made_definition, name="definition")


def forced(document: dict[str, Any]) -> dict[str, Any]:
    return {**document["metadata"], "annotations": {"pulumi.com/patchForce": "true"}}

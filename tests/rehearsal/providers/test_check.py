"""Checked inputs: names, namespaces, secrets, and what is refused before anything is planned."""

from __future__ import annotations

from typing import Any

import pytest

from rehearsal.providers.kubernetes.check import Checked, check
from rehearsal.providers.kubernetes.checkpoint import desired_object, field_manager, outputs_of
from rehearsal.providers.kubernetes.kinds import parse_token
from rehearsal.providers.kubernetes.naming import Autonaming, NamingMode
from rehearsal.providers.kubernetes.properties import UNKNOWN, Secret, plain


async def run(token: str, inputs: Any, old: Any = None, autonaming: Autonaming = Autonaming()) -> Checked:  # noqa: B008
    return await check(None, parse_token(token), "res", inputs, old or {}, b"seed", autonaming)


async def test_an_automatic_name_is_kept_for_the_life_of_the_object() -> None:
    first = await run("kubernetes:core/v1:ConfigMap", {})
    name = first.inputs["metadata"]["name"]
    assert name.startswith("res-") and len(name) == len("res-") + 8
    assert first.inputs["metadata"]["annotations"]["pulumi.com/autonamed"] == "true"
    again = await check(
        None, parse_token("kubernetes:core/v1:ConfigMap"), "res", {}, first.inputs, b"other", Autonaming()
    )
    assert again.inputs == first.inputs
    replaced = await check(None, parse_token("kubernetes:core/v1:ConfigMap"), "res", {}, {}, b"other", Autonaming())
    assert replaced.inputs["metadata"]["name"] != name


async def test_a_given_name_is_left_alone_even_if_not_known_yet() -> None:
    for given in ("mine", UNKNOWN, Secret("mine")):
        result = await run("kubernetes:core/v1:ConfigMap", {"metadata": {"name": given}})
        assert result.inputs["metadata"] == {"name": given} and not result.failures
    unknown = await run("kubernetes:core/v1:ConfigMap", {"metadata": UNKNOWN})
    assert unknown.inputs["metadata"] is UNKNOWN


async def test_the_stacks_naming_policy() -> None:
    proposed = await run("kubernetes:core/v1:ConfigMap", {}, autonaming=Autonaming(NamingMode.ENFORCE, "as-proposed"))
    assert proposed.inputs["metadata"]["name"] == "as-proposed"
    disabled = await run("kubernetes:core/v1:ConfigMap", {}, autonaming=Autonaming(NamingMode.DISABLE))
    assert disabled.failures[0].property == "metadata.name"


@pytest.mark.parametrize(
    ("token", "inputs", "path", "words"),
    [
        ("core/v1:ConfigMap", {"metadata": {"name": "My_Map"}}, "metadata.name", "lower-case"),
        ("core/v1:Namespace", {"metadata": {"name": "a.b"}}, "metadata.name", "at most 63"),
        ("core/v1:ConfigMap", {"metadata": {"generateName": "x-"}}, "metadata.generateName", "server-side apply"),
        ("core/v1:ServiceAccountPatch", {"metadata": {}}, "metadata.name", "must name the object"),
        ("core/v1:ServiceAccountPatch", {}, "metadata.name", "must name the object"),
        ("core/v1:Secret", {"data": {"a": Secret("not base64!")}}, 'data["a"]', "stringData"),
        ("core/v1:ConfigMap", {"kind": "Secret"}, "kind", "does not fit"),
        ("batch/v1:Job", {"apiVersion": "batch/v2"}, "apiVersion", "does not fit"),
    ],
)
async def test_what_cannot_be_right_is_told_by_its_path(token: str, inputs: Any, path: str, words: str) -> None:
    result = await run(f"kubernetes:{token}", inputs)
    assert [item.property for item in result.failures] == [path]
    assert words in result.failures[0].reason and "not base64!" not in result.failures[0].reason


async def test_rbac_names_follow_their_own_rule() -> None:
    result = await run("kubernetes:rbac.authorization.k8s.io/v1:Role", {"metadata": {"name": "system:image-builder"}})
    assert not result.failures


async def test_secret_data_is_always_secret() -> None:
    result = await run("kubernetes:core/v1:Secret", {"kind": "Secret", "stringData": {"a": "b"}, "data": {"c": "ZA=="}})
    assert isinstance(result.inputs["stringData"], Secret) and isinstance(result.inputs["data"], Secret)


async def test_the_servers_own_fields_are_not_inputs() -> None:
    given = {"metadata": {"name": "a", "uid": "1", "resourceVersion": "2", "managedFields": []}}
    result = await run("kubernetes:core/v1:ConfigMap", given)
    assert result.inputs["metadata"] == {"name": "a"}


def test_state_marks_what_inputs_marked() -> None:
    inputs = {
        "kind": "Thing",
        "spec": {"password": Secret("p"), "items": [{"x": Secret("y")}], "open": "o"},
        "metadata": {"name": "n"},
    }
    live = {
        "apiVersion": "v1",
        "kind": "Thing",
        "metadata": {"name": "n", "uid": "u", "managedFields": [{}]},
        "spec": {"password": "p", "items": [{"x": "y"}], "open": "o", "added": 1},
    }
    state = outputs_of(live, inputs, "me")
    assert state["spec"] == {"password": Secret("p"), "items": Secret([{"x": "y"}]), "open": "o", "added": 1}
    assert state["metadata"] == {"name": "n", "uid": "u"}
    assert state["__fieldManager"] == "me" and state["__initialApiVersion"] == "v1" and state["__inputs"] == inputs


def test_a_secrets_data_made_from_string_data_is_secret_and_so_is_kubectls_copy() -> None:
    copy = "kubectl.kubernetes.io/last-applied-configuration"
    live = {"kind": "Secret", "metadata": {"annotations": {copy: "{...}"}}, "data": {"a": "Yg=="}}
    state = outputs_of(live, {"kind": "Secret", "stringData": {"a": "b"}}, "me")
    assert state["data"] == Secret({"a": "Yg=="}) and state["metadata"]["annotations"][copy] == Secret("{...}")
    assert state["__inputs"]["stringData"] == Secret({"a": "b"})


def test_what_is_applied_has_no_internal_fields_and_no_wrappers() -> None:
    inputs = {
        "__fieldManager": "m",
        "metadata": {"name": Secret("n"), "uid": "u"},
        "x": {"x_kubernetes_list_type": "map"},
    }
    assert desired_object(inputs) == {"metadata": {"name": "n"}, "x": {"x-kubernetes-list-type": "map"}}


def test_field_managers_are_stable_and_the_states_and_programs_names_win() -> None:
    urn = "urn:pulumi:s::p::kubernetes:core/v1:Secret::a"
    name = field_manager(urn, {}, {})
    assert name == field_manager(urn, {}, {}) != field_manager(urn + "b", {}, {})
    assert name.startswith("pulumi-kubernetes-")
    assert field_manager(urn, {"__fieldManager": "old"}, {}) == "old"
    annotated = {"metadata": {"annotations": {"pulumi.com/patchFieldManager": "chosen"}}}
    assert field_manager(urn, {"__fieldManager": "old"}, annotated) == "chosen"
    assert plain(name) == name

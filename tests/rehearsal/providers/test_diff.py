"""Differences between inputs, and what they do to the resource."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.providers.kubernetes.diff import Change, compare, format_path, must_delete_first, parse_path
from rehearsal.providers.kubernetes.immutable_fields import MutabilityOptions, forces_replacement, immutable_paths
from rehearsal.providers.kubernetes.kinds import Kind
from rehearsal.providers.kubernetes.properties import UNKNOWN, Secret

JOB = Kind("batch", "v1", "Job")
names = st.text(alphabet='abc."[]\\', min_size=1, max_size=4)
trees = st.recursive(
    st.one_of(st.booleans(), st.integers(-3, 3), st.text(max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=3)),
    max_leaves=12,
)
objects = st.dictionaries(names, trees, max_size=4)


def changed(old: Any, new: Any, immutable: tuple[str, ...] = ()) -> dict[str, tuple[Change, bool]]:
    return {change.text: (change.change, change.replaces) for change in compare(old, new, immutable).changes}


@given(objects)
def test_equal_inputs_do_not_differ(value: dict) -> None:
    assert not compare(value, copy.deepcopy(value), ()).changes


@given(objects, objects)
def test_differing_inputs_differ_the_same_way_round(old: dict, new: dict) -> None:
    there, back = changed(old, new), changed(new, old)
    mirrored = {Change.ADD: Change.DELETE, Change.DELETE: Change.ADD, Change.UPDATE: Change.UPDATE}
    assert back == {path: (mirrored[change], replaces) for path, (change, replaces) in there.items()}
    assert bool(there) == (old != new or _only_types_differ(old, new))


def _only_types_differ(old: Any, new: Any) -> bool:
    # Python takes True for 1.
    return repr(old) != repr(new) and old == new


@given(objects)
def test_making_something_secret_changes_nothing(value: dict) -> None:
    assert not compare(value, {name: Secret(item) for name, item in value.items()}, ()).changes


@given(st.lists(st.one_of(names, st.integers(0, 9)), min_size=1, max_size=5))
def test_property_paths_read_as_they_are_written(path: list) -> None:
    assert list(parse_path(format_path(path))) == path


@pytest.mark.parametrize("text", ['a["b', "a[0", 'a["b"'])
def test_a_broken_property_path_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="unclosed"):
        parse_path(text)


def test_kinds_of_change_and_their_paths() -> None:
    old = {"data": {"a.b": "1", "c": "2"}, "list": [1, 2]}
    new = {"data": {"a.b": "9", "d": "3"}, "list": [1]}
    assert changed(old, new) == {
        'data["a.b"]': (Change.UPDATE, False),
        "data.c": (Change.DELETE, False),
        "data.d": (Change.ADD, False),
        "list[1]": (Change.DELETE, False),
    }


def test_a_value_not_known_yet_counts_as_changed() -> None:
    assert changed({"a": 1}, {"a": UNKNOWN, "b": Secret(UNKNOWN)}) == {
        "a": (Change.UPDATE, False),
        "b": (Change.ADD, False),
    }


def test_ignored_paths_do_not_count() -> None:
    old, new = {"spec": {"replicas": 1, "x": [{"y": 1}]}}, {"spec": {"replicas": 2, "x": [{"y": 2}]}}
    assert not compare(old, new, (), ["spec.replicas", "spec.x[*].y"]).changes
    assert compare(old, new, (), ["spec.replicas"]).changes


def job(image: str, **metadata: Any) -> dict[str, Any]:
    return {"metadata": metadata, "spec": {"template": {"spec": {"containers": [{"image": image}]}}, "backoffLimit": 1}}


def test_a_changed_template_replaces_a_job_and_a_fixed_name_deletes_it_first() -> None:
    immutable = immutable_paths(JOB, {})
    named = compare(job("a", name="j"), job("b", name="j"), immutable)
    assert named.replaces == ["spec.template.spec.containers[0].image"] and named.delete_before_replace
    marked = {"annotations": {"pulumi.com/autonamed": "true"}}
    automatic = compare(job("a", name="j-1", **marked), job("b", name="j-1", **marked), immutable)
    assert automatic.replaces and not automatic.delete_before_replace


def test_mutable_fields_update_in_place() -> None:
    old, new = job("a", name="j"), job("a", name="j")
    new["spec"]["backoffLimit"] = 5
    difference = compare(old, new, immutable_paths(JOB, new))
    assert difference.changes and not difference.replaces and not difference.delete_before_replace


def test_another_name_or_namespace_is_another_object() -> None:
    immutable = immutable_paths(Kind("", "v1", "ServiceAccount"), {})
    difference = compare({"metadata": {"name": "a"}}, {"metadata": {"name": "b"}}, immutable)
    assert difference.replaces == ["metadata.name"] and not difference.delete_before_replace
    assert not must_delete_first(
        {"metadata": {"name": "a", "namespace": "x"}}, {"metadata": {"name": "a", "namespace": "y"}}
    )
    assert must_delete_first({"metadata": {"name": "a", "namespace": "default"}}, {"metadata": {"name": "a"}})


def test_replacement_looks_into_what_came_or_went_as_a_whole() -> None:
    assert forces_replacement(("spec",), None, {"template": {}}, ["spec.template"])
    assert forces_replacement(("spec",), {"template": 1}, None, ["spec.template"])
    assert not forces_replacement(("spec",), None, {"backoffLimit": 1}, ["spec.template"])
    assert forces_replacement(("spec",), None, UNKNOWN, ["spec.template"])
    assert not forces_replacement(("specials",), 1, 2, ["spec"])


@pytest.mark.parametrize("kind", ["Secret", "ConfigMap"])
def test_data_is_replaced_unless_the_provider_is_told_to_change_it_in_place(kind: str) -> None:
    subject = Kind("", "v1", kind)
    mutable = MutabilityOptions(config_maps=True, secrets=True)
    assert "data" in immutable_paths(subject, {})
    assert "data" not in immutable_paths(subject, {}, mutability=mutable)
    assert "data" in immutable_paths(subject, {"immutable": True}, mutability=mutable)
    assert ("type" in immutable_paths(subject, {}, mutability=mutable)) == (kind == "Secret")


def test_a_patch_is_replaced_only_for_another_object() -> None:
    assert immutable_paths(JOB, {}, patch=True) == ("metadata.name", "metadata.namespace")

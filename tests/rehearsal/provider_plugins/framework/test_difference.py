"""Differences between inputs, and what they do to the resource."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.provider_plugins.framework.difference import difference, same_name
from rehearsal.provider_plugins.framework.properties import UNKNOWN, Properties, Secret
from rehearsal.provider_plugins.framework.resource import AutomaticName, Created, Input, Live, Resource


class Thing(Resource[None]):
    type = "test:index:Thing"
    inputs: ClassVar[Mapping[str, Input]] = {
        "name": Input(replaces=True),
        "data": Input(),
        "policy": Input(json=True),
        "scopes": Input(unordered=True),
        "region": Input(replaces=True, filled_in=True),
    }
    name = AutomaticName()

    def create(self, inputs: Properties) -> Created:
        raise NotImplementedError

    def read(self, identity: str, state: Properties) -> Live | None:
        raise NotImplementedError

    def delete(self, identity: str, state: Properties) -> None:
        raise NotImplementedError


trees = st.recursive(
    st.one_of(st.booleans(), st.integers(-3, 3), st.text(max_size=3), st.none()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(alphabet="abc.[]", max_size=4), inner, max_size=3)
    ),
    max_leaves=12,
)


def changed(old: Any, new: Any, *ignored: str) -> dict[str, tuple[str, bool]]:
    return {change.path: (change.kind, change.replaces) for change in difference(Thing, old, new, ignored)}


@given(trees)
def test_equal_inputs_do_not_differ(value: Any) -> None:
    assert not changed({"data": value}, {"data": copy.deepcopy(value)})


@given(trees, trees)
def test_differing_inputs_differ_the_same_way_round(old: Any, new: Any) -> None:
    there, back = changed({"data": old}, {"data": new}), changed({"data": new}, {"data": old})
    mirrored = {"ADD": "DELETE", "DELETE": "ADD", "UPDATE": "UPDATE"}
    assert back == {path: (mirrored[kind], replaces) for path, (kind, replaces) in there.items()}


@given(trees)
def test_making_something_secret_changes_nothing(value: Any) -> None:
    assert not changed({"data": value}, {"data": Secret(value)})


def test_kinds_of_change_and_their_paths() -> None:
    old = {"data": {"a.b": "1", "c": "2", "list": [1, 2]}, "name": "x"}
    new = {"data": {"a.b": "9", "d": "3", "list": [1]}, "name": "y"}
    assert changed(old, new) == {
        "name": ("UPDATE", True),
        'data["a.b"]': ("UPDATE", False),
        "data.c": ("DELETE", False),
        "data.list[1]": ("DELETE", False),
        "data.d": ("ADD", False),
    }


def test_true_is_not_one() -> None:
    assert changed({"data": True}, {"data": 1})


def test_a_value_not_known_yet_counts_as_changed() -> None:
    assert changed({"data": {"a": 1}}, {"data": {"a": UNKNOWN, "b": Secret(UNKNOWN)}}) == {
        "data.a": ("UPDATE", False),
        "data.b": ("ADD", False),
    }


@pytest.mark.parametrize("ignored", ["data", "data.a", "data.a[0].b"])
def test_ignored_paths_hide_everything_below_them(ignored: str) -> None:
    old, new = {"data": {"a": [{"b": 1}], "ab": 1}}, {"data": {"a": [{"b": 2}], "ab": 1}}
    assert changed(old, new)
    assert not changed(old, new, ignored)
    assert changed(old, {"data": {**new["data"], "ab": 2}}, "data.a")


def test_json_is_compared_by_what_it_means() -> None:
    one = json.dumps({"Action": ["b", "a"], "Resource": "*"})
    assert not changed({"policy": one}, {"policy": '{"Resource": ["*"],\n "Action": ["a", "b"]}'})
    assert changed({"policy": one}, {"policy": one.replace("*", "x")})


def test_the_order_of_a_set_means_nothing() -> None:
    assert not changed({"scopes": [{"a": 1}, 2]}, {"scopes": [2, {"a": 1}]})
    assert changed({"data": [1, 2]}, {"data": [2, 1]})


def test_values_chosen_by_the_cloud_are_no_difference() -> None:
    assert not changed({"region": "a"}, {})
    assert changed({"region": "a"}, {"region": "b"}) == {"region": ("UPDATE", True)}


def test_equal_names_delete_the_old_resource_first() -> None:
    assert same_name(Thing, {"name": "a"}, {"name": Secret("a")})
    assert not same_name(Thing, {"name": "a"}, {"name": "b"})
    assert not same_name(Thing, {"name": "a"}, {"name": UNKNOWN})
    assert not same_name(Thing, {}, {})

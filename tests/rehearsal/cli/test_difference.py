"""Property paths and the comparison of values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.cli.difference import ABSENT, Change, Key, compare, parse_path


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("spec", ["spec"]),
        ("spec.template.spec", ["spec", "template", "spec"]),
        ("containers[0].env[12]", ["containers", 0, "env", 12]),
        ('labels["app.kubernetes.io/name"]', ["labels", "app.kubernetes.io/name"]),
        ('["a.b"].c', ["a.b", "c"]),
        (r'data["say \"hi\""]', ["data", 'say "hi"']),
        ("", []),
    ],
)
def test_paths(path: str, parts: list[Key]) -> None:
    assert parse_path(path) == parts


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=12,
)


def _apply(value: object, change: Change) -> object:
    """The new value, rebuilt from the old one and what the change says."""
    if not change.members:
        return change.new
    if isinstance(value, list):
        items = [_apply_member(value, index, change) for index in range(max(len(value), *change.members) + 1)]
        return [item for item in items if item is not ABSENT]
    assert isinstance(value, dict)
    keys = [*value, *(key for key in change.members if key not in value)]
    members = {key: _apply_member(value, key, change) for key in keys}
    return {key: member for key, member in members.items() if member is not ABSENT}


def _apply_member(value: list[object] | dict[Key, object], key: Key, change: Change) -> object:
    try:
        before = value[key]  # type: ignore[index,call-overload]
    except (IndexError, KeyError):
        before = ABSENT
    return _apply(before, change.members[key]) if key in change.members else before


@given(VALUES, VALUES)
def test_the_change_turns_the_old_value_into_the_new(old: object, new: object) -> None:
    change = compare(old, new)
    if change is None:
        assert old == new
    else:
        assert _apply(old, change) == new


@given(VALUES)
def test_a_value_does_not_differ_from_itself(value: object) -> None:
    assert compare(value, value) is None

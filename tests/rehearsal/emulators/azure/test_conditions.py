"""Conditions of role assignments: those that the components write mean what they are meant to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mendix_registry.kinds.microsoft_acr.roles import WRITER_ACTIONS, repository_condition
from rehearsal.emulators.azure.conditions import REPOSITORY_NAME, Asked, ConditionError, parse

_NAMES = st.from_regex(r"[a-z0-9]{1,8}(/[a-z0-9]{1,8}(-[a-z]{1,3})?){0,2}", fullmatch=True)
_PREFIX = "Microsoft.ContainerRegistry/registries/repositories/"


@given(st.sets(_NAMES, min_size=1, max_size=4), _NAMES, st.booleans(), st.sampled_from(WRITER_ACTIONS))
def test_a_writer_reaches_its_own_repositories_and_no_other(
    own: set[str], asked: str, below: bool, action: str
) -> None:
    test = parse(repository_condition(own, below=below))
    expected = asked in own or (below and any(asked.startswith(f"{name}/") for name in own))
    assert test(Asked(_PREFIX + action, {REPOSITORY_NAME: asked})) is expected


def test_a_name_with_the_same_beginning_is_another() -> None:
    test = parse(repository_condition(["mendixapps/orders"], below=True))
    assert not test(Asked(f"{_PREFIX}content/write", {REPOSITORY_NAME: "mendixapps/orders-archive"}))
    assert test(Asked(f"{_PREFIX}content/write", {REPOSITORY_NAME: "mendixapps/orders/base"}))


def test_actions_that_the_condition_omits_are_open_everywhere() -> None:
    """Why a condition has to name each action of its role."""
    text = f"(!(ActionMatches{{'{_PREFIX}content/read'}}) OR @Request[{REPOSITORY_NAME}] StringEquals 'own')"
    assert parse(text)(Asked(f"{_PREFIX}content/write", {REPOSITORY_NAME: "another"}))
    assert not parse(text)(Asked(f"{_PREFIX}content/read", {REPOSITORY_NAME: "another"}))


@pytest.mark.parametrize(
    ("operator", "value", "name", "expected"),
    [
        ("StringEquals", "'Own'", "own", False),
        ("StringEqualsIgnoreCase", "'Own'", "own", True),
        ("StringNotEquals", "'own'", "other", True),
        ("StringLike", "'team-*'", "team-a", True),
        ("StringLike", "'team-?'", "team-ab", False),
        ("ForAnyOfAnyValues:StringEquals", "{'a', 'b'}", "b", True),
    ],
)
def test_operators_for_texts_compare_as_documented(operator: str, value: str, name: str, expected: bool) -> None:
    assert parse(f"@Resource[{REPOSITORY_NAME}] {operator} {value}")(Asked("x", {REPOSITORY_NAME: name})) is expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("(@Request[a:b] StringEquals 'x'", "missing"),
        ("@Request[a:b] StringEquals", "too early"),
        ("@Request[a:b] StringEqualz 'x'", "no operator"),
        ("@Request[a:b] StringEquals x", "single quotes"),
        ("@Request[a:b] StringEquals {'a', 'b'}", "ForAnyOfAnyValues"),
        ("@Principal[a:b] StringEquals 'x'", "@Request and @Resource"),
        ("@Request[a:b] StringEquals 'x' 'y'", "after its end"),
        ("% StringEquals", "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_rejected_with_its_place(text: str, says: str) -> None:
    with pytest.raises(ConditionError, match=says):
        parse(text)

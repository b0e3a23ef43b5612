"""Which repositories a condition of Azure opens for which action: against an evaluator that asks for one repository at a time."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from access_documents.acr_conditions import ACTION, Reach, reach
from access_documents.patterns import matches
from mendix_registry.kinds.microsoft_acr.roles import repository_condition
from rehearsal.emulators.azure import conditions

NAME = "@Request[Microsoft.ContainerRegistry/registries/repositories:name]"
ACTIONS = ("content/read", "content/write", "metadata/read", "metadata/write", "content/delete")
NAMES = ("a", "b", "ab", "a/b", "b/a", "c")


def not_action(*actions: str) -> str:
    return " AND ".join(f"!(ActionMatches{{'{ACTION}{action}'}})" for action in actions)


def quoted(values: list[str]) -> str:
    return ", ".join(f"'{value}'" for value in values)


def test_a_name_for_reading_only_leaves_writing_open() -> None:
    """Microsoft's form with one action of four: it was told as exact."""
    condition = f"(({not_action('content/read')}) OR ({NAME} StringEquals 'mendixapps/orders'))"
    assert reach(condition, "content/read") == Reach(("mendixapps/orders",))
    assert reach(condition, "content/write") == Reach(others=True)


def test_any_of_several_values_is_those_repositories() -> None:
    condition = f"{NAME} ForAnyOfAnyValues:StringEquals {{'a', 'b'}}"
    assert reach(condition, "content/write") == Reach(("a", "b"))


@pytest.mark.parametrize("below", [False, True])
def test_the_components_own_condition_is_exact_for_all_actions(below: bool) -> None:
    condition = repository_condition(["x/orders", "x/billing"], below=below)
    more = ("x/billing/*", "x/orders/*") if below else ()
    for action in ACTIONS[:4]:
        assert set(reach(condition, action).names) == {"x/billing", "x/orders", *more}
        assert not reach(condition, action).others
    assert reach(condition, "content/delete").others


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (f"{NAME} StringEquals 'a' AND @Environment[isPrivateLink] BoolEquals true", Reach(("a",))),
        (f"{NAME} StringEquals 'a' AND Exists @Principal[x:y]", Reach(("a",))),
        (f"{NAME} StringLike 'x/*' && {NAME} StringNotEquals 'x/a'", Reach(("x/*",))),
        (f"{NAME} StringStartsWith 'x/' && {NAME} StringLike 'x/y/*'", Reach(("x/y/*",))),
        (f"{NAME} StringEqualsIgnoreCase 'Orders'", Reach(("orders",))),
        # No repository has such a name, so nobody gets in.
        (f"{NAME} StringEquals 'mendixapps/*'", Reach()),
        (f"{NAME} StringEquals 'Orders'", Reach()),
        (f"{NAME} StringEquals 'a' AND {NAME} StringEquals 'b'", Reach()),
        (f"{NAME} StringNotEquals 'a'", Reach(others=True)),
        (f"NOT ({NAME} StringEquals 'a')", Reach(others=True)),
        (f"{NAME} StringLike '*'", Reach(others=True)),
        ("", Reach(others=True)),
    ],
)
def test_a_condition_yields_an_upper_bound_of_access(condition: str, expected: Reach) -> None:
    assert reach(condition, "content/write") == expected


@pytest.mark.parametrize(
    "condition",
    [
        "nonsense",
        f"{NAME} StringEquals",
        f"{NAME} StringEquals 'a' OR",
        f"{NAME} StringMatchesRegex 'a.*'",
        f"{NAME} StringEquals {{'a', 'b'}}",
        f"{NAME} StringEquals 'a' OR @Environment[isPrivateLink] BoolEquals true",
        f"{NAME} StringEquals 'a' OR !(@Principal[x:y] StringEquals 'z')",
        "@Resource[Microsoft.ContainerRegistry/registries/repositories:name] StringEquals 'a'",
        f"{NAME} StringEquals @Principal[x:y]",
        "(" * 5_000 + f"{NAME} StringEquals 'a'" + ")" * 5_000,
    ],
)
def test_an_unreadable_condition_means_everything_and_is_marked(condition: str) -> None:
    assert reach(condition, "content/write") == Reach(others=True, understood=False)


_texts = st.sampled_from([*NAMES, "a*", "*", "?", "a?", "*b", "a/*", ""])
_plain = st.sampled_from(NAMES)
_compared = st.one_of(
    st.builds(
        lambda op, value: f"{NAME} {op} '{value}'",
        st.sampled_from(["StringEquals", "StringNotEquals", "StringStartsWith", "StringNotStartsWith"]),
        _plain,
    ),
    st.builds(lambda op, value: f"{NAME} {op} '{value}'", st.sampled_from(["StringLike", "StringNotLike"]), _texts),
    st.builds(
        lambda op, values: f"{NAME} ForAnyOfAnyValues:{op} {{{quoted(values)}}}",
        st.sampled_from(["StringEquals", "StringNotEquals", "StringLike"]),
        st.lists(_plain, min_size=1, max_size=3),
    ),
    st.builds(
        lambda action: f"ActionMatches{{'{ACTION}{action}'}}", st.sampled_from([*ACTIONS, "content/*", "*/write"])
    ),
)
_expressions = st.recursive(
    _compared,
    lambda inner: st.one_of(
        st.builds(lambda e: f"!({e})", inner),
        st.builds(lambda a, b: f"({a} AND {b})", inner, inner),
        st.builds(lambda a, b: f"({a} || {b})", inner, inner),
    ),
    max_leaves=8,
)


@pytest.mark.slow
@settings(max_examples=1_500)
@given(_expressions)
def test_whatever_the_evaluator_allows_is_within_reach(condition: str) -> None:
    test = conditions.parse(condition)
    for action in ACTIONS:
        found = reach(condition, action)
        assert found.understood
        for name in NAMES:
            allowed = test(conditions.Asked(ACTION + action, {conditions.REPOSITORY_NAME: name}))
            within = found.others or any(matches(name, pattern) for pattern in found.names)
            assert within or not allowed, (action, name)


@settings(max_examples=500)
@given(st.lists(_plain, min_size=1, max_size=3), st.lists(_plain, min_size=1, max_size=3), st.booleans())
def test_exact_names_reach_exactly_what_the_evaluator_allows(one: list[str], two: list[str], meet: bool) -> None:
    sides = [" OR ".join(f"{NAME} StringEquals '{name}'" for name in names) for names in (one, two)]
    condition = f"({sides[0]}) {'AND' if meet else 'OR'} ({sides[1]})"
    test = conditions.parse(condition)
    expected = {n for n in NAMES if test(conditions.Asked(f"{ACTION}content/write", {conditions.REPOSITORY_NAME: n}))}
    assert set(reach(condition, "content/write").names) == expected

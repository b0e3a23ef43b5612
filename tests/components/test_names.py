"""Names within a cloud's limit: never cut into another's, never changed where they fit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mendix_registry.names import bounded, digest

NAMES = st.from_regex(r"[a-z]([a-z0-9-]{0,80}[a-z0-9])?", fullmatch=True)


@given(NAMES, st.integers(12, 64))
def test_a_name_keeps_within_the_limit_and_its_grammar(name: str, limit: int) -> None:
    result = bounded(name, limit)
    assert len(result) <= limit
    assert result[0] == name[0]
    assert not result.endswith("-")
    assert set(result) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


@given(NAMES)
def test_a_name_that_fits_is_left_alone(name: str) -> None:
    assert bounded(name, len(name)) == name


@given(st.sets(NAMES, min_size=2, max_size=50), st.integers(12, 64))
def test_two_names_never_become_one(names: set[str], limit: int) -> None:
    assert len({bounded(name, limit) for name in names}) == len(names)


def test_2000_long_names_with_different_ends_stay_distinct() -> None:
    names = [f"{'mendix-apps-of-the-department-of-something-very-long' * 2}-{number}" for number in range(2000)]
    assert len({bounded(name, 30) for name in names}) == 2000


def test_a_known_name_never_changes() -> None:
    # Written down once: whatever changes it replaces roles and identities of every stack that exists.
    assert (
        bounded("mendix-registry-production-a-namespace-with-a-long-name", 40)
        == "mendix-registry-production-a-na-d4howyhu"
    )


def test_without_separator_for_names_of_letters_and_digits() -> None:
    assert bounded("a" * 60, 50, separator="") == "a" * 42 + digest("a" * 60)


@pytest.mark.parametrize("limit", [0, 8, 9])
def test_a_limit_too_small_is_rejected(limit: int) -> None:
    with pytest.raises(ValueError, match="too few"):
        bounded("mendix-orders", limit)

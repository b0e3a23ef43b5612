"""Where a name goes: the same place for ever, whatever happens to its neighbours."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mendix_registry.sharding import shard

NAMES = st.text(min_size=0, max_size=63)


@given(NAMES, st.integers(1, 60))
def test_a_place_is_one_of_those_there_are(name: str, shards: int) -> None:
    assert 0 <= shard(name, shards) < shards


@given(NAMES, st.integers(1, 60))
def test_one_more_place_moves_names_only_to_itself(name: str, shards: int) -> None:
    assert shard(name, shards + 1) in (shard(name, shards), shards)


def test_places_of_known_names_never_change() -> None:
    # Written down once: whatever changes this list moves the namespaces of every stack that exists.
    names = ("mendix-orders", "mendix-billing", "mendix-dev", "")
    assert [[shard(name, shards) for shards in (1, 2, 3, 10, 100)] for name in names] == [
        [0, 0, 2, 4, 47],
        [0, 0, 2, 7, 28],
        [0, 0, 2, 9, 78],
        [0, 1, 1, 4, 4],
    ]


def test_no_place_gets_far_more_than_its_share() -> None:
    counts = Counter(shard(f"mendix-{number}", 20) for number in range(2000))
    assert len(counts) == 20
    assert max(counts.values()) < 150


@pytest.mark.parametrize("shards", [0, -1])
def test_no_place_is_rejected(shards: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        shard("mendix", shards)

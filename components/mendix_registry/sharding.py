"""Spreads names over a fixed number of places, so that no name moves because another came or went.

Rendezvous hashing (Thaler and Ravishankar, 1998): each name goes to the place whose hash together with the name is
highest. A name's place depends on the name and the number of places alone. One more place takes its share of the names
and moves no other; removing the last one moves only the names that were there.
"""

from __future__ import annotations

import hashlib


def shard(name: str, shards: int) -> int:
    """The place of ``name`` among ``shards`` places, counted from 0. The same on every machine and in every version.

    :raises ValueError: there is no place at all.
    """
    if shards < 1:
        raise ValueError(f"{name!r} cannot be put into {shards} places; at least 1 is needed")
    if shards == 1:
        return 0
    # No character of a name may be read as part of the number: the number comes first and has a fixed width.
    key = hashlib.blake2b(name.encode(), digest_size=16).digest()
    return max(range(shards), key=lambda place: _weight(key, place))


def _weight(key: bytes, place: int) -> bytes:
    return hashlib.blake2b(place.to_bytes(4, "big") + key, digest_size=8).digest()

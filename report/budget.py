"""Fits a text into a size: the least important pieces are left out first, and their number is shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of text that may be left out. ``rank``: 0 is the most important; ``what`` names it, in the plural.

    ``content`` is None for one that cannot fit anyway and was therefore not written.
    A piece with a ``holder`` stands only with it: the holder is paid for together with the first of them.
    """

    rank: int
    what: str
    content: str | None
    holder: Holder | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Holder:
    """What stands around pieces (a heading, a fold); ``size`` is what it costs; it may stand in another one."""

    size: int
    within: Holder | None = None


@dataclass(frozen=True, slots=True)
class Fitted:
    """The pieces that fit, by identity, and how many of each sort do not."""

    kept: frozenset[int]
    left_out: dict[str, int]

    def __contains__(self, piece: Piece) -> bool:
        return id(piece) in self.kept


def size(text: str) -> int:
    """Octets in UTF-8: never less than characters, however a site counts them."""
    return len(text.encode("utf-8", "replace"))


def fit(pieces: Iterable[Piece], room: int) -> Fitted:
    """Chooses pieces of at most ``room`` octets, by rank, then in their order."""
    kept: set[int] = set()
    paid: set[int] = set()
    left_out: dict[str, int] = {}
    for piece in sorted(pieces, key=lambda each: each.rank):
        if piece.content is None:
            left_out[piece.what] = left_out.get(piece.what, 0) + 1
            continue
        holders: list[Holder] = []
        holder = piece.holder
        while holder is not None and id(holder) not in paid:
            holders.append(holder)
            holder = holder.within
        cost = size(piece.content) + 1 + sum(each.size for each in holders)
        if cost > room:
            left_out[piece.what] = left_out.get(piece.what, 0) + 1
            continue
        room -= cost
        kept.add(id(piece))
        paid.update(id(each) for each in holders)
    return Fitted(frozenset(kept), left_out)

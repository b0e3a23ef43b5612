"""How each step kind is written: its sign, its colour, and its verb before, during and after."""

from __future__ import annotations

from dataclasses import dataclass

from rehearsal.engine.events import Op


@dataclass(frozen=True, slots=True)
class Wording:
    """The signs are Pulumi's, so that the tree reads the same to whoever knows ``pulumi up``."""

    sign: str
    style: str
    planned: str
    running: str
    done: str


_WORDS: dict[Op, Wording] = {
    Op.SAME: Wording(" ", "dim", "unchanged", "checking", "unchanged"),
    Op.CREATE: Wording("+", "green", "create", "creating", "created"),
    Op.UPDATE: Wording("~", "yellow", "update", "updating", "updated"),
    Op.DELETE: Wording("-", "red", "delete", "deleting", "deleted"),
    Op.REPLACE: Wording("+-", "magenta", "replace", "replacing", "replaced"),
    Op.CREATE_REPLACEMENT: Wording(
        "++", "magenta", "create replacement", "creating replacement", "replacement created"
    ),
    Op.DELETE_REPLACED: Wording("--", "magenta", "delete original", "deleting original", "original deleted"),
    Op.READ: Wording(">", "cyan", "read", "reading", "read"),
    Op.READ_REPLACEMENT: Wording(">>", "magenta", "read replacement", "reading replacement", "replacement read"),
    Op.REFRESH: Wording("~", "yellow", "refresh", "refreshing", "refreshed"),
    Op.READ_DISCARD: Wording("<", "red", "discard", "discarding", "discarded"),
    Op.REMOVE_PENDING_REPLACE: Wording(
        "~", "dim", "complete replacement", "completing replacement", "replacement complete"
    ),
    Op.IMPORT: Wording("=", "blue", "import", "importing", "imported"),
    Op.IMPORT_REPLACEMENT: Wording("=>", "blue", "import replacement", "importing replacement", "replacement imported"),
}

UNCHANGED = frozenset({Op.SAME, Op.READ})
"""Steps that change nothing: a display leaves them out, and an update of only these had no changes.

``refresh`` is not here: whether it found a change is told by its detailed diff.
"""

REPLACEMENT_PARTS = frozenset(
    {Op.CREATE_REPLACEMENT, Op.DELETE_REPLACED, Op.READ_REPLACEMENT, Op.IMPORT_REPLACEMENT, Op.REMOVE_PENDING_REPLACE}
)
"""Steps that are one half of a ``replace``: a reader wants the replacement once, not three times."""

_SUMMARY_ORDER = (Op.CREATE, Op.UPDATE, Op.REPLACE, Op.DELETE, Op.IMPORT, Op.READ, Op.REFRESH, Op.READ_DISCARD, Op.SAME)


def words(op: Op) -> Wording:
    return _WORDS[op]


def summary(changes: dict[str, int], *, planned: bool) -> str:
    """``3 to create, 1 to update, 12 unchanged`` or ``3 created, …``; parts of a replacement are not counted again."""
    parts: list[str] = []
    for op in _SUMMARY_ORDER:
        number = changes.get(op.value, 0)
        if not number:
            continue
        wording = _WORDS[op]
        if op in UNCHANGED or not planned:
            parts.append(f"{number:,} {wording.done}")
        else:
            parts.append(f"{number:,} to {wording.planned}")
    return ", ".join(parts) or "nothing to do"


def has_changes(changes: dict[str, int]) -> bool:
    """Whether an update changed (or a preview would change) anything."""
    quiet = {op.value for op in UNCHANGED} | {Op.REFRESH.value}
    return any(number for op, number in changes.items() if op not in quiet)

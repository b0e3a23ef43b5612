"""The difference between two property values as a tree of changes; nothing about drawing.

A provider's detailed diff is a list of paths (``spec.containers[0].env["a.b"]``); where it gives none, old and new
inputs are compared member by member. Both end in the same :class:`Change` tree.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, cast

from rehearsal.engine.events import PropertyDiff, Step

Key: TypeAlias = str | int


class _Absent:
    """A member that is not there, which is not the same as one that is null."""

    def __repr__(self) -> str:
        return "<absent>"


ABSENT: Final = _Absent()
_PART = re.compile(r'\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|\.?([^.\[\]]+)')


@dataclass(slots=True)
class Change:
    """A member of the tree: a leaf has ``old`` and ``new``; an inner one has ``members``."""

    old: Any = ABSENT
    new: Any = ABSENT
    replaces: bool = False
    members: dict[Key, Change] = field(default_factory=dict["Key", "Change"])


def parse_path(path: str) -> list[Key]:
    """The parts of a property path as the engine and providers write them (``resource.ParsePropertyPath``)."""
    parts: list[Key] = []
    for quoted, index, name in cast("list[tuple[str, str, str]]", _PART.findall(path)):
        if index:
            parts.append(int(index))
        else:
            parts.append(name or re.sub(r"\\(.)", r"\1", quoted))
    return parts


def _lookup(value: Any, parts: Sequence[Key]) -> Any:
    for part in parts:
        if isinstance(value, Mapping) and part in value:
            value = cast("Mapping[Key, Any]", value)[part]
        elif isinstance(value, list) and isinstance(part, int) and part < len(cast("list[Any]", value)):
            value = cast("list[Any]", value)[part]
        else:
            return ABSENT
    return value


def _from_detailed(step: Step, detailed: Mapping[str, PropertyDiff]) -> Change:
    root = Change()
    old, new = step.old or {}, step.new or {}
    for path, diff in sorted(detailed.items()):
        parts = parse_path(path)
        if not parts:
            continue
        before = _lookup(old.get("inputs") if diff.input_diff else old.get("outputs") or old.get("inputs"), parts)
        if before is ABSENT:
            before = _lookup(old.get("inputs"), parts)
        after = _lookup(new.get("inputs"), parts)
        if after is ABSENT and not diff.kind.startswith("delete"):
            # Drift found by a refresh stands in the new state, which has no such input.
            after = _lookup(new.get("outputs"), parts)
        if diff.kind.startswith("add"):
            before = ABSENT
        place = root
        for part in parts:
            place = place.members.setdefault(part, Change())
        place.old, place.new, place.replaces = before, after, diff.kind.endswith("-replace")
    return root


def _mapping(value: Any) -> Mapping[str, Any] | None:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else None


def _list(value: Any) -> list[Any] | None:
    return cast("list[Any]", value) if isinstance(value, list) else None


def compare(old: Any, new: Any) -> Change | None:
    """The change from ``old`` to ``new``, or None where there is none."""
    if type(old) is type(new) and old == new:
        return None
    old_map, new_map = _mapping(old), _mapping(new)
    old_list, new_list = _list(old), _list(new)
    change = Change(old, new)
    if old_map is not None and new_map is not None:
        for key in [*old_map, *(key for key in new_map if key not in old_map)]:
            member = compare(old_map.get(key, ABSENT), new_map.get(key, ABSENT))
            if member is not None:
                change.members[key] = member
    elif old_list is not None and new_list is not None:
        for index in range(max(len(old_list), len(new_list))):
            before = old_list[index] if index < len(old_list) else ABSENT
            after = new_list[index] if index < len(new_list) else ABSENT
            member = compare(before, after)
            if member is not None:
                change.members[index] = member
    return change


def changes(step: Step) -> Change | None:
    """What a step changes in its resource's properties, or None where it changes none."""
    if step.detailed_diff:
        return _from_detailed(step, step.detailed_diff)
    old: Any = (step.old or {}).get("inputs") or {}
    new: Any = (step.new or {}).get("inputs") or {}
    change = compare(old, new)
    if change is not None:
        for reason in step.replace_reasons:
            if reason in change.members:
                change.members[reason].replaces = True
    return change

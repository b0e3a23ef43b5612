"""The difference between a resource's old and new inputs, as lines that begin with ``+``, ``-`` or a space."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from report.changes import Change
from report.masking import mask_properties
from report.text import clean_line
from report.values import SECRET, UNKNOWN, document, is_unknown, join, listing, mapping

_ABSENT: Final = object()
_LONGEST_VALUE = 300
_DOCUMENTS = ("policy", "assumeRolePolicy", "condition", "text")


def difference(change: Change, most: int = 400) -> list[str]:
    """At most ``most`` lines; a value that is secret is ``[secret]`` on both sides, whether it changes or not."""
    old: Any = mask_properties(change.type, change.old_inputs) if change.old is not None else {}
    new: Any = mask_properties(change.type, change.new_inputs) if change.new is not None else {}
    if change.op == "delete":
        new = {}
    lines: list[str] = []
    for line in _compare(old, new, ""):
        if len(lines) == most:
            lines.append("  … more")
            break
        lines.append(line)
    if not lines and change.step.detailed_diff:
        # Only hidden values differ, or the provider knows better: its paths without values.
        lines = [
            f"{_sign(diff.kind)} {clean_line(path, 200)}: {SECRET if 'inputs' in path or _hidden(old, new) else 'changes'}"
            for path, diff in sorted(change.step.detailed_diff.items())[:most]
        ]
    if change.old is not None and change.new is not None and change.old.protect != change.new.protect:
        lines.append(f"{'+' if change.new.protect else '-'} (protect)")
    return lines


def _hidden(old: Any, new: Any) -> bool:
    return SECRET in json.dumps([old, new])


def _sign(kind: str) -> str:
    return {"a": "+", "d": "-"}.get(kind[0], "~")


def _compare(old: Any, new: Any, path: str) -> Iterator[str]:
    if old == new and type(old) is type(new):
        return
    old, new = _opened(old, path), _opened(new, path)
    if isinstance(old, dict) and isinstance(new, dict):
        before, after = mapping(old), mapping(new)
        for key in [*before, *(key for key in after if key not in before)]:
            if key != "__defaults":
                yield from _compare(before.get(key, _ABSENT), after.get(key, _ABSENT), join(path, key))
    elif isinstance(old, list) and isinstance(new, list):
        before, after = listing(old), listing(new)
        for index in range(max(len(before), len(after))):
            yield from _compare(
                before[index] if index < len(before) else _ABSENT,
                after[index] if index < len(after) else _ABSENT,
                f"{path}[{index}]",
            )
    else:
        if old is not _ABSENT:
            yield from _leaves("-", old, path)
        if new is not _ABSENT:
            yield from _leaves("+", new, path)


def _leaves(sign: str, value: Any, path: str) -> Iterator[str]:
    value = _opened(value, path)
    if isinstance(value, dict) and value:
        for key, item in mapping(value).items():
            if key != "__defaults":
                yield from _leaves(sign, item, join(path, key))
    elif isinstance(value, list) and value and not _is_short_row(listing(value)):
        for index, item in enumerate(listing(value)):
            yield from _leaves(sign, item, f"{path}[{index}]")
    else:
        yield f"{sign} {clean_line(path, 200)}: {shown(value)}"


def _is_short_row(items: Sequence[Any]) -> bool:
    """Whether a list reads well on one line: names and numbers only, and not too many."""
    if any(isinstance(item, dict | list) or is_unknown(item) for item in items):
        return False
    return len(json.dumps(items, ensure_ascii=False)) <= _LONGEST_VALUE


def shown(value: Any) -> str:
    """A value on one line."""
    if is_unknown(value):
        return UNKNOWN
    if isinstance(value, str):
        return clean_line(value, _LONGEST_VALUE) if value else '""'
    return clean_line(json.dumps(value, ensure_ascii=False), _LONGEST_VALUE)


def _opened(value: Any, path: str) -> Any:
    """A policy is compared member by member, not as one long text."""
    if isinstance(value, str) and value[:1] == "{" and path.rsplit(".", 1)[-1].split("[")[0] in _DOCUMENTS:
        return mapping(document(value)) or value
    return value

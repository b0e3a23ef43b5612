"""What would change, compared the way the real provider compares: JSON by meaning, sets without order."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, cast

from rehearsal.provider_plugins.framework.properties import UNKNOWN, Properties, Secret, has_unknown, plain
from rehearsal.provider_plugins.framework.resource import Input, Resource


@dataclass(frozen=True, slots=True)
class Change:
    """One changed value. ``path`` is a property path in Pulumi's syntax (``tags["a.b"]``), below the input ``key``;
    ``kind`` is ``ADD``, ``DELETE`` or ``UPDATE``; ``replaces`` is true where it forces a replacement."""

    key: str
    path: str
    kind: str
    replaces: bool


def difference(
    rtype: type[Resource[Any]], old: Properties, new: Properties, ignored: Sequence[str] = ()
) -> list[Change]:
    """The changes between checked inputs, except at and below the property paths ``ignored``.

    A value that is not known yet counts as changed: whether it is only the update can know.
    """
    changes: list[Change] = []
    for key, declared in rtype.inputs.items():
        before, after = old.get(key), new.get(key)
        if (declared.filled_in and after is None) or _means_same(declared, before, after):
            continue
        changes += [Change(key, path, kind, declared.replaces) for path, kind in _walk(key, before, after)]
    below = tuple(path + end for path in ignored for end in ".[")
    return [change for change in changes if change.path not in ignored and not change.path.startswith(below)]


def same_name(rtype: type[Resource[Any]], old: Properties, new: Properties) -> bool:
    """Whether old and new are one and the same to the cloud, so that the old one has to go before the new one comes."""
    key = rtype.name.input if rtype.name else ""
    return plain(old.get(key)) is not None and plain(old.get(key)) == plain(new.get(key))


def _walk(path: str, old: Any, new: Any) -> Iterator[tuple[str, str]]:
    old, new = (value.value if isinstance(value, Secret) else value for value in (old, new))
    if isinstance(old, dict) and isinstance(new, dict):
        before, after = cast("Properties", old), cast("Properties", new)
        for name in {**before, **after}:
            step = f'["{name}"]' if any(character in '."[]' for character in name) else f".{name}"
            yield from _walk(path + step, before.get(name), after.get(name))
    elif isinstance(old, list) and isinstance(new, list):
        for index, (first, second) in enumerate(zip_longest(cast("list[Any]", old), cast("list[Any]", new))):
            yield from _walk(f"{path}[{index}]", first, second)
    # In Python True == 1; to a cloud it is not.
    elif new is UNKNOWN or old != new or isinstance(old, bool) != isinstance(new, bool):
        yield path, "ADD" if old is None else "DELETE" if new is None else "UPDATE"


def _means_same(declared: Input, old: Any, new: Any) -> bool:
    if has_unknown(new):
        return False
    before, after = plain(old), plain(new)
    if declared.json and isinstance(before, str) and isinstance(after, str):
        return _canonical_json(before) == _canonical_json(after)
    if declared.unordered and isinstance(before, list) and isinstance(after, list):
        return _sorted(cast("list[Any]", before)) == _sorted(cast("list[Any]", after))
    return False


def _sorted(items: list[Any]) -> list[str]:
    return sorted(json.dumps(item, sort_keys=True) for item in items)


def _canonical_json(text: str) -> Any:
    """The document with every list of one text as that text, as policy documents are equal; the text itself if no JSON."""
    try:
        return _canonical(json.loads(text))
    except ValueError:
        return text


def _canonical(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _canonical(item) for key, item in cast("Properties", value).items()}
    if isinstance(value, list):
        items = [_canonical(item) for item in cast("list[Any]", value)]
        if len(items) == 1 and isinstance(items[0], str):
            return items[0]
        return sorted(items, key=str) if all(isinstance(item, str) for item in items) else items
    return value

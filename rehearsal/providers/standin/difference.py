"""What would change, compared the way the real provider compares: JSON by meaning, sets without order."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, cast

from rehearsal.providers.kubernetes.diff import Difference, compare
from rehearsal.providers.kubernetes.properties import Properties, Unknown, has_unknown, plain
from rehearsal.providers.standin.resource import Input, Resource


def difference(rtype: type[Resource[Any]], old: Properties, new: Properties, ignored: Sequence[str]) -> Difference:
    """The changes between checked inputs and whether the old resource must go before the new one comes.

    It must where both would have the same name, which the cloud has only once.
    """
    immutable = [key for key, item in rtype.inputs.items() if item.replaces]
    found = compare(_alike(rtype, old, new), _declared(rtype, new), immutable, ignored)
    return Difference(found.changes, bool(found.replaces) and same_name(rtype, old, new))


def same_name(rtype: type[Resource[Any]], old: Properties, new: Properties) -> bool:
    """Whether old and new would be one and the same to the cloud."""
    if rtype.name is None:
        return False
    before, after = plain(old.get(rtype.name.input)), plain(new.get(rtype.name.input))
    return before is not None and not isinstance(after, Unknown) and before == after


def _declared(rtype: type[Resource[Any]], inputs: Properties) -> Properties:
    return {key: value for key, value in inputs.items() if key in rtype.inputs}


def _alike(rtype: type[Resource[Any]], old: Properties, new: Properties) -> Properties:
    """The old inputs, with each value that means the same as the new one written as the new one is."""
    before = _declared(rtype, old)
    for key, declared in rtype.inputs.items():
        if declared.filled_in and new.get(key) is None:
            before.pop(key, None)
        if key in before and new.get(key) is not None and _means_same(declared, before[key], new[key]):
            before[key] = new[key]
    return before


def _means_same(declared: Input, old: Any, new: Any) -> bool:
    if has_unknown(new) or has_unknown(old):
        return False
    before, after = plain(old), plain(new)
    if declared.json and isinstance(before, str) and isinstance(after, str):
        return canonical_json(before) == canonical_json(after)
    if declared.unordered and isinstance(before, list) and isinstance(after, list):
        return _sorted(cast("list[Any]", before)) == _sorted(cast("list[Any]", after))
    return False


def _sorted(items: list[Any]) -> list[str]:
    return sorted(json.dumps(item, sort_keys=True) for item in items)


def canonical_json(text: str) -> Any:
    """The document with every list of one text as that text, as policy documents are equal; the text itself if no JSON."""
    try:
        return _canonical(json.loads(text))
    except ValueError:
        return text


def _canonical(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _canonical(item) for key, item in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        items = [_canonical(item) for item in cast("list[Any]", value)]
        if len(items) == 1 and isinstance(items[0], str):
            return items[0]
        return sorted(items, key=str) if all(isinstance(item, str) for item in items) else items
    return value

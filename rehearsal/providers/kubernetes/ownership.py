"""Who owns which field of a live object, from its ``metadata.managedFields``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from .diff import parse_path
from .properties import mapping_at


def managers(live: Mapping[str, Any]) -> list[str]:
    """Names of all that have written the object, status writers left out."""
    return list(dict.fromkeys(str(entry.get("manager")) for entry in _entries(live) if not entry.get("subresource")))


def applied_by(live: Mapping[str, Any], manager: str) -> bool:
    """Whether the object was applied by that field manager, so that it is this resource's own."""
    return any(entry.get("manager") == manager and entry.get("operation") == "Apply" for entry in _entries(live))


def owners(live: Mapping[str, Any], path: Sequence[str]) -> set[str]:
    """Managers that own the field at the path, or anything below it."""
    return {
        str(entry.get("manager"))
        for entry in _entries(live)
        if _holds(cast("Mapping[str, Any]", entry.get("fieldsV1") or {}), path)
    }


def keep_ignored(document: dict[str, Any], live: Mapping[str, Any], ignored: Iterable[str], manager: str) -> None:
    """Make what is to be applied leave ``ignoreChanges`` paths alone, in place.

    A field that only others own is left out, so that it stays theirs; one of our own, or of nobody, keeps its live
    value. Paths into lists are applied as they are (pulumi-kubernetes has the same limit).
    """
    for text in ignored:
        path = parse_path(text)
        names = [element for element in path if isinstance(element, str)]
        if len(names) != len(path) or "*" in names or not names:
            continue
        who = owners(live, names)
        if who and manager not in who:
            _remove(document, names)
        else:
            parent = mapping_at(dict(live), *names[:-1])
            if names[-1] in parent:
                _set(document, names, parent[names[-1]])


def _entries(live: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return cast("list[Mapping[str, Any]]", mapping_at(dict(live), "metadata").get("managedFields") or [])


def _holds(fields: Mapping[str, Any], path: Sequence[str]) -> bool:
    for name in path:
        key = f"f:{name}"
        if key not in fields:
            return False
        fields = fields[key]
    return True


def _remove(document: dict[str, Any], names: Sequence[str]) -> None:
    parent = mapping_at(document, *names[:-1])
    parent.pop(names[-1], None)


def _set(document: dict[str, Any], names: Sequence[str], value: Any) -> None:
    for name in names[:-1]:
        document = document.setdefault(name, {})
    document[names[-1]] = value

"""What would change: old and new inputs compared field by field, and whether the object can take it in place.

Inputs are compared with inputs. pulumi-kubernetes compares new inputs with the live state cut to the shape of the old
inputs; after a refresh both say the same, since Read returns what drifted as inputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, cast

from .annotations import is_autonamed
from .immutable_fields import PathElement, forces_replacement
from .properties import Properties, Secret, Unknown, mapping_at, plain


class _Missing:
    __slots__ = ()


_MISSING: Final = _Missing()


class Change(Enum):
    ADD = "add"
    DELETE = "delete"
    UPDATE = "update"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One changed field. ``path`` has names and list positions; ``replaces`` says that it forces a replacement."""

    path: tuple[PathElement, ...]
    change: Change
    replaces: bool

    @property
    def text(self) -> str:
        """The property path in Pulumi's syntax, such as ``spec.containers[0].image`` or ``data["a.b"]``."""
        return format_path(self.path)


@dataclass(frozen=True, slots=True)
class Difference:
    """The changes, and whether the old object must be deleted before its replacement is created."""

    changes: list[FieldChange] = field(default_factory=list[FieldChange])
    delete_before_replace: bool = False

    @property
    def replaces(self) -> list[str]:
        return [change.text for change in self.changes if change.replaces]

    @property
    def top_level(self) -> list[str]:
        """Names of the changed top-level properties, each once."""
        return list(dict.fromkeys(str(change.path[0]) for change in self.changes))


def compare(old: Properties, new: Properties, immutable: Sequence[str], ignored: Sequence[str] = ()) -> Difference:
    """Compare checked inputs.

    ``immutable`` are the dotted paths that force a replacement, ``ignored`` the property paths of ``ignoreChanges``.
    A value that is not known yet counts as changed: whether it is can be told only by the update.
    """
    ignored_paths = [parse_path(text) for text in ignored]
    changes = [
        FieldChange(path, change, forces_replacement(path, before, after, immutable))
        for path, change, before, after in _walk((), old, new)
        if not any(_contains(ignore, path) for ignore in ignored_paths)
    ]
    return Difference(changes, any(change.replaces for change in changes) and must_delete_first(old, new))


def must_delete_first(old: Properties, new: Properties) -> bool:
    """Whether old and replacement would have the same name in the same namespace.

    An automatic name is not kept by a replacement: the engine asks Check for a new one.
    """
    if is_autonamed(new):
        return False
    before, after = mapping_at(old, "metadata"), mapping_at(new, "metadata")
    name = plain(after.get("name"))
    if isinstance(name, Unknown):
        return False
    return (
        bool(name)
        and name == plain(before.get("name"))
        and (plain(after.get("namespace")) or "default") == (plain(before.get("namespace")) or "default")
    )


def _walk(
    path: tuple[PathElement, ...], old: Any, new: Any
) -> Iterator[tuple[tuple[PathElement, ...], Change, Any, Any]]:
    old, new = _open(old), _open(new)
    if isinstance(old, dict) and isinstance(new, dict):
        before, after = cast("Properties", old), cast("Properties", new)
        for name in dict.fromkeys((*before, *after)):
            yield from _walk((*path, name), before.get(name, _MISSING), after.get(name, _MISSING))
    elif isinstance(old, list) and isinstance(new, list):
        first, second = cast("list[Any]", old), cast("list[Any]", new)
        for index in range(max(len(first), len(second))):
            yield from _walk(
                (*path, index),
                first[index] if index < len(first) else _MISSING,
                second[index] if index < len(second) else _MISSING,
            )
    elif isinstance(new, Unknown):
        yield path, Change.ADD if old is _MISSING else Change.UPDATE, None if old is _MISSING else old, new
    elif old is _MISSING or new is _MISSING or not _equal(old, new):
        change = Change.ADD if old is _MISSING else Change.DELETE if new is _MISSING else Change.UPDATE
        yield path, change, None if old is _MISSING else old, None if new is _MISSING else new


def _open(value: Any) -> Any:
    return value.value if isinstance(value, Secret) else _MISSING if value is None else value


def _equal(old: Any, new: Any) -> bool:
    # In Python True == 1; in Kubernetes it is not.
    return old == new and isinstance(old, bool) == isinstance(new, bool)


def _contains(outer: Sequence[PathElement], path: Sequence[PathElement]) -> bool:
    return len(outer) <= len(path) and all(a in ("*", b) for a, b in zip(outer, path, strict=False))


def format_path(path: Sequence[PathElement]) -> str:
    text = ""
    for element in path:
        if isinstance(element, int):
            text += f"[{element}]"
        elif any(character in '."[]' for character in element) or not element:
            escaped = element.replace("\\", "\\\\").replace('"', '\\"')
            text += f'["{escaped}"]'
        else:
            text += f".{element}" if text else element
    return text


def parse_path(text: str) -> tuple[PathElement, ...]:
    """Read a property path in Pulumi's syntax (``root.name["a.b"][0]``, ``*`` for any).

    Raises ValueError for an unclosed bracket or quote.
    """
    path: list[PathElement] = []
    position = 0
    while position < len(text):
        if text[position] == ".":
            position += 1
        elif text[position] == "[":
            position = _parse_bracket(text, position + 1, path)
        else:
            end = position
            while end < len(text) and text[end] not in ".[":
                end += 1
            path.append(text[position:end])
            position = end
    return tuple(path)


def _parse_bracket(text: str, position: int, path: list[PathElement]) -> int:
    if text[position : position + 1] == '"':
        position += 1
        name = ""
        while position < len(text) and text[position] != '"':
            if text[position] == "\\":
                position += 1
            name += text[position : position + 1]
            position += 1
        if text[position : position + 2] != '"]':
            raise ValueError(f"the property path {text!r} has an unclosed quote")
        path.append(name)
        return position + 2
    end = text.find("]", position)
    if end < 0:
        raise ValueError(f"the property path {text!r} has an unclosed bracket")
    content = text[position:end]
    path.append(int(content) if content.isdigit() else content)
    return end + 1

"""Configuration that Pulumi.yaml declares: types, defaults and values for every stack (``ProjectConfigType``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from rehearsal.engine.project.document import Document
from rehearsal.engine.project.errors import ProjectError

_TYPES = ("string", "integer", "boolean", "array", "object")
_KEYS = frozenset({"type", "description", "items", "default", "value", "secret"})


@dataclass(frozen=True, slots=True)
class ConfigDeclaration:
    """One declared key. ``type`` is empty where anything goes; ``items`` is the type of an array's items."""

    key: str
    type: str = ""
    items: Mapping[str, Any] | None = None
    default: Any = None
    """What a stack gets that does not set the key (``default``, or ``value`` in another namespace); None for nothing."""
    secret: bool = False

    @property
    def type_name(self) -> str:
        return _type_name(self.type, self.items)

    def accepts(self, value: Any) -> bool:
        """As ``ValidateConfigValue``: numbers and booleans may also be written as text."""
        return not self.type or _accepts(self.type, self.items, value)


def full_key(project: str, key: str) -> str | None:
    """``namespace:key`` of a key as written in a file, or None where it is not one (``config.ParseKey``)."""
    parts = key.split(":")
    if len(parts) == 1:
        return f"{project}:{key}"
    if len(parts) == 2:
        return key
    return f"{parts[0]}:{parts[2]}" if len(parts) == 3 and parts[1] == "config" else None


def read_declarations(document: Document, project: str, declared: Mapping[str, Any]) -> dict[str, ConfigDeclaration]:
    """The declarations by full key. Raises ProjectError with every problem they have."""
    problems: list[str] = []
    declarations: dict[str, ConfigDeclaration] = {}
    for key, content in declared.items():
        name = full_key(project, key)
        if name is None:
            problems.append(document.problem(("config", key), f"{key!r} is not a key: write namespace:key"))
            continue
        own = name.startswith(f"{project}:")
        if not isinstance(content, dict):
            # Short for {default: …}, or {value: …} in another namespace.
            declarations[name] = ConfigDeclaration(name, default=content)
            continue
        mapping = cast("dict[str, Any]", content)
        found = [document.problem(("config", key, *path), text) for path, text in _faults(key, mapping, own)]
        problems += found
        if not found:
            default = mapping.get("default")
            declarations[name] = ConfigDeclaration(
                name,
                type=mapping.get("type") or "",
                items=mapping.get("items"),
                default=mapping.get("value") if default is None else default,
                secret=bool(mapping.get("secret")),
            )
    if problems:
        raise ProjectError("\n".join(problems))
    return declarations


def _faults(key: str, content: dict[str, Any], own: bool) -> list[tuple[tuple[str, ...], str]]:
    known = ", ".join(sorted(_KEYS))
    faults: list[tuple[tuple[str, ...], str]] = [
        ((unknown,), f"{unknown} is not part of a declaration; these are: {known}")
        for unknown in content.keys() - _KEYS
    ]
    kind = content.get("type")
    if kind is not None and kind not in _TYPES:
        faults.append((("type",), f"{kind!r} is not a type of configuration: use one of {', '.join(_TYPES)}"))
        return faults
    if content.get("default") is not None and content.get("value") is not None:
        faults.append(((), f"{key} cannot have both a default and a value: keep one"))
    if own and kind == "array" and not isinstance(content.get("items"), dict):
        faults.append(((), f"{key} is an array of what? Add items: {{type: string}}, or another type"))
    elif own and kind and content.get("default") is not None:
        declaration = ConfigDeclaration(key, kind, content.get("items"))
        if not declaration.accepts(content["default"]):
            faults.append((("default",), f"the default of {key} is not of its type {declaration.type_name}"))
    if not own and (kind or content.get("default") is not None or content.get("value") is None):
        faults.append(((), f"{key} is another namespace's: it can have a value here, but neither type nor default"))
    return faults


def _type_name(kind: str, items: Mapping[str, Any] | None) -> str:
    return f"array<{_type_name(items.get('type', ''), items.get('items'))}>" if items else kind


def _accepts(kind: str, items: Mapping[str, Any] | None, value: Any) -> bool:
    if kind == "string":
        return isinstance(value, str)
    if kind == "integer":
        if isinstance(value, bool):
            return False
        if isinstance(value, str):
            return value.lstrip("+-").isdigit() and value[1:].isdigit() | value[:1].isdigit()
        return isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if kind == "boolean":
        return isinstance(value, bool) or value in ("true", "false")
    if kind == "object":
        return isinstance(value, dict)
    if not isinstance(value, list) or not items:
        return False
    return all(_accepts(items.get("type", ""), items.get("items"), item) for item in cast("list[Any]", value))

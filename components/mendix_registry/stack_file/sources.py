"""Where the values of a stack file stand, if elsewhere: which environment variable or file each is taken from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias, cast

from mendix_registry.settings.problems import PROJECT, Location

Sources: TypeAlias = Mapping[Location, Mapping[str, str]]
"""By the place of a value, ``{"environment": NAME}`` or ``{"file": PATH}``."""

_ELSEWHERE = ("environment", "file")


def sources(values: Mapping[str, Any]) -> dict[Location, Mapping[str, str]]:
    """The sources in the configuration ``values``, whose keys have their namespace."""
    prefix = f"{PROJECT}:"
    found: dict[Location, Mapping[str, str]] = {}
    for key, value in values.items():
        if key.startswith(prefix):
            found |= _below(_decoded(value), (key.removeprefix(prefix),))
    return found


def _decoded(value: Any) -> Any:
    """Pulumi hands objects and lists to programs as JSON, and takes them so in a stack file."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except json.JSONDecodeError:
        return value


def _below(value: Any, location: Location) -> Iterator[tuple[Location, Mapping[str, str]]]:
    if isinstance(value, Mapping):
        mapping = cast("Mapping[str, Any]", value)
        [*keys] = mapping
        if len(keys) == 1 and keys[0] in _ELSEWHERE and isinstance(mapping[keys[0]], str):
            yield location, mapping
            return
        for key, item in mapping.items():
            yield from _below(item, (*location, key))
    elif isinstance(value, list):
        for number, item in enumerate(cast("list[Any]", value)):
            yield from _below(item, (*location, number))

"""Where the values of a stack file stand that it does not show: in an environment variable, in a file, encrypted."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias, cast

from mendix_registry.settings.problems import PROJECT, Location, path_in_file

Sources: TypeAlias = Mapping[Location, Mapping[str, str]]
"""By the place of a value, ``{"environment": NAME}``, ``{"file": PATH}``, or ``{"config": KEY}`` where Pulumi has encrypted it."""


class _Encrypted(str):
    __slots__ = ()


ENCRYPTED = _Encrypted("encrypted")
"""Stands for a value that only Pulumi can decrypt."""

_ELSEWHERE = ("environment", "file")


def sources(values: Mapping[str, Any]) -> dict[Location, Mapping[str, str]]:
    """The sources in the configuration ``values``, whose keys have their namespace."""
    prefix = f"{PROJECT}:"
    found: dict[Location, Mapping[str, str]] = {}
    for key, value in values.items():
        if key.startswith(prefix):
            found |= _below(_decoded(value), (key.removeprefix(prefix),))
    return found


def config_key(location: Location) -> str:
    """A key as ``pulumi config set --path`` takes it."""
    key = path_in_file(location).removeprefix("config.")
    # Keys of other packages have another namespace.
    return key.removeprefix(f"{PROJECT}:") if ":" in str(location[0]) else key


def _decoded(value: Any) -> Any:
    """Pulumi hands objects and lists to programs as JSON, and takes them so in a stack file."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except json.JSONDecodeError:
        return value


def _below(value: Any, location: Location) -> Iterator[tuple[Location, Mapping[str, str]]]:
    if isinstance(value, _Encrypted):
        yield location, {"config": config_key(location)}
    elif isinstance(value, Mapping):
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

"""What a value may be. Rules are made from a vendor's model where there is one, and written out where there is not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, cast

Problem: TypeAlias = tuple[str, str]
"""A property path and what is wrong there."""


class Rule(Protocol):
    """Checks one value that is known and not None."""

    def problems(self, value: Any, path: str) -> Iterator[Problem]: ...


def problems_of(rule: Rule, value: Any, path: str) -> Iterator[Problem]:
    """The problems of a value. What is no JSON value (one that only an update will know) is passed over."""
    if isinstance(value, str | bool | int | float | list | dict):
        yield from rule.problems(value, path)


@dataclass(frozen=True, slots=True)
class Text:
    """A string. ``pattern`` has to match all of it; ``shortest`` and ``longest`` count characters."""

    pattern: str = ""
    shortest: int = 0
    longest: int | None = None
    choices: tuple[str, ...] = ()

    def problems(self, value: Any, path: str) -> Iterator[Problem]:
        if not isinstance(value, str):
            yield path, f"expected a string, got {_kind(value)}"
            return
        if self.choices and value not in self.choices:
            yield path, f"expected {path} to be one of {list(self.choices)}, got {value}"
        if len(value) < self.shortest or (self.longest is not None and len(value) > self.longest):
            limit = f"{self.shortest} to {self.longest}" if self.longest is not None else f"at least {self.shortest}"
            yield path, f"has {len(value)} characters; allowed are {limit}"
        if self.pattern and not re.fullmatch(self.pattern, value):
            yield path, f"{value!r} does not match {self.pattern}"


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    def problems(self, value: Any, path: str) -> Iterator[Problem]:
        if not isinstance(value, bool):
            yield path, f"expected true or false, got {_kind(value)}"


@dataclass(frozen=True, slots=True)
class Number:
    """An integer within inclusive limits."""

    least: int | None = None
    most: int | None = None

    def problems(self, value: Any, path: str) -> Iterator[Problem]:
        if isinstance(value, bool) or not isinstance(value, int):
            yield path, f"expected an integer, got {_kind(value)}"
        elif (self.least is not None and value < self.least) or (self.most is not None and value > self.most):
            yield path, f"expected {path} to be in the range ({self.least} - {self.most}), got {value}"


@dataclass(frozen=True, slots=True)
class JsonText:
    """A string that holds a JSON object; ``longest`` counts its characters without insignificant white space."""

    longest: int | None = None

    def problems(self, value: Any, path: str) -> Iterator[Problem]:
        if not isinstance(value, str):
            yield path, f"expected a string with JSON, got {_kind(value)}"
            return
        try:
            document = json.loads(value)
        except ValueError as error:
            yield path, f"contains an invalid JSON: {error}"
            return
        if not isinstance(document, dict):
            yield path, "contains JSON that is not an object"
        size = len(json.dumps(document, separators=(",", ":"), ensure_ascii=False))
        if self.longest is not None and size > self.longest:
            yield path, f"has {size} characters without white space; allowed are {self.longest}"


@dataclass(frozen=True, slots=True)
class Items:
    """A list of values, each under ``rule``."""

    rule: Rule
    least: int = 0
    most: int | None = None

    def problems(self, value: Any, path: str) -> Iterator[Problem]:
        if not isinstance(value, list):
            yield path, f"expected a list, got {_kind(value)}"
            return
        items = cast("list[Any]", value)
        if len(items) < self.least or (self.most is not None and len(items) > self.most):
            yield (
                path,
                f"has {len(items)} items; allowed are {self.least} to {self.most if self.most is not None else '…'}",
            )
        for index, item in enumerate(items):
            yield from problems_of(self.rule, item, f"{path}[{index}]")


@dataclass(frozen=True, slots=True)
class Entries:
    """A map of texts, such as tags."""

    key: Rule = field(default_factory=Text)
    value: Rule = field(default_factory=Text)
    most: int | None = None

    def problems(self, value: Any, path: str) -> Iterator[Problem]:
        if not isinstance(value, dict):
            yield path, f"expected a map, got {_kind(value)}"
            return
        entries = cast("dict[str, Any]", value)
        if self.most is not None and len(entries) > self.most:
            yield path, f"has {len(entries)} entries; allowed are at most {self.most}"
        for key, item in entries.items():
            yield from problems_of(self.key, key, f"{path}.{key}")
            yield from problems_of(self.value, item, f"{path}.{key}")


@dataclass(frozen=True, slots=True)
class Fields:
    """An object with exactly these properties; ``required`` must be there."""

    properties: Mapping[str, Rule]
    required: tuple[str, ...] = ()

    def problems(self, value: Any, path: str) -> Iterator[Problem]:
        if not isinstance(value, dict):
            yield path, f"expected an object, got {_kind(value)}"
            return
        given = cast("dict[str, Any]", value)
        for name in self.required:
            if given.get(name) is None:
                yield f"{path}.{name}", "is required"
        for name, item in given.items():
            if name not in self.properties:
                yield f"{path}.{name}", f"is not a property here; there are {', '.join(sorted(self.properties))}"
            else:
                yield from problems_of(self.properties[name], item, f"{path}.{name}")


@dataclass(frozen=True, slots=True)
class Anything:
    """A value that the vendor's model does not describe."""

    def problems(self, value: Any, path: str) -> Iterator[Problem]:
        del value, path
        yield from ()


def _kind(value: object) -> str:
    names = ((dict, "an object"), (list, "a list"), (bool, "a boolean"), (str, "a string"))
    return next((name for kind, name in names if isinstance(value, kind)), "a number")

# botocore has no types; what is taken from it is checked here and handed on as Any or as rules.
# pyright: basic
"""Rules from botocore's service models: the vendor's own statement of what an API takes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StringShape, StructureShape

from rehearsal.emulators.rules import Anything, Entries, Flag, Items, Number, Problem, Rule, Text, problems_of

_CLASSES = {r"\p{L}": r"\w", r"\p{Z}": r"\s", r"\p{N}": r"\d", r"\p{M}": "", r"\p{P}": ""}


def input_shape(service: str, operation: str) -> Any:
    """The structure of an operation's parameters; None where it has none."""
    return service_model(service).operation_model(operation).input_shape


def input_members(service: str, operation: str) -> dict[str, Any]:
    """An operation's parameters: botocore's shapes by the model's names."""
    shape = input_shape(service, operation)
    return dict(shape.members) if shape is not None else {}


@cache
def service_model(service: str) -> Any:
    """The model of the newest API version that the installed botocore has."""
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


def member(service: str, operation: str, *path: str) -> Rule:
    """The rule of an operation's input member, ``path`` leading into structures and lists.

    Raises KeyError for one that the model does not have, at import: a misspelt member is a bug of a type's declaration.
    """
    shape: Any = input_shape(service, operation)
    for name in path:
        while isinstance(shape, ListShape):
            shape = shape.member
        if not isinstance(shape, StructureShape):
            raise KeyError(f"{service} {operation}: {name} is not in a structure")
        shape = cast("dict[str, Shape]", shape.members)[name]
    return rule_of(shape)


def rule_of(shape: Any, *, exact: bool = False) -> Rule:
    """The rule that a shape's type and constraints make.

    Properties of structures begin with a small letter, as programs spell them, or with ``exact`` as the API spells them.
    """
    limits: dict[str, Any] = shape.metadata
    match shape:
        case StringShape():
            choices = tuple(limits.get("enum", ()))
            return Text(_pattern(limits.get("pattern", "")), limits.get("min", 0), limits.get("max"), choices)
        case ListShape():
            return Items(rule_of(shape.member, exact=exact), limits.get("min", 0), limits.get("max"))
        case MapShape():
            return Entries(rule_of(shape.key), rule_of(shape.value, exact=exact), limits.get("max"))
        case StructureShape():
            return StructureRule(shape, exact)
        case _:
            pass
    if shape.type_name == "boolean":
        return Flag()
    if shape.type_name in ("integer", "long"):
        return Number(limits.get("min"), limits.get("max"))
    return Anything()


@dataclass(frozen=True)
class StructureRule:
    """A structure whose properties are the model's members."""

    shape: Any
    exact: bool

    def problems(self, value: Any, path: str) -> Iterator[Problem]:
        if not isinstance(value, dict):
            yield path, "expected an object"
            return
        given = cast("dict[str, Any]", value)
        members = {self._name(name): shape for name, shape in cast("dict[str, Shape]", self.shape.members).items()}
        for name in self.shape.required_members:
            spelt = self._name(name)
            if given.get(spelt) is None:
                yield f"{path}.{spelt}", "is required"
        for name, item in given.items():
            if name not in members:
                yield f"{path}.{name}", f"is not a property here; there are {', '.join(sorted(members))}"
            else:
                yield from problems_of(rule_of(members[name], exact=self.exact), item, f"{path}.{name}")

    def _name(self, member: str) -> str:
        return member if self.exact else member[0].lower() + member[1:]


def _pattern(pattern: str) -> str:
    # The models are written for Java; Python's expressions lack its Unicode classes and accept more in their place.
    for java, python in _CLASSES.items():
        pattern = pattern.replace(java, python)
    try:
        re.compile(pattern)
    except re.error:
        return ""
    return pattern

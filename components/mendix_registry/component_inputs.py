"""A component's inputs as Pulumi keeps them: in the state, in previews and before policies, under the schema's and the stack file's
names."""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pulumi
from pydantic.alias_generators import to_camel

from mendix_registry.settings.section import Section
from mendix_registry.settings.values import OriginText, SecretText


def component_inputs(args: Mapping[str, Any], args_type: type[Any]) -> dict[str, Any]:
    """``args`` with the schema's names instead of Python's; ``args_type`` is their TypedDict. It shows which of the dictionaries
    within also have names of that kind."""
    return {name: value for name, value in _named(args, args_type).items() if value is not None}


def _named(args: Mapping[str, Any], args_type: type[Any]) -> dict[str, Any]:
    # The SDK's type of an input is "Output[T]" in its own words.
    hints = typing.get_type_hints(args_type, localns={"Output": pulumi.Output, "T": Any})
    return {to_camel(name): _renamed(value, hints.get(name)) for name, value in args.items()}


def _renamed(value: Any, hint: Any) -> Any:
    if isinstance(value, Mapping) and typing.is_typeddict(hint):
        # Null within is a value: it leaves a field alone that has a default.
        return _named(cast("Mapping[str, Any]", value), hint)
    inner = typing.get_args(hint)
    if inner and isinstance(value, Sequence) and not isinstance(value, str):
        return [_renamed(item, inner[0]) for item in cast("Sequence[Any]", value)]
    return cast("Any", value)


_ELSEWHERE = (SecretText, OriginText, pulumi.Output)
"""What is, or may be, a credential, and what a program gives as an output."""


def settings_inputs(section: Section) -> dict[str, Any]:
    """``section`` as the stack file gives it, without defaults.

    Credentials and outputs are left out: the state has them where they are used (a Secret, an annotation), and of a program at its
    ``MendixRegistry``. So every input is known in a preview, and none is a secret.
    """
    fields = type(section).model_fields
    given = {field.alias or name: (getattr(section, name), field) for name, field in fields.items()}
    return _items(
        {name: value for name, (value, field) in given.items() if value != field.get_default(call_default_factory=True)}
    )


def _items(values: Mapping[str, Any]) -> dict[str, Any]:
    plain = {name: _plain(value) for name, value in values.items() if not isinstance(value, _ELSEWHERE)}
    return {name: value for name, value in plain.items() if value != {}}


def _plain(value: Any) -> Any:
    match value:
        case Section():
            return settings_inputs(value)
        case Mapping():
            return _items(cast("Mapping[str, Any]", value))
        case tuple() | list():
            return [_plain(item) for item in cast("Sequence[Any]", value)]
        case _:
            return value

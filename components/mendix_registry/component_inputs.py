"""A component's arguments as Pulumi keeps them: in the state, in previews and before policies, under the schema's names."""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pulumi
from pydantic.alias_generators import to_camel


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

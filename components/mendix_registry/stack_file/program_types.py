"""Writes the types of what a program gives to :class:`mendix_registry.MendixRegistry`, from the types of the stack file.

Pulumi's analyzer of components reads annotations and docstrings from source, and knows neither unions nor literals: so there is a
module for it, ``mendix_registry/stack_args.py``. It is written with the JSON Schema, by ``python -m
mendix_registry.stack_file.schema``; a test fails if it is not current.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from mendix_registry.settings.section import Section
from mendix_registry.settings.stack import Settings
from mendix_registry.settings.values import OriginText

PATH = Path(__file__).parents[1] / "stack_args.py"

_PARTS = ("namespaces", "cluster", "operator_configuration", "builder")
"""The keys that have a type. The key ``registry`` has none: its keys depend on ``type``, and Pulumi's schema has no such unions."""

_HEADER = '''"""What a program gives to :class:`mendix_registry.MendixRegistry` besides ``registry``: the stack file's keys.

Written by ``python -m mendix_registry.stack_file.schema`` from the types of the stack file.
"""

# No ``from __future__ import annotations``: the SDK's schema analyzer reads these annotations as types.

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict
'''


def text() -> str:
    """The module as it stands in the file."""
    sections: dict[type[Section], None] = {}
    for part in _PARTS:
        for found in _sections(Settings.model_fields[part].annotation):
            sections.setdefault(found)
    return "\n\n".join([_HEADER, *map(_class, sections)])


def _sections(hint: Any) -> Iterator[type[Section]]:
    """The sections that ``hint`` has in it, each after those that it needs."""
    if isinstance(hint, type) and issubclass(hint, Section):
        for field in hint.model_fields.values():
            yield from _sections(field.annotation)
        yield hint
    for inner in get_args(hint):
        yield from _sections(inner)


def _class(section: type[Section]) -> str:
    lines = [f"class {section.__name__}Args(TypedDict):", *_docstring(section.__doc__ or "")]
    for name, field in section.model_fields.items():
        hint = _type(field.annotation)
        if field.default is None:
            # Left out, it is the same.
            hint = hint.removesuffix(" | None")
        lines += ["", f"    {name}: {hint if field.is_required() else f'NotRequired[{hint}]'}"]
        lines += _docstring(_description(field))
    return "\n".join(lines) + "\n"


def _type(hint: Any) -> str:
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _type(inner[0])
    if NoneType in inner:
        return " | ".join("None" if each is NoneType else _type(each) for each in inner)
    if origin is Literal:
        return "str"
    if origin is tuple:
        return f"Sequence[{_type(inner[0])}]"
    if origin is dict:
        return f"Mapping[str, {_type(inner[1])}]"
    if hint is Any or hint is OriginText:
        # A text, or the place where it stands.
        return "Any"
    return f"{hint.__name__}Args" if issubclass(hint, Section) else hint.__name__


def _description(field: FieldInfo) -> str:
    words = field.description or ""
    choices = [value for value in get_args(field.annotation) if isinstance(value, str)]
    if get_origin(field.annotation) is Literal and not all(f"``{choice}``" in words for choice in choices):
        words += f" One of {', '.join(f'``{choice}``' for choice in choices)}."
    default = field.default
    if isinstance(default, str | int) and not re.search("[Dd]efault:", words):
        words += f" Default: ``{str(default).lower() if isinstance(default, bool) else default}``."
    return words


def _docstring(words: str) -> list[str]:
    flat = " ".join(words.replace("``", "`").split())
    return textwrap.wrap(f'"""{flat}"""', 120, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False)


def write() -> Path:
    """Writes the file and returns its path."""
    PATH.write_text(text(), encoding="utf-8")
    return PATH

"""YAML files read as Pulumi's CLI reads them, with the place of every value.

The CLI's parser (go-yaml v3) follows YAML 1.2 where PyYAML follows 1.1: ``yes`` and ``1:30`` are text, ``1e3`` is a number. A
stack file must mean the same to both, so plain scalars are resolved here by go-yaml's rules.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path as FilePath
from typing import Any, TypeAlias, cast

import yaml

from rehearsal.engine.project.errors import ProjectError

Path: TypeAlias = tuple[str | int, ...]
_PLAIN = "plain"
_TAG = "tag:yaml.org,2002:"


class _Loader(yaml.CSafeLoader):
    """Composes nodes, and leaves it open what a plain scalar is."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> str:
        if kind is yaml.ScalarNode:
            return _PLAIN if implicit[0] else f"{_TAG}str"
        return cast("str", super().resolve(kind, value, implicit))  # pyright: ignore[reportUnknownMemberType]


@dataclass(slots=True)
class Document:
    """The value of a YAML file, and where each part of it stands (line and column, from 1)."""

    path: FilePath
    text: str
    value: Any = None
    places: dict[Path, tuple[int, int]] = field(default_factory=dict[Path, tuple[int, int]])

    def place(self, path: Path) -> str:
        """``file:line:column`` of a value, or of what would hold it."""
        while path not in self.places and path:
            path = path[:-1]
        line, column = self.places.get(path, (1, 1))
        return f"{self.path}:{line}:{column}"

    def problem(self, path: Path, message: str) -> str:
        return f"{self.place(path)}: {message}"


def read_document(path: FilePath, purpose: str) -> Document:
    """Raises ProjectError where the file cannot be read or is not YAML. ``purpose`` says what the file is, for errors."""
    try:
        return parse_document(path, path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise ProjectError(f"{path}: {purpose} cannot be read: {error.strerror or error}. Make it readable.") from error
    except UnicodeDecodeError as error:
        raise ProjectError(f"{path}: {purpose} is not UTF-8 text ({error}). Save it as UTF-8.") from error


def parse_document(path: FilePath, text: str) -> Document:
    """Raises ProjectError where the text is not YAML, or not what the CLI accepts."""
    document = Document(path, text)
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        details = ", ".join(each for each in (error.context, error.problem) if each)
        raise ProjectError(f"{where}: not YAML: {details}. Correct this line or the one before.") from error
    except yaml.YAMLError as error:
        raise ProjectError(f"{path}: not YAML: {error}. Remove what a text file does not hold.") from error
    if node is not None:
        document.value = _value(document, node, (), ())
    return document


def _value(document: Document, node: yaml.Node, path: Path, above: tuple[yaml.Node, ...]) -> Any:
    document.places.setdefault(path, (node.start_mark.line + 1, node.start_mark.column + 1))
    if node in above:
        raise ProjectError(document.problem(path, "an alias that contains itself cannot be a configuration value"))
    if isinstance(node, yaml.MappingNode):
        return _mapping(document, node, path, (*above, node))
    if isinstance(node, yaml.SequenceNode):
        items = cast("list[yaml.Node]", node.value)
        return [_value(document, item, (*path, index), (*above, node)) for index, item in enumerate(items)]
    return _scalar(document, cast("yaml.ScalarNode", node), path)


def _mapping(document: Document, node: yaml.MappingNode, path: Path, above: tuple[yaml.Node, ...]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    merged: dict[str, Any] = {}
    for key_node, value_node in cast("list[tuple[yaml.Node, yaml.Node]]", node.value):
        if not isinstance(key_node, yaml.ScalarNode):
            raise ProjectError(document.problem(path, "a key must be a text, not a list or a mapping"))
        key = cast("str", key_node.value)
        if key == "<<" and key_node.tag == _PLAIN:
            for source in value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]:
                extra = _value(document, source, path, above)
                if not isinstance(extra, dict):
                    raise ProjectError(document.problem(path, "only mappings can be merged by <<"))
                merged = {**cast("dict[str, Any]", extra), **merged}
            continue
        line, column = key_node.start_mark.line + 1, key_node.start_mark.column + 1
        if key in result:
            raise ProjectError(
                f"{document.path}:{line}:{column}: the key {key!r} stands twice in one mapping (first in line "
                f"{document.places[*path, key][0]}), so one value would be lost. Remove one."
            )
        document.places[*path, key] = (line, column)
        result[key] = _value(document, value_node, (*path, key), above)
    return {**merged, **result}


_WORDS: dict[str, Any] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INTEGER = re.compile(r"([-+]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|[1-9][0-9]*|0)")
_TIME = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})(?:(?:[Tt]| )(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,9}))?(Z|[-+]\d\d:\d\d)?)?"
)


def _scalar(document: Document, node: yaml.ScalarNode, path: Path) -> Any:
    text = cast("str", node.value)
    tag = node.tag
    if tag == f"{_TAG}str":
        return text
    if tag not in (_PLAIN, *(f"{_TAG}{kind}" for kind in ("int", "float", "bool", "null"))):
        raise ProjectError(document.problem(path, f"the tag {tag} has no meaning in this file. Remove it."))
    value = resolve_plain(text)
    if isinstance(value, float) and not math.isfinite(value):
        raise ProjectError(
            document.problem(path, f"{text} cannot be passed to a program. Write a number, or quote it.")
        )
    return value


def resolve_plain(text: str) -> Any:
    """What go-yaml v3 takes a plain scalar for (``resolve.go``); times become the text Go prints for them."""
    if text in _WORDS:
        return _WORDS[text]
    if not text or text[0] not in "+-.0123456789":
        return text
    time = _time(text) if text[0].isdigit() else None
    if time is not None:
        return time
    plain = text.replace("_", "") if text[0] != "." else text
    integer = _INTEGER.fullmatch(plain)
    if integer:
        number = _integer(integer[1], integer[2])
        if -(2**63) <= number < 2**64:
            return number
    if _FLOAT.fullmatch(plain):
        value = float(plain)
        # The CLI writes the file out once more before it reads it, and then 1.0 is 1.
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    return text


def _integer(sign: str, digits: str) -> int:
    if len(digits) > 1 and digits[0] == "0" and digits[1].isdigit():
        digits = f"0o{digits[1:]}"
    return int(sign + digits, 0)


def _time(text: str) -> str | None:
    found = _TIME.fullmatch(text)
    if not found or ("T" not in text.upper() and found[8]) or ("T" in text.upper() and not found[8]):
        return None
    year, month, day, hour, minute, second, fraction, zone = found.groups(default="")
    try:
        datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0))
    except ValueError:
        return None
    fraction = fraction.rstrip("0")
    offset = "+0000 UTC"
    if zone not in ("", "Z"):
        short = zone.replace(":", "")
        offset = f"{short} {short}" if short not in ("+0000", "-0000") else "+0000 +0000"
    clock = f"{int(hour or 0):02}:{int(minute or 0):02}:{int(second or 0):02}{'.' + fraction if fraction else ''}"
    return f"{year}-{int(month):02}-{int(day):02} {clock} {offset}"

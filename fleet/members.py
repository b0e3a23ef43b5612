"""The namespaces of a fleet, from the list in its file or from a CSV file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from fleet.problems import FleetError, FleetProblem
from mendix_registry.settings.stack import Namespace

_COLUMNS = {field.alias or name: name for name, field in Namespace.model_fields.items() if name not in ("labels",)}
_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Member:
    """A namespace as the fleet has it: ``entry`` is what a stack file has for it, ``path`` where it stands."""

    name: str
    entry: Mapping[str, Any]
    path: str


def read_members(namespaces: Any, directory: Path) -> tuple[Member, ...]:
    """The members, in the order of their file. ``directory`` is that of the fleet file.

    Raises:
        FleetError: with every entry that is none, and every name that is there twice.
    """
    problems: list[FleetProblem] = []
    members = tuple(_members(namespaces, directory, problems))
    first: dict[str, Member] = {}
    for member in members:
        other = first.setdefault(member.name, member)
        if other is not member:
            problems.append(
                FleetProblem(
                    member.path,
                    f"{member.name!r} is in the fleet already, at {other.path}",
                    "a namespace is in exactly one stack; two would write the same objects",
                    "remove one of them",
                )
            )
    if not members and not problems:
        problems.append(FleetProblem("namespaces", "there is no namespace", "", "add at least one"))
    if problems:
        raise FleetError(problems)
    return members


def _members(namespaces: Any, directory: Path, problems: list[FleetProblem]) -> Iterator[Member]:
    if isinstance(namespaces, Mapping):
        mapping = cast("Mapping[str, Any]", namespaces)
        if list(mapping) == ["file"] and isinstance(mapping["file"], str):
            yield from _from_csv(directory / mapping["file"], mapping["file"], problems)
            return
        problems.append(_no_list())
        return
    if not isinstance(namespaces, list):
        problems.append(_no_list())
        return
    for number, entry in enumerate(cast("list[Any]", namespaces)):
        path = f"namespaces[{number}]"
        if isinstance(entry, str):
            yield Member(entry, {"name": entry}, path)
        elif isinstance(entry, Mapping) and isinstance(cast("Mapping[str, Any]", entry).get("name"), str):
            keys = cast("Mapping[str, Any]", entry)
            yield Member(keys["name"], keys, path)
        else:
            problems.append(
                FleetProblem(
                    path,
                    "this is neither a name nor an object with the key name",
                    "",
                    "write the namespace's name, in quotes if YAML reads it as something else",
                )
            )


def _no_list() -> FleetProblem:
    return FleetProblem(
        "namespaces", "a list is needed here", "", "list the namespaces, or write {file: namespaces.csv}"
    )


def _from_csv(path: Path, name: str, problems: list[FleetProblem]) -> Iterator[Member]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        problems.append(
            FleetProblem("namespaces.file", f"{name} cannot be read: {reason}", "", "correct the path or the file")
        )
        return
    reader = csv.DictReader(io.StringIO(text))
    columns = list(reader.fieldnames or ())
    unknown = [column for column in columns if column not in _COLUMNS]
    if "name" not in columns or unknown:
        what = f"there is no column {unknown[0]!r}" if unknown else "the column name is missing"
        problems.append(
            FleetProblem(f"{name} line 1", what, "", f"the first line names the columns: {', '.join(_COLUMNS)}")
        )
        return
    for row in _rows(reader, name, problems):
        place = f"{name} line {reader.line_num}"
        # A row that is too long has its rest under None, one that is too short has None as value.
        if None in row or None in row.values():
            problems.append(
                FleetProblem(
                    place, f"it has not {len(columns)} values as the first line has", "", "add or remove commas"
                )
            )
            continue
        given = {key: value.strip() for key, value in row.items() if value.strip()}
        if "name" not in given:
            problems.append(FleetProblem(place, "the name is missing", "", "give it, or remove the line"))
            continue
        yield Member(given["name"], {key: _value(key, value) for key, value in given.items()}, place)


def _rows(reader: csv.DictReader[str], name: str, problems: list[FleetProblem]) -> Iterator[dict[Any, Any]]:
    try:
        yield from reader
    except csv.Error as error:
        problems.append(
            FleetProblem(f"{name} line {reader.line_num}", f"it is not CSV: {error}", "", "correct the line")
        )


def _value(column: str, text: str) -> Any:
    if column == "serviceAccount":
        return {"name": text}
    return _BOOLEANS.get(text.lower(), text) if column == "create" else text

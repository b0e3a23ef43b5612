"""A stack file on disk, read without Pulumi: for editors, pipelines and the tools around the program.

What Pulumi has encrypted stays so: it counts as correct, and nothing is reported about it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from mendix_registry.settings.problems import PROJECT, ConfigurationError, Location, Problem
from mendix_registry.settings.values import STK022, Surroundings
from mendix_registry.stack_file.reading import Reading, parse, remove
from mendix_registry.stack_file.sources import ENCRYPTED

UNSET_VARIABLE = STK022
"""The rule that a variable which the stack file reads is set."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class StackFileError(Exception):
    """There is no such project or stack file, or it is not YAML. The message shows what to do."""


@dataclass(frozen=True, slots=True)
class Place:
    """Line and column of a key or a list's entry, from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class StackFile:
    """``values`` are the configuration keys with their namespace; ``hidden`` the places of encrypted values."""

    stack: str
    path: Path
    directory: Path
    values: Mapping[str, Any]
    hidden: frozenset[Location]
    places: Mapping[Location, Place]

    def place(self, location: Location) -> Place:
        """Where a value stands; of a key that is missing, the object that lacks it."""
        while location and location not in self.places:
            location = location[:-1]
        return self.places.get(location, Place(1, 1))

    def check(
        self, environment: Mapping[str, str], *, unknown: bool = False
    ) -> tuple[Reading | None, tuple[Problem, ...]]:
        """The settings, if nothing is wrong and no encrypted value decides about them, and all problems and warnings.

        ``unknown``: a variable that is not set is no problem, its value is unknown; the rules between fields are left out then.
        """
        surroundings = Surroundings(environment, self.directory, unknown)
        reading, problems = self._read(self.values, surroundings)
        visible = tuple(problem for problem in problems if not self._hidden(problem.location))
        if reading is None and not visible:
            # What only stands for a secret is no kubeconfig, for one: without it the rest can be read.
            values = copy.deepcopy(dict(self.values))
            for problem in problems:
                remove(values, (f"{PROJECT}:{problem.location[0]}", *problem.location[1:]))
            reading, _ = self._read(values, surroundings)
        return reading, visible

    def _read(self, values: Mapping[str, Any], surroundings: Surroundings) -> tuple[Reading | None, Sequence[Problem]]:
        keys = {f"{PROJECT}:{location[0]}" for location in self.hidden}
        try:
            reading = parse(values, keys, surroundings)
        except ConfigurationError as error:
            return None, error.problems
        return reading, reading.warnings

    def _hidden(self, location: Location) -> bool:
        return any(location[: len(each)] == each for each in self.hidden)


def load(stack: str, start: Path) -> StackFile:
    """The stack file of the project that the directory ``start`` lies in.

    Raises:
        StackFileError: there is none, or it is not YAML.
    """
    around = (each / name for each in (start, *start.parents) for name in ("Pulumi.yaml", "Pulumi.yml"))
    project = next((each for each in around if each.is_file()), None)
    if project is None:
        raise StackFileError(f"There is no Pulumi.yaml in {start} or above it. Go to the project's directory.")
    declared = _mapping(_read(project))
    path = project.parent / str(declared.get("stackConfigDir", ".")) / f"Pulumi.{stack}{project.suffix}"
    if not path.is_file():
        known = sorted(each.name.split(".")[1] for each in path.parent.glob(f"Pulumi.*{project.suffix}"))
        raise StackFileError(f"There is no stack file {path}. Stacks here: {', '.join(known) or 'none'}.")
    config = _mapping(_mapping(_read(path)).get("config"))
    hidden: set[Location] = set()
    values = {key: _without_secrets(value, (key.removeprefix(f"{PROJECT}:"),), hidden) for key, value in config.items()}
    return StackFile(stack, path, project.parent, values, frozenset(hidden), dict(_places(path)))


def _read(path: Path) -> Any:
    try:
        return yaml.load(path.read_bytes(), Loader=_LOADER)  # noqa: S506 - both are safe loaders
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        at = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        raise StackFileError(f"{at} is not YAML: {error.problem}. Correct it at this place, or just before.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise StackFileError(f"{path} is not YAML in UTF-8: {error}") from None


def _mapping(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _without_secrets(value: Any, location: Location, hidden: set[Location]) -> Any:
    if isinstance(value, Mapping):
        mapping = cast("Mapping[str, Any]", value)
        if list(mapping) == ["secure"] and len(location) > 1:
            hidden.add(location)
            return ENCRYPTED
        return {key: _without_secrets(item, (*location, key), hidden) for key, item in mapping.items()}
    if isinstance(value, list):
        items = cast("list[Any]", value)
        return [_without_secrets(item, (*location, number), hidden) for number, item in enumerate(items)]
    return value


def _places(path: Path) -> Iterator[tuple[Location, Place]]:
    root = yaml.compose(path.read_text(encoding="utf-8"), _LOADER)
    if isinstance(root, yaml.MappingNode):
        for key, value in root.value:
            if key.value == "config":
                yield (), _at(key)
                yield from _below(value, ())


def _below(node: yaml.Node, location: Location) -> Iterator[tuple[Location, Place]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            name = str(key.value)
            inner = (*location, name if location else name.removeprefix(f"{PROJECT}:"))
            yield inner, _at(key)
            yield from _below(value, inner)
    elif isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            yield (*location, number), _at(item)
            yield from _below(item, (*location, number))


def _at(node: yaml.Node) -> Place:
    return Place(node.start_mark.line + 1, node.start_mark.column + 1)

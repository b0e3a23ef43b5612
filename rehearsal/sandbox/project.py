"""The Pulumi project that a command means: its file and its stacks."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

_NAMES = ("Pulumi.yaml", "Pulumi.yml")
_STACK_FILE = re.compile(r"Pulumi\.(.+)\.ya?ml")
DEFAULT_STACK = "local"
"""The stack that needs nothing but this machine: harmless to choose where none was named."""


class UsageError(Exception):
    """The command cannot run as it was given: exit status 2. The text states what to do."""


@dataclass(frozen=True, slots=True)
class Project:
    """A Pulumi project. Paths are absolute."""

    file: Path
    name: str
    stack_directory: Path

    @property
    def root(self) -> Path:
        return self.file.parent

    def stacks(self) -> list[str]:
        """The names of the stacks that have a file, sorted."""
        return sorted(
            found[1] for path in self.stack_directory.glob("Pulumi.*") if (found := _STACK_FILE.fullmatch(path.name))
        )

    def stack_path(self, stack: str) -> Path:
        """The stack's file. Raises UsageError where there is none."""
        path = self.stack_directory / f"Pulumi.{stack}{self.file.suffix}"
        if path.is_file():
            return path
        names = self.stacks()
        close = difflib.get_close_matches(stack, names, n=1)
        raise UsageError(
            f"There is no stack {stack!r}: {path} does not exist."
            + (f" Did you mean {close[0]}?" if close else "")
            + (f"\nThe stacks of {self.name} are: {', '.join(names)}." if names else "")
            + f"\nTo create it, write {path.name}, for instance as a copy of another."
        )


def load_project(start: Path) -> Project:
    """The project that directory ``start`` lies in. Raises UsageError where there is none, or its file cannot be read."""
    start = start.absolute()
    file = next((d / name for d in (start, *start.parents) for name in _NAMES if (d / name).is_file()), None)
    if file is None:
        raise UsageError(
            f"There is no Pulumi.yaml in {start} or above it. Go to the project's directory, or give --cwd."
        )
    content = _mapping(read_yaml(file))
    name = content.get("name")
    if not isinstance(name, str) or not name:
        raise UsageError(f"{file} has no name, which Pulumi needs. Add `name:` and `runtime:`.")
    directory = content.get("stackConfigDir")
    return Project(file, name, (file.parent / directory if isinstance(directory, str) else file.parent).resolve())


def choose_stack(named: str | None, stacks: Sequence[str], environ: Mapping[str, str]) -> str:
    """The stack to work on: ``--stack``, else ``PULUMI_STACK``, else the only one there is, else ``local``.

    Raises UsageError where that leaves none.
    """
    chosen = named or environ.get("PULUMI_STACK")
    if chosen:
        return chosen
    if len(stacks) == 1:
        return stacks[0]
    if DEFAULT_STACK in stacks:
        return DEFAULT_STACK
    if not stacks:
        raise UsageError(
            "This project has no stack file, so there is nothing to deploy.\n"
            "Write one: stacks/Pulumi.local.yaml is the usual first; the README shows it."
        )
    raise UsageError(f"Which stack? There are {len(stacks)}: {', '.join(stacks)}.\nName one with --stack.")


def read_yaml(path: Path) -> Any:
    """The document of a YAML file. Raises UsageError with the place of what is wrong."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.load(path.read_bytes(), Loader=loader)  # noqa: S506 - both are safe loaders
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        raise UsageError(
            f"{place}: this is not YAML: {error.problem}. Correct it at this place, or just before."
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: this is not YAML in UTF-8: {error}") from error


def _mapping(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}

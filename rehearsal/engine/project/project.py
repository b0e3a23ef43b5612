"""Pulumi.yaml: ``sdk/go/common/workspace/project.go``."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rehearsal.engine.project.declaration import ConfigDeclaration, read_declarations
from rehearsal.engine.project.document import Document, read_document
from rehearsal.engine.project.errors import NoSuchStackError, ProjectError
from rehearsal.engine.project.stack_file import StackFile, load_stack_file

_NAMES = ("Pulumi.yaml", "Pulumi.yml")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")


@dataclass(frozen=True, slots=True)
class PluginPath:
    """A plugin the project brings along. Without ``version`` it serves any version that is asked for."""

    name: str
    path: Path
    version: str = ""


@dataclass(frozen=True, slots=True)
class Project:
    """A Pulumi project. Paths are absolute."""

    file: Path
    name: str
    runtime: str
    runtime_options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    description: str = ""
    main: str = ""
    stack_directory: Path = Path()
    config: Mapping[str, ConfigDeclaration] = field(default_factory=dict[str, ConfigDeclaration])
    """Declared configuration, by ``namespace:key``."""
    plugins: Mapping[str, tuple[PluginPath, ...]] = field(default_factory=dict[str, tuple[PluginPath, ...]])
    """By ``providers``, ``analyzers`` and ``languages``."""
    backend_url: str = ""
    refresh_always: bool = False

    @property
    def root(self) -> Path:
        return self.file.parent

    @property
    def program_directory(self) -> Path:
        """Where the program runs: ``main`` names this directory, or a file in it."""
        program = self.root / self.main
        return program.parent if program.is_file() else program

    def stacks(self) -> list[str]:
        """The names of the stacks that have a file."""
        pattern = re.compile(r"Pulumi\.(.+)\.ya?ml")
        names = {found[1] for path in self.stack_directory.glob("Pulumi.*") if (found := pattern.fullmatch(path.name))}
        return sorted(names)

    def stack_path(self, stack: str) -> Path:
        return self.stack_directory / f"Pulumi.{stack}{self.file.suffix}"

    def stack_file(self, stack: str) -> StackFile:
        """Raises NoSuchStackError where there is none, ProjectError where it is wrong."""
        path = self.stack_path(stack)
        if not path.is_file():
            raise NoSuchStackError(self._no_such_stack(stack, path))
        return load_stack_file(path, stack, self.name, self.config)

    def _no_such_stack(self, stack: str, path: Path) -> str:
        names = self.stacks()
        close = difflib.get_close_matches(stack, names, n=1)
        meant = f" Did you mean {close[0]}?" if close else ""
        there = f"The stacks of {self.name} are: {', '.join(names)}." if names else f"{self.name} has no stacks yet."
        how = f"To make it, write {path}, for instance as a copy of another." if _NAME.fullmatch(stack) else ""
        return f"no such stack: {stack!r}, since there is no file {path}.{meant} {there} {how}".rstrip()


class _Plugin(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    name: str
    path: str
    version: str | None = None


class _Plugins(BaseModel):
    model_config = ConfigDict(strict=True)
    providers: list[_Plugin] | None = None
    analyzers: list[_Plugin] | None = None
    languages: list[_Plugin] | None = None


class _Runtime(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    name: str = Field(min_length=1)
    options: dict[str, Any] | None = None


class _Backend(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    url: str | None = None


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    refresh: str | None = Field(default=None, pattern="^always$")


class _File(BaseModel):
    """What this engine reads of the file. Other keys are allowed, as the CLI allows them."""

    model_config = ConfigDict(extra="allow", strict=True)
    name: str = Field(min_length=1)
    runtime: str | _Runtime
    main: str | None = None
    description: str | None = None
    config: dict[str, Any] | str | None = None
    stackConfigDir: str | None = None  # noqa: N815 - the file's own spelling
    backend: _Backend | None = None
    options: _Options | None = None
    plugins: _Plugins | None = None


def load_project(start: Path) -> Project:
    """The project that ``start`` (a directory) lies in, or whose file it is.

    Raises ProjectError where there is none, or with every problem its file has.
    """
    path = _find(start.absolute())
    document = read_document(path, "the project file")
    value: Any = document.value
    if not isinstance(value, dict):
        raise ProjectError(f"{path}:1:1: a project file is a mapping. It needs at least name and runtime.")
    try:
        content = _File.model_validate(cast("dict[str, Any]", value))
    except ValidationError as error:
        raise ProjectError("\n".join(_problems(document, error))) from error
    if not _NAME.fullmatch(content.name):
        raise ProjectError(
            document.problem(
                ("name",), f"{content.name!r} cannot be a project's name: use letters, digits, '-', '_' and '.'"
            )
        )
    directory = content.stackConfigDir or ""
    declared = content.config
    if isinstance(declared, str):  # the key's meaning before stackConfigDir
        if directory:
            raise ProjectError(
                document.problem(("config",), "both config and stackConfigDir name the directory of stacks")
            )
        directory, declared = declared, None
    runtime = content.runtime
    plugins = content.plugins or _Plugins()
    return Project(
        file=path,
        name=content.name,
        runtime=runtime if isinstance(runtime, str) else runtime.name,
        runtime_options={} if isinstance(runtime, str) else runtime.options or {},
        description=content.description or "",
        main=content.main or "",
        stack_directory=Path(os.path.normpath(path.parent / directory)),
        config=read_declarations(document, content.name, declared or {}),
        plugins={
            kind: tuple(PluginPath(each.name, path.parent / each.path, each.version or "") for each in entries or ())
            for kind, entries in (
                ("providers", plugins.providers),
                ("analyzers", plugins.analyzers),
                ("languages", plugins.languages),
            )
        },
        backend_url=(content.backend.url if content.backend else None) or "",
        refresh_always=bool(content.options and content.options.refresh),
    )


def _find(start: Path) -> Path:
    if start.is_file():
        return start
    for directory in (start, *start.parents):
        for name in _NAMES:
            if (directory / name).is_file():
                return directory / name
    raise ProjectError(
        f"there is no Pulumi.yaml in {start} or above it, so it is not known what to deploy. Go to the project's directory."
    )


def _problems(document: Document, error: ValidationError) -> list[str]:
    lines: list[str] = []
    for each in error.errors():
        # Members of a union appear in the location by their type's name, which is not in the file.
        path = tuple(
            part for part in each["loc"] if part not in ("str", "_Runtime") and not str(part).startswith("dict[")
        )
        name = ".".join(str(part) for part in path)
        if each["type"] == "missing":
            message = f"{name} is missing, which Pulumi needs. Add it."
        elif each["type"] == "extra_forbidden":
            message = f"{name} is not a key that Pulumi knows here. Remove it or correct its spelling."
        else:
            message = f"{name}: {each['msg'][0].lower()}{each['msg'][1:]}. Correct the value."
        lines.append(document.problem(path, message))
    return list(dict.fromkeys(lines))

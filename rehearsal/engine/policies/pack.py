"""A policy pack as files: ``PulumiPolicy.yaml`` (``PolicyPackProject`` of ``sdk/go/common/workspace/project.go``)."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rehearsal.engine.policies.errors import PolicyConfigurationError

FILE = "PulumiPolicy.yaml"


@dataclass(frozen=True, slots=True)
class PolicyPackChoice:
    """A pack that was asked for: its directory and, where given, the JSON file with its configuration."""

    directory: Path
    configuration: Path | None = None


@dataclass(frozen=True, slots=True)
class PolicyPackProject:
    """``version`` stands before what the pack's process says of itself, as with the CLI; ``python`` runs the pack."""

    directory: Path
    program: str
    version: str
    python: str


class _Runtime(BaseModel):
    model_config = ConfigDict(strict=True)
    name: str
    options: dict[str, Any] = Field(default_factory=dict[str, Any])


class _File(BaseModel):
    model_config = ConfigDict(strict=True)
    runtime: str | _Runtime
    version: str = ""
    main: str = ""


def load_pack(directory: Path) -> PolicyPackProject:
    """The pack in ``directory``. Raises PolicyConfigurationError."""
    from rehearsal.engine.project.document import read_document

    directory = directory.absolute()
    path = directory / FILE
    if not path.is_file():
        raise PolicyConfigurationError(
            f"{directory} is no policy pack: it has no {FILE}. Name the directory that holds that file after --policy-pack."
        )
    document = read_document(path, "the policy pack's file")
    try:
        content = _File.model_validate(document.value)
    except ValidationError as error:
        problems = "\n".join(document.problem(item["loc"], item["msg"]) for item in error.errors())
        raise PolicyConfigurationError(f"{problems}\nThe pack cannot be started; correct its {FILE}.") from error
    runtime = _Runtime(name=content.runtime) if isinstance(content.runtime, str) else content.runtime
    if runtime.name != "python":
        raise PolicyConfigurationError(
            f"{path}: runtime: {runtime.name} packs are not run here, only python ones. The Pulumi CLI runs it."
        )
    virtualenv = runtime.options.get("virtualenv")
    python = _python(directory, str(virtualenv) if virtualenv else "")
    return PolicyPackProject(directory, content.main or ".", content.version, python)


def _python(directory: Path, virtualenv: str) -> str:
    """The interpreter of the pack's own environment. A pack that names none runs in the engine's."""
    if not virtualenv:
        return sys.executable
    python = directory / virtualenv / "bin" / "python"
    if not python.is_file():
        raise PolicyConfigurationError(
            f"{directory / FILE} names the environment {virtualenv}, which is not there. The pack cannot be started without "
            f"its packages, and without the pack nothing would be checked. Make it: uv sync --directory {directory}"
        )
    return str(python)

"""Stack files that must be refused, each with exactly its problems, and ones that must be accepted.

``wrong/<topic>/*.yaml`` and ``right/<topic>/*.yaml`` beside this file: ``config`` is a stack file's, ``environment`` the variables
of the process, ``encrypted`` the keys that Pulumi says hold something encrypted. ``{file: …}`` is relative to the YAML file.
``problems`` (wrong) are all of the file's errors, ``warnings`` (right, where given) all of its warnings: each the ``rule``'s id, a
``path`` as the message shows it, with or without ``config.mendix-registry:``, and with ``says`` a fragment of its text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from mendix_registry.settings.problems import PROJECT, Problem
from mendix_registry.settings.values import Surroundings
from mendix_registry.stack_file import ConfigurationError, parse
from mendix_registry.stack_file.reading import Reading
from mendix_registry.stack_file.schema import stack_schema

HERE = Path(__file__).parent
WRONG = sorted((HERE / "wrong").rglob("*.yaml"))
RIGHT = sorted((HERE / "right").rglob("*.yaml"))


@pytest.fixture(scope="module")
def editor() -> jsonschema.Draft202012Validator:
    """What an editor does with the schema that a stack file's first line names."""
    # Made once: `jsonschema.validate` checks the whole schema before every file.
    return jsonschema.Draft202012Validator(stack_schema())


def read(path: Path) -> tuple[Mapping[str, Any], Reading | ConfigurationError]:
    file = yaml.safe_load(path.read_text(encoding="utf-8"))
    # Pulumi hands objects and lists to the program as JSON.
    values = {key: value if isinstance(value, str) else json.dumps(value) for key, value in file["config"].items()}
    encrypted = [f"{PROJECT}:{key}" for key in file.get("encrypted", ())]
    try:
        return file, parse(values, encrypted, Surroundings(file.get("environment", {}), path.parent))
    except ConfigurationError as error:
        return file, error


def difference(expected: Iterable[Mapping[str, str]], found: Iterable[Problem]) -> str:
    """What was expected and not told, and what was told and not expected."""
    left = list(found)
    missing: list[str] = []
    for item in expected:
        path = f"config.{PROJECT}:{str(item['path']).removeprefix('config.').removeprefix(PROJECT + ':')}"
        fits = [
            p for p in left if (p.rule.id, p.path) == (item["rule"], path) and _folded(item["says"]) in _folded(str(p))
        ]
        if fits:
            left.remove(fits[0])
        else:
            missing.append(f"not told: {path}  [{item['rule']}]: {item['says']}")
    return "\n".join([*missing, *(f"told: {problem}" for problem in left)])


def _folded(text: str) -> str:
    # Messages begin their sentences with a capital and are broken into lines.
    return " ".join(text.split()).lower()


@pytest.mark.parametrize("path", WRONG, ids=lambda path: str(path.relative_to(HERE)))
def test_a_rejected_stack_file_has_every_place_and_remedy(path: Path) -> None:
    file, answer = read(path)
    assert isinstance(answer, ConfigurationError), "accepted"
    assert difference(file["problems"], answer.problems) == ""
    for problem in answer.problems:
        assert problem.remedy, f"no remedy: {problem}"


@pytest.mark.parametrize("path", RIGHT, ids=lambda path: str(path.relative_to(HERE)))
def test_program_and_editor_accept_every_accepted_stack_file(
    path: Path, editor: jsonschema.Draft202012Validator
) -> None:
    file, answer = read(path)
    assert isinstance(answer, Reading), str(answer)
    if "warnings" in file:
        assert difference(file["warnings"], answer.warnings) == ""
    # A value that was encrypted stands in a corpus file as the program sees it, which the schema of the file refuses.
    if "encrypted" not in file:
        editor.validate({"config": file["config"]})

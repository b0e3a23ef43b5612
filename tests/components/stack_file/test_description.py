"""What stack files mean: the description of every example and of every accepted file of the corpus, as approved.

``pytest --snapshot-update`` writes the descriptions anew; their difference in git is what changes for whoever reads them.
"""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from mendix_registry.settings.values import UNKNOWN, Surroundings, Variables
from mendix_registry.stack_file import ConfigurationError, parse
from mendix_registry.stack_file.description import describe
from mendix_registry.stack_file.file import load
from mendix_registry.stack_file.reading import Reading
from tests.components.stack_file.test_corpus import RIGHT, read
from tests.components.stack_file.test_file import only_nulls_differ, variables
from tests.conftest import ROOT, STACKS


class Description(SingleFileSnapshotExtension):
    file_extension = "json"
    _write_mode = WriteMode.TEXT


def text(description: dict[str, Any]) -> str:
    return json.dumps(description, indent=2) + "\n"


@pytest.mark.parametrize("stack", STACKS)
def test_an_examples_description_is_as_approved(stack: str, snapshot: SnapshotAssertion) -> None:
    environment = Variables(variables(stack))
    file = load(stack, ROOT)
    reading, _ = file.check(environment)
    assert reading is not None
    assert text(describe(reading.settings, stack, environment.asked, file.values)) == snapshot(
        extension_class=Description
    )


@pytest.mark.parametrize("path", RIGHT, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_an_accepted_files_description_is_as_approved(path: Path, snapshot: SnapshotAssertion) -> None:
    file, answer = read(path)
    assert isinstance(answer, Reading)
    given = dict.fromkeys(file.get("environment", ()), True)
    assert text(describe(answer.settings, "production", given, file["config"])) == snapshot(extension_class=Description)


def places(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where a text stands, or what says where it stands."""
    if isinstance(value, str) or (isinstance(value, dict) and list(value) in (["environment"], ["file"])):
        yield at
    elif isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(item, (*at, key))


def test_an_unset_variable_may_stand_for_any_value() -> None:
    """Wherever a stack file takes a variable: what is computed from its value is null in the description, and nothing else."""
    described = 0
    for path in RIGHT:
        file, answer = read(path)
        assert isinstance(answer, Reading)
        complete = describe(answer.settings, "production", {}, file["config"])
        for at in places(file["config"]):
            config = copy.deepcopy(file["config"])
            target: Any = config
            for key in at[:-1]:
                target = target[key]
            target[at[-1]] = {"environment": "NOT_SET"}
            environment = Variables(file.get("environment", {}))
            surroundings = Surroundings(environment, path.parent, unknown=True)
            try:
                settings = parse(config, surroundings=surroundings).settings
            except ConfigurationError:
                continue
            if environment.asked.get("NOT_SET") is None:
                # It is no value of this project's, as in the overlay.
                continue
            partial = describe(settings, "production", environment.asked, config)
            assert partial["prerequisites"] != complete["prerequisites"]
            assert UNKNOWN not in json.dumps(partial, ensure_ascii=False)
            assert partial["settings"] != complete["settings"], at
            for part in ("settings", "registry", "namespaces"):
                assert only_nulls_differ(partial[part], complete[part]), (path, at)
            described += 1
    assert described > 200


def test_a_description_is_made_without_the_sdk() -> None:
    """Which takes half a second to import; editors, CI and every command of the rehearsal ask for a description."""
    code = "import sys, mendix_registry.__main__; sys.exit('pulumi' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

"""What stack files mean: the description of every example and of every accepted file of the corpus, as approved.

``pytest --snapshot-update`` writes the descriptions anew; their difference in git is what changes for whoever reads them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from mendix_registry.settings.values import Variables
from mendix_registry.stack_file.description import describe
from mendix_registry.stack_file.file import load
from mendix_registry.stack_file.reading import Reading
from tests.components.stack_file.test_corpus import RIGHT, read
from tests.components.stack_file.test_file import STACKS, variables
from tests.conftest import ROOT


class Description(SingleFileSnapshotExtension):
    file_extension = "json"
    _write_mode = WriteMode.TEXT


def text(description: dict[str, Any]) -> str:
    return json.dumps(description, indent=2) + "\n"


@pytest.mark.parametrize("stack", STACKS)
def test_an_examples_description_is_as_approved(stack: str, snapshot: SnapshotAssertion) -> None:
    environment = Variables(variables(stack))
    reading, _ = load(stack, ROOT).check(environment)
    assert reading is not None
    assert text(describe(reading.settings, stack, environment.asked)) == snapshot(extension_class=Description)


@pytest.mark.parametrize("path", RIGHT, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_an_accepted_files_description_is_as_approved(path: Path, snapshot: SnapshotAssertion) -> None:
    file, answer = read(path)
    assert isinstance(answer, Reading)
    given = dict.fromkeys(file.get("environment", ()), True)
    assert text(describe(answer.settings, "production", given)) == snapshot(extension_class=Description)

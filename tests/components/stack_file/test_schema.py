"""The JSON Schema that editors use: current, and no stricter than the program about the stack files that come along."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
import yaml

from mendix_registry.stack_file import program_types, schema
from tests.conftest import STACKS as PROJECT_STACKS

pytestmark = pytest.mark.slow

STACKS = Path(__file__).parents[3] / "stacks"


def test_the_schema_file_is_current() -> None:
    assert (STACKS / "stack.schema.json").read_text(encoding="utf-8") == schema.text(), (
        "run python -m mendix_registry.stack_file.schema"
    )


def test_the_types_of_a_programs_inputs_are_current() -> None:
    assert program_types.PATH.read_text(encoding="utf-8") == program_types.text(), (
        "run python -m mendix_registry.stack_file.schema"
    )


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(schema.stack_schema())


def test_editors_underline_nothing_in_the_stack_files_here() -> None:
    editor = jsonschema.Draft202012Validator(schema.stack_schema())
    underlined = {
        path.name: [error.message for error in editor.iter_errors(yaml.safe_load(path.read_text(encoding="utf-8")))]
        for path in (STACKS / f"Pulumi.{stack}.yaml" for stack in PROJECT_STACKS)
    }
    assert len(underlined) > 10
    assert not any(underlined.values()), underlined

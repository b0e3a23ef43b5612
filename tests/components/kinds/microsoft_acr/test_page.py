"""The kind's page and example stacks: what can be pasted works."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from mendix_registry.kinds.microsoft_acr.roles import ACR_PULL, ACR_PUSH, REPOSITORY_READER, REPOSITORY_WRITER
from mendix_registry.kinds.microsoft_acr.settings import AzureRegistry
from mendix_registry.settings.values import Surroundings
from mendix_registry.stack_file import parse

ROOT = Path(__file__).parents[4]
PAGE = (ROOT / "docs/kinds/microsoft-acr.md").read_text(encoding="utf-8")
ENVIRONMENT = {"KRANE_IMAGE": "krane@sha256:" + 64 * "0", "ACR_TOKEN_ORDERS": "a", "ACR_TOKEN_BILLING": "b"}


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found
    return found[1]


def test_the_smallest_stack_file_is_accepted_without_a_warning() -> None:
    config = yaml.safe_load(block("yaml"))["config"]
    assert parse({key: json.dumps(value) for key, value in config.items()}).warnings == ()


@pytest.mark.parametrize("path", sorted(ROOT.glob("stacks/Pulumi.example-microsoft-acr-*.yaml")), ids=lambda p: p.stem)
def test_example_stacks_are_accepted(path: Path) -> None:
    config = yaml.safe_load(path.read_text(encoding="utf-8"))["config"]
    reading = parse({key: json.dumps(value) for key, value in config.items()}, surroundings=Surroundings(ENVIRONMENT))
    told = [problem.location for problem in reading.warnings]
    assert told == ([("registry", "authentication", "method")] if "admin" in path.stem else [])


def test_the_policies_name_exactly_the_roles_that_code_assigns() -> None:
    roles = {ACR_PUSH, ACR_PULL, REPOSITORY_READER, REPOSITORY_WRITER}
    assert set(re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", block("text"))) == roles
    actions = json.loads(block("json"))["Actions"]
    assert not any("*" in action for action in actions)


def test_every_key_is_explained() -> None:
    keys = {field.alias for field in AzureRegistry.model_fields.values()} - {"type", "transport"}
    assert not {key for key in keys if f"`{key}" not in PAGE and f"{key}:" not in PAGE}

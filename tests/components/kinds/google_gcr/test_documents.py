"""What the page and the examples tell is what the program takes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from mendix_registry.kinds.google_gcr.settings import (
    ArtifactRegistry,
    Cleanup,
    Direct,
    GoogleRegistry,
    WorkloadIdentity,
)
from mendix_registry.settings.values import Surroundings
from mendix_registry.stack_file import parse

ROOT = Path(__file__).parents[4]
PAGE = (ROOT / "docs/kinds/google-gcr.md").read_text(encoding="utf-8")
IMAGE = f"gcr.io/go-containerregistry/krane:debug@sha256:{'0' * 64}"


def examples() -> Iterator[tuple[str, str]]:
    blocks = re.findall(r"```yaml\n(config:.*?)```", PAGE, re.DOTALL)
    assert blocks
    yield from (("page", block.replace("sha256:…", f"sha256:{'0' * 64}")) for block in blocks)
    for path in sorted((ROOT / "stacks").glob("Pulumi.example-google-gcr-*.yaml")):
        yield path.name, path.read_text(encoding="utf-8")


@pytest.mark.parametrize("text", [text for _, text in examples()], ids=[name for name, _ in examples()])
def test_an_example_is_accepted_without_a_warning(text: str) -> None:
    values = {key: json.dumps(value) for key, value in yaml.safe_load(text)["config"].items()}
    assert parse(values, surroundings=Surroundings({"KRANE_IMAGE": IMAGE})).warnings == ()


@pytest.mark.parametrize("section", [GoogleRegistry, ArtifactRegistry, Cleanup, WorkloadIdentity, Direct])
def test_every_key_is_on_the_page(section: type[BaseModel]) -> None:
    keys = {field.alias or name for name, field in section.model_fields.items()}
    common = {"type", "transport"}
    assert {key for key in keys - common if not re.search(rf"[`.{{ ]{key}[`:.]", PAGE)} == set()

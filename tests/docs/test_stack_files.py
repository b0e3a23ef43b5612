"""The stack files on the pages: someone will paste them."""

from __future__ import annotations

import ast
import json
import re
import ssl
from collections import defaultdict
from pathlib import Path
from typing import Any

import certifi
import pytest
import yaml

from mendix_registry.settings.values import Surroundings
from mendix_registry.stack_file import parse
from tests.docs.pages import PAGES, blocks, name

KINDS = [page for page in PAGES if page.parent.name == "kinds"]


# A certificate authority that the tests of the configuration do not need to trust: any that a parser can read.
CERTIFICATE = ssl.DER_cert_to_PEM_cert(
    ssl.create_default_context(cafile=certifi.where()).get_ca_certs(binary_form=True)[0]
)


class Anything(defaultdict[str, str]):
    """An environment in which every variable is set, to what its name promises."""

    def get(self, key: str, default: Any = None) -> str:
        if key.endswith("_CA"):
            return CERTIFICATE
        return "registry.example.com/krane:debug" if key.endswith("_IMAGE") else "a-value"


def stack_files(page: Path) -> list[dict[str, Any]]:
    whole = [block.text for block in blocks(page, "yaml") if re.search(r"^config:$", block.text, re.MULTILINE)]
    # A fleet's file has further keys beside `config`; tests/docs/test_fleet_page.py splits it.
    return [content["config"] for content in map(yaml.safe_load, whole) if "namespaces" not in content]


@pytest.mark.parametrize("page", [page for page in PAGES if stack_files(page)], ids=name)
def test_a_pages_stack_files_are_accepted(page: Path) -> None:
    for config in stack_files(page):
        own = {key: json.dumps(value) for key, value in config.items()}
        parse(own, surroundings=Surroundings(Anything()))


@pytest.mark.parametrize("page", KINDS, ids=name)
def test_a_kinds_page_shows_a_smallest_stack_file(page: Path) -> None:
    assert stack_files(page)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_block_has_the_language_that_it_states(page: Path) -> None:
    for block in blocks(page, "yaml"):
        assert yaml.safe_load(block.text), block.line
    for block in blocks(page, "json"):
        assert json.loads(block.text), block.line
    for block in blocks(page, "python"):
        assert ast.parse(block.text).body, block.line

"""The reference of the stack file: complete and current."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from docs.site.configuration import TARGET, texts
from tests.components.stack_file.test_rule_ids import PREFIXES, RULES
from tests.conftest import ROOT

SCHEMA = json.loads((ROOT / "stacks" / "stack.schema.json").read_text())


def keys(schema: dict[str, Any], path: str) -> Iterator[str]:
    """Every key that the schema allows below ``path``, in the reference's spelling."""
    name = schema.get("$ref", "").removeprefix("#/$defs/")
    if name in ("Text", "Secret"):
        return
    if name:
        schema = {**schema, **SCHEMA["$defs"][name]}
    for part in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from keys(part, path)
    if "items" in schema:
        yield from keys(schema["items"], f"{path}[]")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from keys(schema["additionalProperties"], f"{path}.*")
    for key, value in schema.get("properties", {}).items():
        yield f"{path}.{key}"
        yield from keys(value, f"{path}.{key}")


def test_every_key_that_the_schema_allows_has_an_entry() -> None:
    entries = {entry for text in texts().values() for entry in re.findall(r"^### `(.+)`$", text, re.MULTILINE)}
    config = SCHEMA["properties"]["config"]["properties"]
    allowed = {key for top, schema in config.items() for key in keys(schema, top.split(":")[1])}
    assert len(allowed) > 150
    assert allowed == entries


def test_the_pages_are_current() -> None:
    """`make docs`, or `python -m docs.site.configuration`, writes them."""
    assert {path.name: path.read_text(encoding="utf-8") for path in TARGET.glob("*.md")} == texts()


def test_an_entry_has_type_default_meaning_and_rules() -> None:
    entry = texts()["builder.md"].partition("### `builder.attempts`\n")[2].partition("\n### ")[0]
    assert "*whole number (1 to 50)* · default: `8`" in entry
    assert "How often a Job tries a push" in entry
    host = texts()["generic.md"].partition("### `registry.pushHost`\n")[2].partition("\n### ")[0]
    assert re.search(r"^- `STK\d{3}` \*… has a path\* – the path is the repository\.", host, re.MULTILINE)


def test_every_rule_id_is_on_its_modules_page() -> None:
    pages = {name: set(re.findall(r"^- `([A-Z]{3}\d{3})` ", text, re.MULTILINE)) for name, text in texts().items()}
    assert set().union(*pages.values()) == RULES.keys()
    for folder, prefix in PREFIXES.items():
        own = f"{folder.replace('_', '-')}.md"
        assert {name for name, found in pages.items() if any(rule.startswith(prefix) for rule in found)} == {own}

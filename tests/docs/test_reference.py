"""The reference of the stack file: complete and current."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from docs.site.configuration import TARGET, texts
from docs.site.refusals import of_module, of_validator
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
    assert set().union(*pages.values()) == RULES
    for folder, prefix in PREFIXES.items():
        own = f"{folder.replace('_', '-')}.md"
        assert {name for name, found in pages.items() if any(rule.startswith(prefix) for rule in found)} == {own}


def test_pages_have_the_texts_that_rules_report() -> None:
    """The reference reads the source; what it reads there must be what a user gets."""
    from mendix_registry.kinds.generic.settings import GenericRegistry
    from mendix_registry.stack_file import ConfigurationError, parse
    from mendix_registry.stack_file.rules import general

    registry = {"type": "generic", "pushHost": "h.example.com/x", "repository": "a/b", "authentication": "none"}
    config = {
        "mendix-registry:registry": json.dumps(registry),
        "mendix-registry:namespaces": json.dumps([{"name": "a"}, {"name": "a"}]),
    }
    try:
        parse(config)
    except ConfigurationError as error:
        told = {problem.what for problem in error.problems}
    host = next(
        metadata.func
        for part in GenericRegistry.model_fields["push_host"].annotation.__args__
        for metadata in getattr(part, "__metadata__", ())
        if hasattr(metadata, "func") and metadata.func.__name__ == "_host"
    )
    assert any(refusal.what == "… has a path" for refusal in of_validator(host))
    assert any(what.endswith("has a path") for what in told)
    words = {refusal.what for rule in of_module(general) for refusal in rule.refusals}
    assert "namespace … stands at position … already" in words

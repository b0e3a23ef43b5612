"""Writes the JSON Schema of stack files, with which editors complete and check them.

``python -m mendix_registry.stack_file.schema`` writes ``stacks/stack.schema.json``; a test fails if that file is not
current. It describes the whole file as Pulumi defines it: ``config`` with this project's keys, other providers' keys as
anything, and the entries for encryption. The command also writes the types of the component's inputs, see ``program_types``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, cast

from mendix_registry.settings.problems import PROJECT
from mendix_registry.settings.values import SECRET_SCHEMA, TEXT_SCHEMA
from mendix_registry.stack_file import program_types
from mendix_registry.stack_file.stack_settings import StackSettings

DEFAULT_PATH = Path("stacks/stack.schema.json")


def stack_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a ``Pulumi.<stack>.yaml``."""
    settings = StackSettings.model_json_schema(by_alias=True)
    definitions = settings.pop("$defs")
    for definition in definitions.values():
        _tidy(definition)
    keys = settings["properties"]
    for schema in keys.values():
        _tidy(schema)
    required = [f"{PROJECT}:{key}" for key in settings["required"]]
    return _shared(
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": f"Stack file of {PROJECT}",
            "description": "Pulumi.<stack>.yaml: the settings of one environment.",
            "type": "object",
            "properties": {
                "config": {
                    "type": "object",
                    "description": "The stack's configuration, one key per line.",
                    "properties": {f"{PROJECT}:{key}": schema for key, schema in keys.items()},
                    "patternProperties": {
                        f"^(?!{PROJECT}:)[^:]+:.+$": {"description": "A key of another provider, such as aws:region."}
                    },
                    "required": required,
                    "additionalProperties": False,
                },
                "environment": {"description": "Pulumi ESC environments whose values are merged in."},
                "secretsprovider": {
                    "type": "string",
                    "description": "Who encrypts: passphrase, or a key service's URL.",
                },
                "encryptedkey": {"type": "string", "description": "The data key, encrypted by the key service."},
                "encryptionsalt": {"type": "string", "description": "The salt of the passphrase. Kept by Pulumi."},
            },
            "required": ["config"],
            "additionalProperties": False,
            "$defs": definitions,
        }
    )


def text() -> str:
    """The schema as it stands in the file."""
    return json.dumps(stack_schema(), indent=2, ensure_ascii=False) + "\n"


def _shared(schema: dict[str, Any]) -> dict[str, Any]:
    """Gives the two forms of values one definition each, instead of a copy at every key."""
    names = {"Text": TEXT_SCHEMA, "Secret": SECRET_SCHEMA}

    def replaced(part: Any) -> Any:
        if isinstance(part, list):
            return [replaced(item) for item in cast("list[Any]", part)]
        if not isinstance(part, dict):
            return part
        part = cast("dict[str, Any]", part)
        for name, value in names.items():
            if part.get("anyOf") == value["anyOf"]:
                rest = {key: replaced(item) for key, item in part.items() if key != "anyOf"}
                if rest.get("description") == value["description"]:
                    rest.pop("description")
                return {"$ref": f"#/$defs/{name}", **rest}
        return {key: replaced(item) for key, item in part.items()}

    result: dict[str, Any] = replaced(schema)
    result["$defs"] |= names
    return result


def _tidy(schema: dict[str, Any]) -> None:
    """Drops what only repeats a key's name and joins the lines of descriptions."""
    if "properties" in schema:
        schema.pop("title", None)
    for value in schema.get("properties", {}).values():
        _tidy(value)
    if "title" in schema and isinstance(schema["title"], str):
        schema.pop("title")
    description = schema.get("description")
    if isinstance(description, str):
        schema["description"] = " ".join(description.replace("``", "`").split())


if __name__ == "__main__":
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_PATH
    path.write_text(text(), encoding="utf-8")
    print(f"wrote {path}")
    print(f"wrote {program_types.write()}")

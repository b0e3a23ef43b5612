"""Judges requests by Google's own discovery documents, as google-api-python-client ships them.

Paths and parameters go through that client; bodies through JSON Schema made from the documents' schemas; and what the documents
say only in words (the grammar of an id, the forms of a member, the size of a policy) is read out of these words, so that this
file has no opinion of its own.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import googleapiclient
import jsonschema
from googleapiclient.discovery import Resource, build_from_document
from googleapiclient.http import HttpMock

_DOCUMENTS = Path(googleapiclient.__file__).parent / "discovery_cache" / "documents"
_DURATION = re.compile(r"-?\d+(\.\d{1,9})?s")


@cache
def document(name: str) -> dict[str, Any]:
    """The discovery document ``name``, such as ``iam.v1``."""
    return json.loads((_DOCUMENTS / f"{name}.json").read_text(encoding="utf-8"))


@cache
def client(name: str) -> Resource:
    """A client that sends nothing; its methods refuse wrong parameters and give the request."""
    return build_from_document(document(name), http=HttpMock())


def judge_body(name: str, schema: str, body: dict[str, Any]) -> None:
    """Raises ``jsonschema.ValidationError`` if ``body`` is no ``schema`` of the document, or sets what only Google sets."""
    schemas = {key: _json_schema(value) for key, value in document(name)["schemas"].items()}
    checker = jsonschema.FormatChecker(formats=())
    checker.checks("google-duration")(lambda value: _DURATION.fullmatch(str(value)) is not None)
    jsonschema.Draft202012Validator({"$defs": schemas, "$ref": f"#/$defs/{schema}"}, format_checker=checker).validate(
        body
    )


def _json_schema(part: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in part:
        return {"$ref": f"#/$defs/{part['$ref']}"}
    made: dict[str, Any] = {key: part[key] for key in ("type", "enum", "format", "pattern") if key in part}
    if made.get("type") == "any":
        del made["type"]
    if "properties" in part:
        writable = {key: value for key, value in part["properties"].items() if not value.get("readOnly")}
        made["properties"] = {key: _json_schema(value) for key, value in writable.items()}
        made["additionalProperties"] = False
    if "additionalProperties" in part:
        made["additionalProperties"] = _json_schema(part["additionalProperties"])
    if "items" in part:
        made["items"] = _json_schema(part["items"])
    return made


@cache
def account_id_grammar() -> tuple[re.Pattern[str], int, int]:
    """Grammar, least and greatest length of a service account's id."""
    words = document("iam.v1")["schemas"]["CreateServiceAccountRequest"]["properties"]["accountId"]["description"]
    match = re.search(r"(\d+)-(\d+) characters long, and match the regular expression `([^`]+)`", words)
    assert match, words
    return re.compile(match[3]), int(match[1]), int(match[2])


@cache
def bytes_at_most(schema: str, field: str) -> int:
    """Most UTF-8 bytes of a text of ``iam.v1``."""
    words = document("iam.v1")["schemas"][schema]["properties"][field]["description"]
    match = re.search(r"maximum length is (\d+) UTF-8 bytes", words)
    assert match, words
    return int(match[1])


@cache
def most_principals() -> int:
    """Most principals in one policy."""
    words = document("artifactregistry.v1")["schemas"]["Policy"]["properties"]["bindings"]["description"]
    match = re.search(r"can refer to up to ([\d,]+) principals", words)
    assert match, words
    return int(match[1].replace(",", ""))


@cache
def _member_forms() -> dict[str, re.Pattern[str]]:
    words = document("artifactregistry.v1")["schemas"]["Binding"]["properties"]["members"]["description"]
    forms: dict[str, re.Pattern[str]] = {}
    for form in re.findall(r"\* `([^`]+)`:", words):
        pattern = ""
        for literal, name in re.findall(r"([^{]*)(?:\{([^}]*)\})?", form):
            # A subject may have slashes (ns/NAMESPACE/sa/NAME); no other part has.
            pattern += re.escape(literal) + (
                r".+" if name == "subject_attribute_value" else r"[^/\[\]]+" if name else ""
            )
        forms[form] = re.compile(pattern)
    return forms


def member_form(member: str) -> str:
    """The most exact of the documented forms that ``member`` has. Fails where it has none."""
    found = [form for form, pattern in _member_forms().items() if pattern.fullmatch(member)]
    assert found, f"{member} has none of the forms that Google documents for members"
    return max(found, key=len)

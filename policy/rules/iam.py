"""AWS policy documents, as far as rules read them (docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from .rule import mapping, sequence


def allowing_statements(document: Any) -> Iterator[Mapping[str, Any]]:
    """Each statement that allows something. A document that cannot be read yields one that allows all, so it never passes."""
    try:
        content: Any = json.loads(document) if isinstance(document, str) else document
    except ValueError:
        content = {"Statement": {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}}
    for statement in sequence(mapping(content).get("Statement")):
        if mapping(statement).get("Effect") == "Allow":
            yield mapping(statement)


def texts(value: Any) -> list[str]:
    return [str(item) for item in sequence(value)]


def conditions(statement: Mapping[str, Any]) -> Iterator[tuple[str, str, list[str]]]:
    """Operator, key and values of each condition."""
    for operator, block in mapping(statement.get("Condition")).items():
        for key, values in mapping(block).items():
            yield operator, key, texts(values)

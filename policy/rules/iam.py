"""AWS policy documents, as far as rules read them (docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from access_documents.amazon import RESOURCE_POLICIES
from access_documents.iam_documents import UnreadableError, conditions, read, texts

from .rule import Resource, is_inexact, mapping

__all__ = ["allowing_statements", "conditions", "pinned_callers", "principals", "resource_statements", "texts"]

# Keys are not case-sensitive. Each is absent, and so refuses, where a caller has none: a condition on the way of a request, such
# as aws:SecureTransport or aws:SourceIp, holds for strangers as well.
_CALLER_KEYS = frozenset({"aws:principalorgid", "aws:principalaccount", "aws:principalarn", "aws:sourceaccount"})
# Not …IfExists nor ForAllValues, which hold where the key is absent; and ArnEquals takes wildcards, so values are looked at.
_EXACTLY = ("StringEquals", "ArnEquals")


def allowing_statements(document: Any) -> Iterator[Mapping[str, Any]]:
    """Each statement that allows something. A document that cannot be read yields one that allows all, so it never passes."""
    if document is None:
        return
    try:
        found = read(document)
    except UnreadableError:
        found = [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]
    yield from (statement for statement in found if statement["Effect"] == "Allow")


def resource_statements(resource: Resource) -> Iterator[Mapping[str, Any]]:
    """What the policy of a repository or registry allows; nothing for other types."""
    key = RESOURCE_POLICIES.get(resource.type)
    if key is not None:
        yield from allowing_statements(resource.inputs.get(key))


def principals(statement: Mapping[str, Any]) -> list[str]:
    """Everyone a statement names. NotPrincipal, or no principal at all, is everyone."""
    principal = statement.get("Principal", "*")
    if not isinstance(principal, Mapping):
        return texts(principal)
    return [text for values in mapping(principal).values() for text in texts(values)]


def pinned_callers(statement: Mapping[str, Any]) -> list[list[str]]:
    """The organisations, accounts or identities that a statement for everyone is narrowed to, for each condition that does so."""
    return [
        values
        for operator, key, values in conditions(statement)
        if operator in _EXACTLY
        and key.lower() in _CALLER_KEYS
        and values
        and not any(is_inexact(value) for value in values)
    ]

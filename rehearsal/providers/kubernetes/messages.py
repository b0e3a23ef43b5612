"""Errors of the API server in words: what it refuses, at which field, and what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .annotations import PATCH_FORCE
from .errors import ApiError
from .hints import with_hint
from .properties import mapping_at

_CONFLICT = re.compile(r'conflict with "(?P<manager>[^"]*)"(?: with subresource "[^"]*")?(?: using (?P<version>\S+))?')


def describe_object(document: Mapping[str, Any]) -> str:
    """``Job ns/name`` of an API object."""
    metadata = mapping_at(document, "metadata")
    namespace, name = metadata.get("namespace"), metadata.get("name")
    return f"{document.get('kind')} {namespace}/{name}" if namespace else f"{document.get('kind')} {name}"


def explain(error: ApiError, what: str, manager: str = "") -> str:
    """The error as a message for the user. ``what`` names the object, ``manager`` the field manager that applied it."""
    if error.field_conflict:
        return _conflict(error, what, manager)
    if error.forbidden and "violates PodSecurity" not in error.message and "exceeded quota" not in error.message:
        return (
            f"{what}: the API server forbids it: {error.message}. What to do: let an administrator grant these "
            "verbs to the "
            "user of this kubeconfig, or select a context that has them"
        )
    if error.missing_namespace:
        namespace = error.details.get("name")
        return (
            f"{what}: the namespace {namespace!r} does not exist. What to do: create it first (make this "
            "resource depend on the "
            "Namespace resource), or correct metadata.namespace"
        )
    if error.immutable:
        fields = sorted({str(cause.get("field")) for cause in error.causes if cause.get("field")})
        option = f'replace_on_changes=["{fields[0]}"]' if fields else "replace_on_changes"
        return (
            f"{what}: the API server lets nobody change this on a live object: {error.message}. What to do: "
            "have the object "
            f"replaced, by the resource option {option} or by another metadata.name"
        )
    if (
        error.code == 413
        or "Too long: may not be more than" in error.message
        or "request is too large" in error.message
    ):
        return f"{what}: too big for the API server ({error.message}); split it into several objects"
    if error.code == 422:
        return f"{what}: the API server finds it invalid:{_causes(error)}"
    return with_hint(f"{what}: {error.message}", error.reason)


def _causes(error: ApiError) -> str:
    if not error.causes:
        return f" {error.message}"
    return "".join(f"\n  {_field(cause)}: {cause.get('message')}" for cause in error.causes)


def _field(cause: Mapping[str, Any]) -> str:
    field = str(cause.get("field") or "")
    return field if field not in ("", "[]") else "the object"


def _conflict(error: ApiError, what: str, manager: str) -> str:
    lines = [f"{what}: other field managers own fields that this resource sets to another value:"]
    for cause in error.causes:
        match = _CONFLICT.search(str(cause.get("message") or ""))
        owner = repr(match["manager"]) if match else str(cause.get("message"))
        lines.append(f"  {str(cause.get('field') or '').lstrip('.')}: owned by {owner}")
    lines.append(
        f"What to do: take the fields over by the annotation {PATCH_FORCE}: 'true' on this resource; or leave them out "
        f"of the program; or have the other manager give them up. (This resource applies as {manager!r}.)"
    )
    return "\n".join(lines)


def already_exists(what: str, managers: list[str]) -> str:
    """Nobody else's object is adopted silently."""
    owners = f" (written by {', '.join(managers)})" if managers else ""
    return (
        f"{what} already exists{owners} and was not created by this stack, so it is left as it is. What to do: "
        "import it "
        "(resource option import_, or `pulumi import`), change only some of its fields with the …Patch resource "
        "of its kind, choose "
        "another metadata.name, delete it, or set the provider's upsertExistingObjects to take over what exists"
    )

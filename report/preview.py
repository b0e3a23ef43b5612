"""Reads the object that ``pulumi preview --json`` prints (``PreviewDigest`` of ``pkg/display/json.go``).

``rehearse preview --json`` prints the same. What is not that object is refused with what it seems to be instead. Whether a
preview is whole is another question: see ``report.ending``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic.alias_generators import to_camel

Op: TypeAlias = Literal[
    "same",
    "create",
    "update",
    "delete",
    "replace",
    "create-replacement",
    "delete-replaced",
    "read",
    "read-replacement",
    "refresh",
    "discard",
    "discard-replaced",
    "remove-pending-replace",
    "import",
    "import-replacement",
]
"""Step kinds (``pkg/resource/deploy/step.go``)."""

STACK_TYPE = "pulumi:pulumi:Stack"


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, frozen=True, extra="ignore", strict=True)


class PropertyDiff(_Model):
    """One entry of a detailed diff. ``kind`` is ``add``, ``update`` or ``delete``, or one of these with ``-replace``."""

    kind: Literal["add", "add-replace", "delete", "delete-replace", "update", "update-replace"]
    input_diff: bool = False


class State(_Model):
    """A resource's state (``apitype.ResourceV3``): the part that a report needs."""

    urn: str = ""
    type: str = ""
    custom: bool = False
    id: str = ""
    inputs: dict[str, Any] | None = None
    outputs: dict[str, Any] | None = None
    parent: str = ""
    protect: bool = False
    external: bool = False
    retain_on_delete: bool = False
    property_dependencies: dict[str, list[str] | None] | None = None


class Step(_Model):
    """What is planned for one resource."""

    op: Op
    urn: str
    old_state: State | None = None
    new_state: State | None = None
    diff_reasons: list[str] | None = None
    replace_reasons: list[str] | None = None
    detailed_diff: dict[str, PropertyDiff] | None = None


class Message(_Model):
    """A message of the program, a provider or the engine."""

    urn: str = ""
    message: str = ""
    severity: str = ""


class Violation(_Model):
    """What a policy pack found (``apitype.PolicyEvent``). ``mandatory`` refuses the preview, ``warning`` and others do not."""

    message: str
    policy_name: str
    policy_pack_name: str
    enforcement_level: str
    resource_urn: str = ""


class Preview(_Model):
    """One stack's preview. ``duration`` is in nanoseconds; ``change_summary`` counts steps by kind."""

    model_config = ConfigDict(alias_generator=to_camel, frozen=True, extra="forbid", strict=True)

    config: dict[str, str] | None = None
    steps: list[Step] | None = None
    diagnostics: list[Message] | None = None
    duration: int = 0
    change_summary: dict[Op, int] | None = None
    maybe_corrupt: bool = Field(default=False)

    @field_validator("steps")
    @classmethod
    def _found_by_refresh(cls, steps: list[Step] | None) -> list[Step] | None:
        """What a refresh finds is listed as an update or a deletion, like what the program does; here it is a refresh, of which
        ``new_state`` is what was found. A refresh comes first and begins with the stack; each resource is in it once."""
        if not steps or steps[0].op != "refresh":
            return steps
        found: dict[str, Step] = {}
        for step in steps:
            if step.urn in found:
                break
            found[step.urn] = step.model_copy(update={"op": "refresh"})
        return [*found.values(), *steps[len(found) :]]


class WrongInputError(ValueError):
    """A file is not a preview. The message states what it seems to be and what to do."""


@dataclass(frozen=True, slots=True)
class StackPreview:
    """A preview and whose it is. ``name`` comes from the URNs, else from the file's name.

    ``violations`` and ``result`` (``succeeded``, ``failed``, ``canceled``) are known from an event log only, ``status``, the exit
    status of the command, from the caller.
    """

    name: str
    project: str
    preview: Preview
    violations: Sequence[Violation] = ()
    result: str = ""
    status: int | None = None


def read_preview(content: bytes, source: str, name: str | None = None) -> StackPreview:
    """The preview in ``content``; ``source`` names it in errors, ``name`` is the stack's name where the caller knows it.

    Raises :class:`WrongInputError`.
    """
    return stack_preview(read_digest(content, source), source, name)


def stack_preview(preview: Preview, source: str, name: str | None = None) -> StackPreview:
    """A preview under the stack's name."""
    project, stack = _origin(preview)
    return StackPreview(name or stack or Path(source).stem.removeprefix("preview-") or source, project, preview)


def read_digest(content: bytes, source: str) -> Preview:
    """The object of ``--json``. Raises :class:`WrongInputError`."""
    loaded = _load(content, source)
    if not isinstance(loaded, dict):
        kind = "a list" if isinstance(loaded, list) else "a single value"
        raise WrongInputError(
            f"{source} holds {kind}, not the object of a preview. Give one file per stack, each written by "
            "'pulumi preview --json'."
        )
    entries = cast("dict[str, Any]", loaded)
    _refuse_others(entries, source)
    try:
        return Preview.model_validate(entries)
    except ValidationError as error:
        raise WrongInputError(_explain(error, source)) from None


def _load(content: bytes, source: str) -> Any:
    content = _without_text(content)
    begin = content.lstrip()[:1]
    if not begin:
        raise WrongInputError(
            f"{source} is empty. The preview probably failed before it began: its own error stands in the job's log. Give the "
            "exit status of 'pulumi preview' with --status to have that reported."
        )
    try:
        return json.loads(content)
    except UnicodeDecodeError as error:
        raise WrongInputError(f"{source} is not JSON in UTF-8: {error.reason} at byte {error.start}.") from None
    except RecursionError:
        raise WrongInputError(f"{source} is nested too deeply to be a preview.") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        rest = error.doc[error.pos :].strip()
        if error.msg == "Extra data" and rest.startswith("{"):
            raise WrongInputError(
                f"{source} holds several JSON objects (the second at {where}). If it comes from one preview, streaming "
                "was on: unset PULUMI_ENABLE_STREAMING_JSON_PREVIEW. If it holds several stacks, write one file for each."
            ) from None
        if begin == b"{" and (len(rest) < 2 or error.msg.startswith("Unterminated string")):
            raise WrongInputError(
                f"{source} is cut off: the JSON ends at {where} in the middle of a value. The preview was probably "
                "interrupted, or its disk was full. Run it again."
            ) from None
        raise WrongInputError(
            f"{source} is not JSON ({error.msg} at {where}). Write it with 'pulumi preview --json > {source}', and keep what "
            "goes to stderr out of it."
        ) from None


def _without_text(content: bytes) -> bytes:
    """Without the lines of text that the CLI may print before the object, such as ``Installing policy pack …`` (pulumi#19775)."""
    begin = re.search(rb"^\{[ \t]*\r?$", content, re.MULTILINE)
    return content[begin.start() :] if begin else content


_OTHERS = {
    "resource_changes": "a Terraform plan ('terraform show -json')",
    "terraform_version": "Terraform's state or plan",
    "deployment": "a stack's state ('pulumi stack export')",
    "checkpoint": "a stack's checkpoint file",
    "resourcePlans": "an update plan ('--save-plan'), which is for 'pulumi up --plan'",
    "sequence": "a stream of engine events (PULUMI_ENABLE_STREAMING_JSON_PREVIEW is set, or it is an event log)",
    "Resources": "a CloudFormation template",
    "apiVersion": "a Kubernetes object",
    "pushed": "the result of 'rehearse up --json', not of a preview",
    "changes": "another report",
}


def _refuse_others(entries: Mapping[str, Any], source: str) -> None:
    if {"result", "summary"} <= entries.keys():
        raise WrongInputError(
            f"{source} is the short object of '--output json', which has neither values nor reasons. This report reads the one "
            "that 'pulumi preview --json' prints."
        )
    known = {to_camel(field) for field in Preview.model_fields}
    strange = [key for key in entries if key not in known]
    if not strange:
        return
    for key, what in _OTHERS.items():
        if key in strange:
            raise WrongInputError(
                f"{source} seems to be {what}. This report reads the object that 'pulumi preview --json' prints."
            )
    listed = ", ".join(f"'{key[:40]}'" for key in strange[:3])
    if not known & entries.keys():
        raise WrongInputError(
            f"{source} is JSON, but not of a preview: it has {listed} and none of {', '.join(sorted(known))}. "
            "This report reads the object that 'pulumi preview --json' prints."
        )
    raise WrongInputError(
        f"{source} has {listed}, which this version does not know: it was written in a newer format. What is not "
        "understood cannot be reported, so nothing is. Update mendix-registry, or write it with an older CLI."
    )


def _explain(error: ValidationError, source: str) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "literal_error":
        value = str(first["input"])[:40]
        return (
            f"{source} has '{value}' at {where}, which this version does not know: it was written in a newer format. What is "
            "not understood cannot be reported, so nothing is. Update mendix-registry, or write it with an older CLI."
        )
    return (
        f"{source} is not a preview as 'pulumi preview --json' prints it: at {where}: {first['msg'].lower()} "
        f"({len(error.errors())} such in all). It is another tool's, was changed, or is of a newer format."
    )


def _origin(preview: Preview) -> tuple[str, str]:
    """Project and stack, from the first URN: ``urn:pulumi:STACK::PROJECT::TYPE::NAME``."""
    urns = [step.urn for step in preview.steps or ()] + [entry.urn for entry in preview.diagnostics or ()]
    for urn in urns:
        parts = urn.split("::")
        if len(parts) >= 4 and parts[0].startswith("urn:pulumi:"):
            return parts[1], parts[0].removeprefix("urn:pulumi:")
    return "", ""

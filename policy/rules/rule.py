"""What a rule is, and what it sees of a resource. Nothing here needs Pulumi: rules are plain functions, tested as such."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal, TypeAlias, cast

Level: TypeAlias = Literal["advisory", "mandatory", "remediate", "disabled"]
Severity: TypeAlias = Literal["low", "medium", "high", "critical"]


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource as the program asks for it, before it is created.

    ``inputs`` may be the policy SDK's proxies: reading a value that a preview cannot know raises, and the SDK reports that the
    rule could not be applied yet. ``settings`` are the rule's own, from the pack's configuration.
    """

    type: str
    name: str
    inputs: Mapping[str, Any]
    protect: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def listed(self, setting: str) -> list[str]:
        return [str(item) for item in sequence(self.settings.get(setting))]


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, and what to do about it. Why it matters is in the rule."""

    what: str
    do: str

    def __str__(self) -> str:
        return f"{self.what}\nDo: {self.do}"


Check: TypeAlias = Callable[[Resource], Iterable[Finding]]


@dataclass(frozen=True, slots=True)
class Rule:
    """``description`` states the rule in a sentence and why it holds; ``settings`` is a JSON schema for each setting."""

    name: str
    title: str
    description: str
    remedy: str
    check: Check
    level: Level = "mandatory"
    severity: Severity = "high"
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])

    @property
    def defaults(self) -> dict[str, Any]:
        return {key: schema["default"] for key, schema in self.settings.items() if "default" in schema}

    def findings(self, resource: Resource) -> list[Finding]:
        return list(self.check(resource))


def strings(description: str, default: Sequence[str] = ()) -> dict[str, Any]:
    """The schema of a setting that is a list of strings."""
    return {"type": "array", "items": {"type": "string"}, "default": list(default), "description": description}


def flag(description: str, default: bool = False) -> dict[str, Any]:
    """The schema of a setting that is true or false."""
    return {"type": "boolean", "default": default, "description": description}


def mapping(value: Any) -> Mapping[str, Any]:
    """The value where it is a mapping (the SDK's proxies are too), else an empty one."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def sequence(value: Any) -> Sequence[Any]:
    """The value as a list: IAM and others take one thing where a list of one is meant."""
    if value is None:
        return []
    if isinstance(value, str | Mapping) or not isinstance(value, Sequence):
        return [value]
    return cast("Sequence[Any]", value)


def is_known(values: Mapping[str, Any], key: str) -> bool:
    """Whether a value can be read: in a preview, the SDK's proxies raise for one that is not known before the update."""
    try:
        values.get(key)
    except Exception as error:
        # The SDK's UnknownValueError, known by its attribute because rules do not need the SDK.
        if hasattr(error, "unknown_type_sentinel"):
            return False
        raise
    return True


def is_inexact(text: str) -> bool:
    """Whether a text may stand for more than itself."""
    return any(mark in text for mark in ("*", "?", "${"))


def is_listed(text: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in patterns)

"""URNs: ``urn:pulumi:<stack>::<project>::<parent type>$<type>::<name>`` (``sdk/go/common/resource/urn``)."""

from __future__ import annotations

from dataclasses import dataclass

STACK_TYPE = "pulumi:pulumi:Stack"
PROVIDER_PREFIX = "pulumi:providers:"
_PREFIX = "urn:pulumi:"


@dataclass(frozen=True, slots=True)
class Urn:
    """The parts of a URN. ``qualified_type`` holds the types of all ancestors but the stack, joined by ``$``."""

    stack: str
    project: str
    qualified_type: str
    name: str

    @property
    def type(self) -> str:
        return self.qualified_type.rpartition("$")[2]

    def __str__(self) -> str:
        return f"{_PREFIX}{self.stack}::{self.project}::{self.qualified_type}::{self.name}"


def parse(text: str) -> Urn:
    """Raises ValueError where ``text`` is not a URN. A name may itself hold ``::``."""
    if not text.startswith(_PREFIX):
        raise ValueError(f"{text!r} is not a URN: it does not start with {_PREFIX!r}")
    parts = text.removeprefix(_PREFIX).split("::", 3)
    if len(parts) != 4:
        raise ValueError(f"{text!r} is not a URN: it does not have the four parts stack, project, type and name")
    return Urn(*parts)


def make(stack: str, project: str, parent: str, type_token: str, name: str) -> str:
    """The URN of a resource. ``parent`` is its parent's URN, or empty."""
    prefix = ""
    if parent:
        parent_type = parse(parent).qualified_type
        if parent_type != STACK_TYPE:
            prefix = f"{parent_type}$"
    return f"{_PREFIX}{stack}::{project}::{prefix}{type_token}::{name}"


def type_of(urn: str) -> str:
    return parse(urn).type


def name_of(urn: str) -> str:
    return parse(urn).name


def package_of(type_token: str) -> str:
    """The package whose provider manages a type: ``aws`` for ``aws:ecr/repository:Repository`` and for its provider type."""
    if type_token.startswith(PROVIDER_PREFIX):
        return type_token.removeprefix(PROVIDER_PREFIX)
    return type_token.partition(":")[0]


def is_provider(type_token: str) -> bool:
    return type_token.startswith(PROVIDER_PREFIX)

"""A type of resource as a declaration, and what the frame needs from a cloud to carry it out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

from rehearsal.clouds.rules import Anything, Rule
from rehearsal.providers.kubernetes.properties import Properties


class CloudError(Exception):
    """The cloud (or this provider in its name) refused; the message is the one a user of the real provider would see."""


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a type.

    ``replaces``: a change makes a new resource, as the real provider's schema says. ``json``: a JSON text, compared by
    what it means. ``unordered``: a list whose order means nothing. ``default`` is what the real provider fills in.
    ``filled_in``: where the program says nothing the cloud chooses, and that is no difference.
    ``conflicts`` names inputs that must not be given beside this one.
    """

    rule: Rule = field(default_factory=Anything)
    required: bool = False
    replaces: bool = False
    json: bool = False
    unordered: bool = False
    default: Any = None
    filled_in: bool = False
    conflicts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AutomaticName:
    """The input that gets a name when the program gives none: the resource's name, ``separator`` and random hex ``digits``.

    ``instead`` is an input whose presence means that the cloud chooses the name (``namePrefix``).
    """

    input: str = "name"
    longest: int = 64
    lower: bool = False
    instead: str = ""
    separator: str = "-"
    digits: int = 7


@dataclass(frozen=True, slots=True)
class Created:
    """What a creation gives: the resource's id, and outputs that can be read only now (a key's secret)."""

    id: str
    outputs: Properties = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Live:
    """A resource as it is. ``inputs`` are what a program would have given for it, ``outputs`` what is computed."""

    id: str
    inputs: Properties
    outputs: Properties


C = TypeVar("C")


class Resource(ABC, Generic[C]):
    """One type. Subclasses are stateless apart from the connection; methods may block (each runs in a thread).

    Every method raises :class:`CloudError` for what the cloud refuses. Values are plain: secrets are unwrapped before, and
    marked again after, by the frame.
    """

    type: ClassVar[str]
    inputs: ClassVar[Mapping[str, Input]]
    computed: ClassVar[tuple[str, ...]] = ()
    """Outputs that only a creation makes known; a preview has them as unknown."""
    secrets: ClassVar[frozenset[str]] = frozenset()
    name: ClassVar[AutomaticName | None] = None
    keeps: ClassVar[frozenset[str]] = frozenset()
    """Computed outputs that an update never changes, besides all that ``changing`` does not name."""
    changing: ClassVar[frozenset[str]] = frozenset()
    """Computed outputs that an update may change; a preview of an update has them as unknown."""

    def __init__(self, cloud: C) -> None:
        self.cloud = cloud

    @abstractmethod
    def create(self, inputs: Properties) -> Created: ...

    @abstractmethod
    def read(self, identity: str, state: Properties) -> Live | None:
        """The live resource, or None when there is none. ``state`` is empty in an import."""

    def update(self, identity: str, old: Properties, new: Properties) -> None:
        """Change what may be changed in place. ``old`` and ``new`` are inputs."""
        raise CloudError(f"{self.type} {identity}: nothing of it can be updated in place")

    @abstractmethod
    def delete(self, identity: str, state: Properties) -> None:
        """Delete it; one that is gone is fine. ``state`` are its outputs, which hold its inputs too."""

    @classmethod
    def check(cls, inputs: Properties) -> list[tuple[str, str]]:
        """Problems across inputs, as the real provider finds them before any call."""
        del inputs
        return []

    def derived(self, inputs: Properties) -> Properties:
        """Computed outputs that follow from inputs alone and are known in previews (``tagsAll``)."""
        del inputs
        return {}

"""A type of resource as a declaration, and what the framework needs from a cloud to carry it out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

from rehearsal.emulators.rules import Anything, Problem, Rule
from rehearsal.provider_plugins.framework.properties import Properties


class CloudError(Exception):
    """The cloud (or this plugin in its name) rejected something; the message is the one that a user of the real provider sees."""


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a type.

    ``replaces``: a change makes a new resource, as in the real provider's schema. ``json``: a JSON text, compared by
    what it means. ``unordered``: a list whose order means nothing. ``default`` is what the real provider fills in.
    ``filled_in``: where the program gives nothing the cloud chooses, and that is no difference.
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

    ``longest`` counts the whole name's characters. ``instead`` is an input whose presence means that the cloud chooses the
    name (``namePrefix``).
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
    """One type. Subclasses are stateless apart from the connection; several threads use it at once.

    Every method raises :class:`CloudError` for what the cloud rejects. Values are plain: the framework unwraps secrets before,
    and marks them again after.
    """

    type: ClassVar[str]
    inputs: ClassVar[Mapping[str, Input]]
    computed: ClassVar[tuple[str, ...]] = ()
    """Outputs that only a creation makes known; a preview has them as unknown."""
    secrets: ClassVar[frozenset[str]] = frozenset()
    name: ClassVar[AutomaticName | None] = None
    changing: ClassVar[frozenset[str]] = frozenset()
    """Computed outputs that an update may change; a preview of an update has them as unknown. It keeps all others."""
    importable: ClassVar[bool] = True
    """Whether what a killed update has made can be taken into the state; else it is deleted."""
    one_at_a_time: ClassVar[bool] = False
    """Whether old and new are one thing to the cloud, so that the old one is deleted before the new one is created."""

    def __init__(self, cloud: C) -> None:
        self.cloud = cloud

    @abstractmethod
    def create(self, inputs: Properties) -> Created: ...

    @abstractmethod
    def read(self, identity: str, state: Properties) -> Live | None:
        """The live resource, or None when there is none. ``state`` is empty in an import."""

    def update(self, identity: str, old: Properties, new: Properties) -> None:
        """Change what may be changed in place. ``old`` are the old inputs and outputs, ``new`` the new inputs."""
        raise CloudError(f"{self.type} {identity}: nothing of it can be updated in place")

    @abstractmethod
    def delete(self, identity: str, state: Properties) -> None:
        """Delete it; one that is gone is fine. ``state`` are its outputs, which hold its inputs too."""

    @classmethod
    def check(cls, inputs: Properties) -> list[Problem]:
        """Problems across inputs, as the real provider finds them before any call."""
        del inputs
        return []

    def left_behind(self, inputs: Properties, known: Collection[str]) -> str | None:
        """What a creation with ``inputs`` has made whose update was killed: its id, as an import takes it. None where there is
        nothing, or where another creation simply takes it over. ``known`` are the ids of this type in the state."""
        del inputs, known
        return None

    def derived(self, inputs: Properties) -> Properties:
        """Computed outputs that follow from inputs alone and are known in previews (``tagsAll``). Inputs may be unknown."""
        del inputs
        return {}

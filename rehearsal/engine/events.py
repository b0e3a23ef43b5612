"""What the engine tells its caller while it works: the only coupling between the engine and a display.

Every event is immutable and free of secrets: values marked secret are replaced by ``[secret]`` before an event
is made, so that no display, log or report can leak one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias


class Op(StrEnum):
    """Step kinds, spelled as in Pulumi's checkpoint and preview JSON (``sdk/go/common/display``)."""

    SAME = "same"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    REPLACE = "replace"
    CREATE_REPLACEMENT = "create-replacement"
    DELETE_REPLACED = "delete-replaced"
    READ = "read"
    READ_REPLACEMENT = "read-replacement"
    REFRESH = "refresh"
    READ_DISCARD = "discard"
    REMOVE_PENDING_REPLACE = "remove-pending-replace"
    IMPORT = "import"
    IMPORT_REPLACEMENT = "import-replacement"


class Severity(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class PropertyDiff:
    """One entry of a detailed diff.

    ``kind`` is one of ``add``, ``add-replace``, ``delete``, ``delete-replace``, ``update``, ``update-replace``;
    ``input_diff`` says that old and new inputs were compared (else old state with new inputs).
    """

    kind: str
    input_diff: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One thing the engine does to one resource.

    ``old`` and ``new`` are resource states in the form of ``preview --json`` (``urn``, ``custom``, ``id``, ``type``,
    ``inputs``, ``outputs``, ``parent``, ``provider``, …) with secrets blinded, or None where there is none.
    """

    op: Op
    urn: str
    type: str
    provider: str
    old: Mapping[str, Any] | None
    new: Mapping[str, Any] | None
    custom: bool = True
    diff_reasons: tuple[str, ...] = ()
    replace_reasons: tuple[str, ...] = ()
    detailed_diff: Mapping[str, PropertyDiff] = field(default_factory=dict[str, PropertyDiff])

    @property
    def name(self) -> str:
        return self.urn.rsplit("::", 1)[-1]


@dataclass(frozen=True, slots=True)
class Started:
    """The update begins. ``config`` maps ``namespace:key`` to its value, secret ones to ``[secret]``."""

    kind: str
    project: str
    stack: str
    config: Mapping[str, str]
    resources_before: int


class Left(StrEnum):
    """What a failed step left behind."""

    NOTHING = "nothing"
    """The provider refused it."""
    RECORDED = "recorded"
    """The change was made and is in the state; the resource did not become ready."""
    UNKNOWN = "unknown"
    """Nobody knows whether it took effect: the state notes the operation as pending, and the next update settles it."""


@dataclass(frozen=True, slots=True)
class StepStarted:
    step: Step


@dataclass(frozen=True, slots=True)
class StepFinished:
    """A step ended. ``step.new`` now holds the outputs; ``error`` is the provider's reason where it failed, ``left`` what is
    there all the same."""

    step: Step
    seconds: float
    error: str | None = None
    left: Left = Left.NOTHING


@dataclass(frozen=True, slots=True)
class OutputsRegistered:
    """A component (or the stack) registered its outputs."""

    urn: str
    outputs: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PolicyReference:
    """The policy that a message comes from: pack, the pack's version, and whether its violation stops an update."""

    pack: str
    version: str
    policy: str
    mandatory: bool

    def __str__(self) -> str:
        level = "mandatory" if self.mandatory else "advisory"
        return f"[{level}] {self.pack} v{self.version} {self.policy}"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A message from the program, a provider, a policy or the engine.

    ``ephemeral`` messages are the state of something in progress (a Job's pod): a display shows the latest for that
    ``urn`` and forgets it. ``stream`` groups pieces of one text. ``policy`` is set where a policy says it; the message
    names it already.
    """

    severity: Severity
    message: str
    urn: str = ""
    ephemeral: bool = False
    stream: int = 0
    policy: PolicyReference | None = None


@dataclass(frozen=True, slots=True)
class ProgramOutput:
    """A line the program printed, on ``stdout`` or ``stderr``."""

    line: str
    stream: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The update ended: the last event.

    ``changes`` counts finished (in a preview: planned) steps by ``Op`` value; ``outputs`` are the stack's, secrets blinded.
    ``refused``: the program said that its configuration is wrong, before it registered anything but the stack.
    """

    ok: bool
    seconds: float
    changes: Mapping[str, int]
    outputs: Mapping[str, Any]
    error: str | None = None
    cancelled: bool = False
    refused: bool = False


Event: TypeAlias = Started | StepStarted | StepFinished | OutputsRegistered | Diagnostic | ProgramOutput | Finished
Sink: TypeAlias = Callable[[Event], None]

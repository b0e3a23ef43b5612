"""How a wait ends or goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rehearsal.providers.kubernetes.errors import KubernetesError


@dataclass(frozen=True, slots=True)
class Ready:
    """The object does what it is for."""


@dataclass(frozen=True, slots=True)
class Pending:
    """Not yet; ``progress`` is one line on what happens now, ``reasons`` what would explain a timeout."""

    progress: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failed:
    """It will not become ready; ``reasons`` say why, the most telling first."""

    reasons: tuple[str, ...]
    # The container's log beyond what the reasons quote, to be shown as information.
    log_lines: tuple[str, ...] = field(default=())


Verdict = Ready | Pending | Failed


class AwaitError(KubernetesError):
    """The object exists but did not become ready."""

    def __init__(self, summary: str, reasons: Sequence[str] = (), log_lines: Sequence[str] = ()) -> None:
        super().__init__("\n".join((summary, *reasons)))
        self.summary = summary
        self.reasons = tuple(reasons)
        self.log_lines = tuple(log_lines)

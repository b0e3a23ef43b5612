"""IAM is eventually consistent: a change affects decisions only some seconds after it was made."""

from __future__ import annotations

import time
from collections.abc import Callable

from rehearsal.emulators.aws.directory import Directory, Identity


class DelayedIdentities:
    """Roles and users as they were ``seconds`` ago.

    After each change of one its new state is noted with its time. Source of the behaviour:
    docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency.
    """

    def __init__(self, directory: Directory, seconds: float, now: Callable[[], float] = time.time) -> None:
        self.seconds = seconds
        self._directory = directory
        self._now = now
        self._history: dict[tuple[str, str], list[tuple[float, Identity | None]]] = {}

    def changed(self, kind: str, name: str, at: float | None = None) -> None:
        """Note the present state of ``role`` or ``user`` ``name``."""
        current = self._directory.role(name) if kind == "role" else self._directory.user(name)
        self._history.setdefault((kind, name), []).append((self._now() if at is None else at, current))

    def role(self, arn: str) -> Identity | None:
        found = self._seen("role", arn.rpartition("/")[2])
        return found if found is not None and found.arn == arn else None

    def user(self, name: str) -> Identity | None:
        return self._seen("user", name)

    def _seen(self, kind: str, name: str) -> Identity | None:
        history = self._history.get((kind, name))
        if not history:
            return self._directory.role(name) if kind == "role" else self._directory.user(name)
        visible = [state for at, state in history if at <= self._now() - self.seconds]
        return visible[-1] if visible else None

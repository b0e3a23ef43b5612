"""The record of what the emulators decided: who asked, for what, whether it was allowed, and why.

``rehearse prove`` reads it to distinguish a decision from an error on the way. Kept in memory, newest last, and
written to the process's log; no token or key is ever part of it.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

_LOG = logging.getLogger("uvicorn.error")
_KEPT = 5000


@dataclass(frozen=True, slots=True)
class RecordedDecision:
    """One decision. ``service`` is who decided (``sts``, ``ecr``); ``subject`` who asked, as far as it is known;
    ``code`` the cloud's own
    name of a refusal; ``details`` whatever else distinguishes one case from another (repository, audience)."""

    service: str
    subject: str
    action: str
    allowed: bool
    code: str = ""
    reason: str = ""
    details: Mapping[str, str] = field(default_factory=dict[str, str])


class DecisionLog:
    """Collects decisions, numbered from 1; an ASGI application that gives those after ``?after=N`` as JSON."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._kept: deque[tuple[int, float, RecordedDecision]] = deque(maxlen=_KEPT)
        self._lock = threading.Lock()

    def add(self, decision: RecordedDecision) -> None:
        with self._lock:
            self._kept.append((next(self._numbers), time.time(), decision))
        if not decision.allowed:
            _LOG.info("refused: %s %s for %s: %s %s", decision.service, decision.action, decision.subject or "an anonymous client",
                      decision.code, decision.reason)  # fmt: skip

    def after(self, number: int) -> list[dict[str, Any]]:
        with self._lock:
            kept = list(self._kept)
        return [{"number": n, "time": at, **asdict(item)} for n, at, item in kept if n > number]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        after = Request(scope, receive).query_params.get("after", "0")
        found = self.after(int(after) if after.isdigit() else 0)
        await JSONResponse({"decisions": found})(scope, receive, send)

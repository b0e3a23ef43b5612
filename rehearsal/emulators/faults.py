"""Faults on purpose: how clouds, networks and registries fail, so that what is made for it is tried.

An administrator's endpoint, ``faults.mendix-rehearsal.internal``, takes rules from who has the node's token. They are kept in
memory: a restart of the clouds ends them. A fault comes before the emulator has seen the request, except for a cut in the middle of
one, of which it has seen a part.
"""

from __future__ import annotations

import asyncio
import fnmatch
import hashlib
import hmac
import itertools
import logging
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, TypeAlias

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rehearsal.registry.proxy import registry_host

Kind: TypeAlias = Literal["answer", "slow", "cut-upload", "cut-download", "expire"]
HOST = "faults.mendix-rehearsal.internal"
_LOG = logging.getLogger("uvicorn.error")


@dataclass(slots=True)
class Fault:
    """One rule. Matching requests fail ``times`` times, after ``skip`` that pass.

    ``target`` is a pattern of the host name, or of ``aws``, ``azure``, ``gcp`` for a cloud's API as provider plugins reach it;
    ``method`` (empty: any) and ``path`` (a regular expression, found anywhere) narrow it, as does ``holding``, a text in the body.
    ``kind``: ``answer`` gives ``status``, ``headers`` and ``body`` instead of the emulator's; ``slow`` waits ``seconds`` and lets
    pass; ``cut-upload`` and ``cut-download`` end the connection after ``size`` bytes of the body; ``expire`` gives the
    ``answer`` to every later request, of any path, with the same ``Authorization``.
    """

    target: str
    kind: Kind
    method: str = ""
    path: str = ""
    holding: str = ""
    times: int = 1
    skip: int = 0
    status: int = 503
    headers: dict[str, str] = field(default_factory=dict[str, str])
    body: str = ""
    seconds: float = 0.0
    size: int = 0
    number: int = 0
    happened: int = 0

    def matches(self, target: str, request: Request, body: bytes | None) -> bool:
        return (
            fnmatch.fnmatchcase(target, self.target)
            and (not self.method or request.method == self.method)
            and re.search(self.path, request.url.path) is not None
            and (not self.holding or self.holding.encode() in (body or b""))
        )


class Faults:
    """Holds the rules; an ASGI application for ``GET`` (the rules, and how often each happened), ``POST`` (one more), ``DELETE``.

    A whole request body is read only for rules that ask what it holds.
    """

    def __init__(self, token: str) -> None:
        self._token = token
        self._rules: list[Fault] = []
        self._expired: dict[str, Fault] = {}
        self._numbers = itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self._token}".encode()):
            return JSONResponse({"message": "only the node may ask"}, 403)
        if request.method == "DELETE":
            self._rules.clear()
            self._expired.clear()
        elif request.method == "POST":
            document: dict[str, Any] = await request.json()
            known = {item.name for item in fields(Fault)} - {"number", "happened"}
            if not {"target", "kind"} <= set(document) <= known:
                return JSONResponse({"message": f"a fault has target, kind, and of {sorted(known)}"}, 400)
            self._rules.append(Fault(**document, number=next(self._numbers)))
        return JSONResponse({"faults": [asdict(rule) for rule in self._rules]})

    def around(self, application: ASGIApp, name: str = "") -> ASGIApp:
        """The application with the faults. ``name`` is its target; without one it is the host that a request is for."""

        async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
            target = name or (registry_host(scope) if scope["type"] == "http" else "")
            if scope["type"] != "http" or target == HOST or not (self._rules or self._expired):
                await application(scope, receive, send)
                return
            await self._happen(application, target, scope, receive, send)

        return faulty

    async def _happen(self, application: ASGIApp, target: str, scope: Scope, receive: Receive, send: Send) -> None:
        body: bytes | None = None
        if any(rule.holding for rule in self._rules):
            body = await Request(scope, receive).body()
            receive = _again(body, receive)
        request = Request(scope)
        login = hashlib.sha256(request.headers.get("authorization", "").encode()).hexdigest()
        rule = self._expired.get(login) or self._due(target, request, body)
        if rule is None:
            await application(scope, receive, send)
            return
        _LOG.info("fault %d (%s): %s %s of %s", rule.number, rule.kind, request.method, request.url.path, target)
        match rule.kind:
            case "expire":
                self._expired[login] = rule
                await Response(rule.body, rule.status, rule.headers)(scope, receive, send)
            case "answer":
                await Response(rule.body, rule.status, rule.headers)(scope, receive, send)
            case "slow":
                await asyncio.sleep(rule.seconds)
                await application(scope, receive, send)
            case "cut-upload":
                await application(scope, _short(receive, rule.size), send)
            case "cut-download":
                await application(scope, receive, _stopped(receive, send, rule.size))

    def _due(self, target: str, request: Request, body: bytes | None) -> Fault | None:
        for rule in self._rules:
            if rule.happened < rule.times and rule.matches(target, request, body):
                if rule.skip:
                    rule.skip -= 1
                    continue
                rule.happened += 1
                return rule
        return None


def _again(body: bytes, receive: Receive) -> Receive:
    """Gives a body that was read already."""
    told = False

    async def replayed() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


def _short(receive: Receive, size: int) -> Receive:
    """Ends the connection after ``size`` bytes from the client."""
    seen = 0

    async def limited() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > size:
            _abort(receive)
            return {"type": "http.disconnect"}
        return message

    return limited


def _stopped(receive: Receive, send: Send, size: int) -> Send:
    """Ends the connection after ``size`` bytes to the client."""
    sent = 0

    async def limited(message: Message) -> None:
        nonlocal sent
        body: bytes = message.get("body", b"")
        if message["type"] == "http.response.body" and sent + len(body) > size:
            await send({**message, "body": body[: max(size - sent, 0)], "more_body": True})
            _abort(receive)
        sent += len(body)
        await send(message)

    return limited


def _abort(receive: Receive) -> None:
    """Cut a connection: no ASGI message does that, so uvicorn's own is taken, which ``receive`` belongs to."""
    cycle: Any = getattr(receive, "__self__", None)
    close: Callable[[], None] | None = getattr(getattr(cycle, "transport", None), "abort", None)
    if close is not None:
        close()

"""Who the cluster's nodes are to the clouds' registries: asked by the kubelet's credential provider at each pull."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Sequence
from typing import Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send


class NodeIdentity(Protocol):
    """A cloud's answer for one of its registry hosts: user and password, None for a host or a node that it does not know.

    May block.
    """

    def node_credentials(self, host: str) -> tuple[str, str] | None: ...


class Nodes:
    """An ASGI application. Only who has the node's ``token`` is a node: pods must not get the node's identity here."""

    def __init__(self, identities: Sequence[NodeIdentity], token: str) -> None:
        self._identities, self._token = identities, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self._token}".encode()):
            return JSONResponse({"message": "only the node may ask"}, 403)
        host = request.query_params.get("image", "").partition("/")[0]
        for identity in self._identities:
            found = await asyncio.to_thread(identity.node_credentials, host)
            if found is not None:
                return JSONResponse({host: {"username": found[0], "password": found[1]}})
        return JSONResponse({})

"""Sends each request to what answers under its host name."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from rehearsal.registry.proxy import registry_host


class Hosts:
    """``applications`` maps host names (``*.`` in front: all below) to applications; ``fallback`` answers for every other."""

    def __init__(self, applications: Mapping[str, ASGIApp], fallback: ASGIApp | None = None) -> None:
        self._applications = dict(applications)
        self._fallback = fallback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        host = registry_host(scope)
        application = self.find(host)
        if application is None:
            message = f"the rehearsal has nothing under the name {host}"
            await JSONResponse({"message": message}, 421)(scope, receive, send)
            return
        await application(scope, receive, send)

    def find(self, name: str) -> ASGIApp | None:
        if name in self._applications:
            return self._applications[name]
        parent = name
        while "." in parent:
            parent = parent.partition(".")[2]
            if (found := self._applications.get(f"*.{parent}")) is not None:
                return found
        return self._fallback

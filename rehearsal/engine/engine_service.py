"""Pulumi's Engine service: messages of the program and of the plugins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

from rehearsal.engine.context import Context
from rehearsal.engine.events import Diagnostic, Severity

_SEVERITIES = {
    engine_pb2.DEBUG: Severity.DEBUG,
    engine_pb2.INFO: Severity.INFO,
    engine_pb2.WARNING: Severity.WARNING,
    engine_pb2.ERROR: Severity.ERROR,
}
_ECHO = "Resource monitor has terminated, shutting down"


@dataclass(slots=True)
class EngineService(engine_pb2_grpc.EngineServicer):
    """``first_error`` is the first error that the program or a plugin logged, for the update's own message."""

    context: Context
    first_error: str | None = None
    root: str = ""

    async def Log(self, request: Any, context: Any) -> empty_pb2.Empty:  # noqa: N802
        severity = _SEVERITIES.get(request.severity, Severity.INFO)
        # Once the monitor winds down the SDK ends the program with this; the reason has been told before.
        echo = severity is Severity.ERROR and _ECHO in request.message and self.context.stopping.is_set()
        if not echo:
            if severity is Severity.ERROR and self.first_error is None:
                self.first_error = request.message
            self.context.tell(Diagnostic(severity, request.message, request.urn, request.ephemeral, request.streamId))
        return empty_pb2.Empty()

    async def GetRootResource(self, request: Any, context: Any) -> engine_pb2.GetRootResourceResponse:  # noqa: N802
        return engine_pb2.GetRootResourceResponse(urn=self.root)

    async def SetRootResource(self, request: Any, context: Any) -> engine_pb2.SetRootResourceResponse:  # noqa: N802
        self.root = request.urn
        return engine_pb2.SetRootResourceResponse()

    async def StartDebugging(self, request: Any, context: Any) -> empty_pb2.Empty:  # noqa: N802
        return empty_pb2.Empty()

    async def RequirePulumiVersion(self, request: Any, context: Any) -> engine_pb2.RequirePulumiVersionResponse:  # noqa: N802
        return engine_pb2.RequirePulumiVersionResponse()

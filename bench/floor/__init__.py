"""The SDK's own floor: a program against a monitor that answers at once and keeps nothing."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rehearsal.engine.program.process import ProgramSettings


@dataclass
class Run:
    """What a run at the floor came to: how many resources were registered, which errors the program logged."""

    registered: int = 0
    errors: list[str] = field(default_factory=list)


async def run_at_floor(settings: ProgramSettings) -> Run:
    """Runs the program to its end, scheduled as an update is; ends this process with its last words where it fails."""
    from rehearsal.engine.scheduling import batch

    with batch():
        return await _run(settings)


async def _run(settings: ProgramSettings) -> Run:
    import grpc.aio
    from google.protobuf import empty_pb2
    from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2, resource_pb2, resource_pb2_grpc

    from rehearsal.engine.features import FEATURES
    from rehearsal.engine.program.process import start

    run = Run()

    class Monitor(resource_pb2_grpc.ResourceMonitorServicer):
        async def GetDeploymentInfo(self, request, context):  # noqa: N802
            return resource_pb2.DeploymentInfo(supportedFeatures=list(FEATURES.values()))

        async def RegisterResource(self, request, context):  # noqa: N802
            run.registered += 1
            # A preview knows no ids.
            known = request.custom and not settings.preview
            return resource_pb2.RegisterResourceResponse(
                urn=f"urn:pulumi:{settings.stack}::{settings.project}::{request.type}::{request.name}",
                id=request.name if known else "",
                object=request.object,
            )

        async def RegisterResourceOutputs(self, request, context):  # noqa: N802
            return empty_pb2.Empty()

        async def Invoke(self, request, context):  # noqa: N802
            return provider_pb2.InvokeResponse()

        async def SignalAndWaitForShutdown(self, request, context):  # noqa: N802
            return empty_pb2.Empty()

    class Engine(engine_pb2_grpc.EngineServicer):
        async def Log(self, request, context):  # noqa: N802
            if request.severity >= engine_pb2.ERROR:
                run.errors.append(request.message)
            return empty_pb2.Empty()

    server = grpc.aio.server()
    resource_pb2_grpc.add_ResourceMonitorServicer_to_server(Monitor(), server)
    engine_pb2_grpc.add_EngineServicer_to_server(Engine(), server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    process = await start(settings, address, lambda line, stream: print(line, file=sys.stderr))
    code = await process.wait()
    await server.stop(0)
    if code != 0:
        raise SystemExit("\n".join((*run.errors, process.obituary())))
    return run

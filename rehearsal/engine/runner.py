"""The course of one update: lock and state, program and plugins, steps, and the end."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager

import grpc.aio
from pulumi.runtime.proto import engine_pb2_grpc, resource_pb2_grpc

from rehearsal.engine import deletions, refresh, unfinished
from rehearsal.engine import urn as urns
from rehearsal.engine.context import Context
from rehearsal.engine.engine_service import EngineService
from rehearsal.engine.errors import CancelledError, EngineError, ProgramConfigurationError
from rehearsal.engine.events import Diagnostic, Finished, ProgramOutput, Severity, Sink, Started
from rehearsal.engine.monitor import Monitor
from rehearsal.engine.operations import StepFailedError
from rehearsal.engine.plugins.discovery import PluginSearch, ProjectPlugin
from rehearsal.engine.plugins.provider import CHANNEL_OPTIONS
from rehearsal.engine.policies.analyzer import Surroundings
from rehearsal.engine.policies.gate import PolicyGate
from rehearsal.engine.program.process import PROGRAM_FAILED, PROGRAM_REFUSED, PreparedProgram, ProgramSettings
from rehearsal.engine.project import StackConfiguration
from rehearsal.engine.properties import Properties, blind
from rehearsal.engine.provider_registry import ProviderRegistry, version_of
from rehearsal.engine.registration import Registrar
from rehearsal.engine.resources import Resources, provider_states
from rehearsal.engine.state import (
    ResourceState,
    Session,
    Snapshot,
    StateWriteError,
    UpdateRecord,
)
from rehearsal.engine.update import OpenedStack, Update

PROGRAM_GRACE_SECONDS = 2.0


class Runner:
    """One update. ``program`` is its process, which has not been told to begin; None where there is no program to run."""

    def __init__(self, update: Update, sink: Sink, program: PreparedProgram | None, began: float) -> None:
        self.update = update
        self.sink = sink
        self.program = program
        self.preview = update.kind == "preview" or update.dry_run
        self.began = began
        self.started_at = time.time() - (time.monotonic() - began)

    async def run(self, opened: OpenedStack) -> Finished:
        update = self.update
        project = update.project
        configuration, secrets, backend = opened.configuration, opened.secrets, opened.backend

        def notice(text: str) -> None:
            self.sink(Diagnostic(Severity.INFO, text))

        session: Session | None = None
        if self.preview:
            snapshot = backend.load(project.name, update.stack, secrets)
        else:
            session = backend.open(project.name, update.stack, secrets, notice=notice)
            snapshot = session.snapshot
        context = Context(project.name, update.stack, self.sink, session, update.parallel)
        self.sink(Started(update.kind, project.name, update.stack, configuration.blinded, len(snapshot.resources)))
        outputs: Properties = {}
        error: str | None = None
        refused = False
        try:
            with _rare_collections():
                outputs = await self._guarded(context, configuration, opened.environment, snapshot)
        except (StepFailedError, CancelledError) as failure:
            error = context.failure or str(failure)
        except ProgramConfigurationError as failure:
            error, refused = str(failure), True
        except EngineError as failure:
            context.say(Severity.ERROR, str(failure))
            error = str(failure)
        finally:
            if session is not None:
                error = self._close(context, session, configuration, error)
        if context.failure and error is None:
            error = context.failure
        finished = Finished(
            ok=error is None and not context.cancelled,
            seconds=time.monotonic() - self.began,
            changes=dict(context.changes),
            outputs=blind(outputs),
            error=error,
            cancelled=context.cancelled,
            refused=refused,
        )
        self.sink(finished)
        return finished

    def _close(
        self, context: Context, session: Session, configuration: StackConfiguration, error: str | None
    ) -> str | None:
        kind = {"up": "update"}.get(self.update.kind, self.update.kind)
        record = UpdateRecord(
            kind=kind,
            ok=error is None and not context.cancelled,
            started=self.started_at,
            changes=dict(context.changes),
            config=configuration.encrypted,
            message=self.update.message,
        )
        try:
            session.close(record)
        except StateWriteError as failure:
            context.say(Severity.ERROR, str(failure))
            return error or str(failure)
        return error

    async def _guarded(
        self,
        context: Context,
        configuration: StackConfiguration,
        environment: Mapping[str, str],
        snapshot: Snapshot,
    ) -> Properties:
        """Run the update in a task of its own, so that a cancellation winds it down instead of tearing it."""
        project = self.update.project
        providers = ProviderRegistry(
            search=PluginSearch(
                project_plugins=[
                    ProjectPlugin(item.name, item.path, item.version) for item in project.plugins["providers"]
                ],
                stand_ins=self.update.stand_ins,
                environment=environment,
            ),
            root=project.root,
            program=project.program_directory,
            environment=environment,
            say=context.say,
        )
        work = asyncio.create_task(self._work(context, configuration, environment, snapshot, providers))
        try:
            while True:
                try:
                    return await asyncio.shield(work)
                except asyncio.CancelledError:
                    if work.cancelled():
                        raise CancelledError("cancelled") from None
                    context.cancelled = True
                    context.fail("cancelled by the user")
                    context.say(Severity.WARNING, "cancelling: no new steps; waiting for the running ones to give up")
                    await providers.cancel()
        finally:
            await providers.stop()

    async def _work(
        self,
        context: Context,
        configuration: StackConfiguration,
        environment: Mapping[str, str],
        snapshot: Snapshot,
        providers: ProviderRegistry,
    ) -> Properties:
        update = self.update
        server = grpc.aio.server(options=CHANNEL_OPTIONS)
        resources = Resources()
        policies = PolicyGate(context, resources)
        registrar = Registrar(context, resources, providers, policies)
        monitor = Monitor(
            context,
            registrar,
            providers,
            configuration.values,
            frozenset(configuration.secret_keys),
            accepted=update.accepted,
        )
        service = EngineService(context)
        resource_pb2_grpc.add_ResourceMonitorServicer_to_server(monitor, server)
        engine_pb2_grpc.add_EngineServicer_to_server(service, server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        address = f"127.0.0.1:{port}"
        monitor.address = providers.engine_address = address
        try:
            states = await self._starting_states(context, snapshot, providers)
            resources.fill(states, snapshot.pending_operations if self.preview else [])
            if update.kind == "refresh":
                return _stack_outputs(states)
            if update.kind != "destroy":
                for state in states:
                    if urns.is_provider(state.type) and not state.delete:
                        providers.start_ahead(urns.package_of(state.type), version_of(state))
                for package in update.expected:
                    providers.start_ahead(package)
                await policies.open(
                    update.policy_packs,
                    Surroundings(
                        engine_address=address,
                        project=update.project.name,
                        stack=update.stack,
                        preview=self.preview,
                        environment=environment,
                        config=configuration.values,
                        secret_keys=configuration.secret_keys,
                    ),
                )
                await self._run_program(context, configuration, environment, monitor, service)
            await self._delete_unclaimed(context, resources, providers)
            if context.failure:
                raise StepFailedError(context.failure)
            if update.kind != "destroy":
                await policies.judge_stack()
            return monitor.stack_outputs if update.kind != "destroy" else {}
        finally:
            await monitor.transforms.close()
            await policies.close()
            await server.stop(0)

    async def _starting_states(
        self, context: Context, snapshot: Snapshot, providers: ProviderRegistry
    ) -> list[ResourceState]:
        """The states to start from: true to what a killed update left, and to the world where that is asked for."""
        session = context.session
        states = list(snapshot.resources)
        if session is not None and snapshot.pending_operations:
            await unfinished.settle(context, session, providers)
            states = session.resources()
        if self.update.refresh or self.update.kind == "refresh" or self.update.project.refresh_always:
            states = await refresh.refresh_all(context, providers, states, provider_states(states))
            if context.failure:
                raise StepFailedError(context.failure)
        return states

    async def _run_program(
        self,
        context: Context,
        configuration: StackConfiguration,
        environment: Mapping[str, str],
        monitor: Monitor,
        service: EngineService,
    ) -> None:
        """Run the program to its end. Raises EngineError where it failed."""
        project = self.update.project
        settings = ProgramSettings(
            directory=project.program_directory,
            root=project.root,
            project=project.name,
            stack=self.update.stack,
            config=configuration.values,
            secret_keys=configuration.secret_keys,
            environment=environment,
            parallel=self.update.parallel,
            preview=self.preview,
        )
        assert self.program is not None  # noqa: S101 - narrowing: an update that runs a program has prepared it
        process = await self.program.begin(
            settings, monitor.address, lambda line, stream: context.tell(ProgramOutput(line, stream))
        )
        ended = asyncio.create_task(process.wait())
        stopping = asyncio.create_task(context.stopping.wait())
        try:
            await asyncio.wait((ended, stopping), return_when=asyncio.FIRST_COMPLETED)
            if not ended.done() and not context.cancelled:
                # After a failure the program hears of it at its next call; one that makes none is not waited for.
                await asyncio.wait((ended,), timeout=PROGRAM_GRACE_SECONDS)
        finally:
            stopping.cancel()
            await process.end()
            code = await ended
            await monitor.settle()
        if context.failure:
            raise StepFailedError(context.failure)
        if code == PROGRAM_REFUSED and service.first_error and context.changes.total() <= 1:
            raise ProgramConfigurationError(service.first_error)
        if code in {PROGRAM_FAILED, PROGRAM_REFUSED} and service.first_error:
            raise StepFailedError(service.first_error)
        if code != 0:
            raise EngineError(
                f"{process.obituary()}\nNothing was deleted, and what was done is recorded. "
                "Correct the program (or run again, if something else ended it)."
            )
        if not monitor.program_done.is_set():
            raise EngineError(
                "the program ended before all of its resources were registered. Nothing was deleted; run again."
            )

    async def _delete_unclaimed(self, context: Context, resources: Resources, providers: ProviderRegistry) -> None:
        doomed = [*resources.unclaimed(), *resources.condemned]
        deletions.refuse_protected(context, doomed)
        await deletions.delete_all(context, providers, [*doomed, *resources.left_over], resources.providers())


@contextmanager
def _rare_collections() -> Generator[None]:
    """Let the garbage collector come by less often: all states live as long as the update, and walking them again and again
    is a fifteenth of the engine's time at 6,000 resources. What was there before is not walked at all."""
    thresholds = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


def _stack_outputs(states: list[ResourceState]) -> Properties:
    for state in states:
        if state.type == urns.STACK_TYPE:
            return state.outputs
    return {}

"""Pulumi's ResourceMonitor service: what the program's SDK talks to.

Each call is turned into a call on the Registrar; errors that users have been told already end the call with UNAVAILABLE,
which the SDK takes as "the monitor is winding down" and ends the program without a second message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import callback_pb2, provider_pb2, resource_pb2, resource_pb2_grpc

from rehearsal.engine import urn as urns
from rehearsal.engine.callbacks import Transforms
from rehearsal.engine.construction import hand_over_options
from rehearsal.engine.context import Context
from rehearsal.engine.errors import CancelledError, EngineError
from rehearsal.engine.events import OutputsRegistered, Severity
from rehearsal.engine.features import FEATURES
from rehearsal.engine.goal import Goal, alias_urns, from_request
from rehearsal.engine.operations import StepFailedError
from rehearsal.engine.properties import (
    Properties,
    blind,
    contains_unknowns,
    from_struct,
    lower_outputs,
    mark_secret_keys,
    to_struct,
)
from rehearsal.engine.provider_registry import ProviderRegistry
from rehearsal.engine.registration import Registrar
from rehearsal.engine.state import ResourceState

WINDING_DOWN = "the update is winding down"


@dataclass(slots=True)
class Monitor(resource_pb2_grpc.ResourceMonitorServicer):
    context: Context
    registrar: Registrar
    providers: ProviderRegistry
    config: Mapping[str, str]
    secret_keys: frozenset[str]
    accepted: Callable[[], None] | None = None
    address: str = ""
    transforms: Transforms = field(default_factory=Transforms)
    stack_outputs: Properties = field(default_factory=dict[str, Any])
    program_done: asyncio.Event = field(default_factory=asyncio.Event)
    _running: set[asyncio.Task[ResourceState]] = field(default_factory=set["asyncio.Task[ResourceState]"])
    _acceptance: asyncio.Task[None] | None = None

    # --- registrations ----------------------------------------------------------------------------------------------

    async def RegisterResource(self, request: Any, context: Any) -> resource_pb2.RegisterResourceResponse:  # noqa: N802
        try:
            if request.type != urns.STACK_TYPE:
                await self._program_is_at_work()
            request = await self.transforms.apply(request)
            if request.remote:
                return await self._construct(request)
            goal = await self._goal(request)
            self.transforms.remember(goal.urn, goal.parent, request.transforms)
            state = await self._outliving_the_call(self.registrar.register(goal))
        except (EngineError, ValueError) as error:
            return await self._give_up(context, error, request.type, request.name)
        return resource_pb2.RegisterResourceResponse(
            urn=state.urn,
            id=state.id,
            object=to_struct(state.outputs if state.custom else {}),
        )

    async def _outliving_the_call(self, work: Coroutine[Any, Any, ResourceState]) -> ResourceState:
        """Do the work to its end even if the program dies meanwhile: gRPC cancels a call whose caller has gone, and a
        step that was begun must be recorded."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def _program_is_at_work(self) -> None:
        """Say once, at the program's first call beside its stack's own, that it has accepted its configuration; all calls
        wait until that was heard."""
        if self.accepted is None:
            return
        if self._acceptance is None:
            self._acceptance = asyncio.create_task(asyncio.to_thread(self.accepted))
        await asyncio.shield(self._acceptance)

    async def settle(self) -> None:
        """Wait for the steps that are still under way."""
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _goal(self, request: Any) -> Goal:
        stack, project = self.context.stack, self.context.project
        goal = from_request(request, stack, project, self.providers.root)
        parents = self.registrar.resources.old_urns(goal.parent) if goal.parent else []
        goal.aliases = alias_urns(goal, request.aliases, request.aliasURNs, parents, stack, project)
        if goal.custom and not urns.is_provider(goal.type):
            goal.provider = await self._provider_for(goal.type, goal.provider, dict(request.providers), goal.version)
        return goal

    async def _provider_for(self, token: str, given: str, listed: Mapping[str, str], version: str) -> str:
        package = urns.package_of(token)
        if given or package in listed:
            return given or listed[package]
        return await self.registrar.default_provider(package, version, self._provider_config(package))

    def _provider_config(self, package: str) -> Properties:
        """The stack's ``package:key`` settings, with which the default provider is configured."""
        prefix = f"{package}:"
        found: Properties = {}
        secret: list[str] = []
        for key, value in self.config.items():
            if key.startswith(prefix):
                name = key.removeprefix(prefix)
                found[name] = value
                if key in self.secret_keys:
                    secret.append(name)
        return mark_secret_keys(found, secret)

    async def _construct(self, request: Any) -> resource_pb2.RegisterResourceResponse:
        """A component that lives in a provider: the provider registers it and its children with this monitor."""
        given = await self._provider_for(request.type, request.provider, dict(request.providers), request.version)
        provider = self.providers.get(given)
        prefix = f"{self.context.project}:"
        asked = provider_pb2.ConstructRequest(
            project=self.context.project,
            stack=self.context.stack,
            config={key: value for key, value in self.config.items() if key.startswith(prefix)},
            configSecretKeys=sorted(self.secret_keys),
            dryRun=self.context.preview,
            parallel=self.context.parallel,
            monitorEndpoint=self.address,
            type=request.type,
            name=request.name,
            parent=request.parent,
            inputs=request.object,
            inputDependencies={
                key: provider_pb2.ConstructRequest.PropertyDependencies(urns=value.urns)
                for key, value in request.propertyDependencies.items()
            },
            providers=dict(request.providers),
            dependencies=request.dependencies,
            organization="organization",
            accepts_output_values=True,
        )
        hand_over_options(request, asked)
        # The children are registered while the provider constructs, and look for the component's transforms then.
        urn = urns.make(self.context.stack, self.context.project, request.parent, request.type, request.name)
        self.transforms.remember(urn, request.parent, request.transforms)
        answer = await provider.construct(asked)
        return resource_pb2.RegisterResourceResponse(
            urn=answer.urn,
            object=answer.state,
            propertyDependencies={
                key: resource_pb2.RegisterResourceResponse.PropertyDependencies(urns=value.urns)
                for key, value in answer.stateDependencies.items()
            },
        )

    async def RegisterResourceOutputs(self, request: Any, context: Any) -> empty_pb2.Empty:  # noqa: N802
        outputs, _ = lower_outputs(from_struct(request.outputs))
        state = self.registrar.resources.news.get(request.urn)
        if state is None:
            return await self._give_up(
                context, EngineError(f"outputs were registered for {request.urn}, which does not exist")
            )
        # Compared by the session with their secret marks: an output that became secret must not stay in the state as it was.
        session = self.context.session
        recorded = session.outputs(state, outputs) if session is not None else replace(state, outputs=outputs)
        self.registrar.resources.news[request.urn] = recorded
        if state.type == urns.STACK_TYPE:
            self.stack_outputs = outputs
        self.context.tell(OutputsRegistered(request.urn, blind(outputs)))
        return empty_pb2.Empty()

    async def ReadResource(self, request: Any, context: Any) -> resource_pb2.ReadResourceResponse:  # noqa: N802
        try:
            await self._program_is_at_work()
            provider = await self._provider_for(request.type, request.provider, {}, request.version)
            inputs, _ = lower_outputs(from_struct(request.properties))
            goal = Goal(
                urn=urns.make(self.context.stack, self.context.project, request.parent, request.type, request.name),
                type=request.type,
                name=request.name,
                custom=True,
                inputs=inputs,
                parent=request.parent,
                provider=provider,
                dependencies=tuple(request.dependencies),
                additional_secret_outputs=tuple(request.additionalSecretOutputs),
            )
            state = await self._outliving_the_call(self.registrar.read(goal, request.id))
        except (EngineError, ValueError) as error:
            return await self._give_up(context, error, request.type, request.name)
        return resource_pb2.ReadResourceResponse(urn=state.urn, properties=to_struct(state.outputs))

    # --- functions --------------------------------------------------------------------------------------------------

    async def Invoke(self, request: Any, context: Any) -> provider_pb2.InvokeResponse:  # noqa: N802
        try:
            await self._program_is_at_work()
            request = await self.transforms.apply_to_invoke(request)
            arguments, _ = lower_outputs(from_struct(request.args))
            if request.tok == "pulumi:pulumi:getResource":
                result, failures = self._get_resource(str(arguments.get("urn"))), []
            else:
                self.context.check_running()
                given = await self._provider_for(request.tok, request.provider, {}, request.version)
                provider = self.providers.get(given)
                if not provider.configured or (self.context.preview and contains_unknowns(arguments)):
                    return _returned({})
                result, failures = await provider.invoke(request.tok, arguments, self.context.preview)
        except (EngineError, ValueError) as error:
            return await self._give_up(context, error, request.tok, "function")
        response = _returned(result)
        for failure in failures:
            response.failures.add(property=failure.property, reason=failure.reason)
        return response

    def _get_resource(self, urn: str) -> Properties:
        state = self.registrar.resources.news.get(urn)
        if state is None:
            raise EngineError(f"the program asks for the resource {urn}, which has not been registered")
        return {"urn": urn, "id": state.id, "state": state.outputs}

    async def Call(self, request: Any, context: Any) -> provider_pb2.CallResponse:  # noqa: N802
        try:
            self.context.check_running()
            given = await self._provider_for(request.tok, request.provider, {}, request.version)
            asked = provider_pb2.CallRequest(
                tok=request.tok,
                args=request.args,
                project=self.context.project,
                stack=self.context.stack,
                config=dict(self.config),
                configSecretKeys=sorted(self.secret_keys),
                dryRun=self.context.preview,
                parallel=self.context.parallel,
                monitorEndpoint=self.address,
                organization="organization",
            )
            return await self.providers.get(given).call(asked)
        except (EngineError, ValueError) as error:
            return await self._give_up(context, error, request.tok, "method")

    # --- the rest ---------------------------------------------------------------------------------------------------

    async def GetDeploymentInfo(self, request: Any, context: Any) -> resource_pb2.DeploymentInfo:  # noqa: N802
        return resource_pb2.DeploymentInfo(
            project=self.context.project,
            stack=self.context.stack,
            organization="organization",
            dryRun=self.context.preview,
            parallel=self.context.parallel,
            supportedFeatures=list(FEATURES.values()),
        )

    async def SupportsFeature(self, request: Any, context: Any) -> resource_pb2.SupportsFeatureResponse:  # noqa: N802
        return resource_pb2.SupportsFeatureResponse(hasSupport=request.id in FEATURES)

    async def RegisterStackTransform(self, request: callback_pb2.Callback, context: Any) -> empty_pb2.Empty:  # noqa: N802
        self.transforms.stack.append(request)
        return empty_pb2.Empty()

    async def RegisterStackInvokeTransform(self, request: callback_pb2.Callback, context: Any) -> empty_pb2.Empty:  # noqa: N802
        self.transforms.invokes.append(request)
        return empty_pb2.Empty()

    async def SignalAndWaitForShutdown(self, request: Any, context: Any) -> empty_pb2.Empty:  # noqa: N802
        self.program_done.set()
        return empty_pb2.Empty()

    async def _give_up(self, context: Any, error: Exception, type_token: str = "", name: str = "") -> Any:
        if not isinstance(error, StepFailedError | CancelledError):
            self.context.say(Severity.ERROR, f"{type_token} {name}: {error}".strip(" :"))
            self.context.fail(str(error))
        await context.abort(grpc.StatusCode.UNAVAILABLE, WINDING_DOWN)


def _returned(result: Properties) -> Any:
    response = provider_pb2.InvokeResponse()
    # The field is called `return`, which Python keeps for itself.
    getattr(response, "return").CopyFrom(to_struct(result))
    return response

"""The ``ResourceProvider`` service of a stand-in: the protocol on one side, a package's declarations on the other."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import sys
import traceback
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Final, NoReturn, TypeAlias, TypeVar

import grpc
import grpc.aio
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from rehearsal.clouds.rules import Problem
from rehearsal.providers.kubernetes.diff import Change, Difference
from rehearsal.providers.kubernetes.engine_log import EngineLog
from rehearsal.providers.kubernetes.properties import (
    UNKNOWN,
    Properties,
    Secret,
    has_secret,
    has_unknown,
    plain,
    read_struct,
    write_struct,
)
from rehearsal.providers.kubernetes.redaction import Redactor
from rehearsal.providers.standin.checking import checked, input_problems
from rehearsal.providers.standin.difference import difference
from rehearsal.providers.standin.package import Package
from rehearsal.providers.standin.resource import CloudError, Created, Live, Resource

Context: TypeAlias = Any
T = TypeVar("T")

_KINDS: Final = {
    (Change.ADD, False): provider_pb2.PropertyDiff.ADD,
    (Change.ADD, True): provider_pb2.PropertyDiff.ADD_REPLACE,
    (Change.DELETE, False): provider_pb2.PropertyDiff.DELETE,
    (Change.DELETE, True): provider_pb2.PropertyDiff.DELETE_REPLACE,
    (Change.UPDATE, False): provider_pb2.PropertyDiff.UPDATE,
    (Change.UPDATE, True): provider_pb2.PropertyDiff.UPDATE_REPLACE,
}


def _answers(method: Callable[..., Coroutine[Any, Any, T]]) -> Callable[..., Coroutine[Any, Any, T]]:
    """Make a method of the service fail with one line for the user, every secret masked."""

    @functools.wraps(method)
    async def call(self: StandInProvider, request: Any, context: Context) -> T:
        try:
            return await method(self, request, context)
        except (CloudError, ValueError) as error:
            await self.refuse(context, str(error))
        except grpc.aio.AbortError:
            raise
        except Exception as error:
            # Anything else is a bug of the stand-in: the trace goes to the plugin's stderr, the engine gets one line.
            sys.stderr.write(self.redactor.redact(traceback.format_exc()))
            text = f"internal error of the stand-in provider in {method.__name__}: {type(error).__name__}: {error}"
            await self.refuse(context, text, grpc.StatusCode.INTERNAL)

    return call


class StandInProvider(provider_pb2_grpc.ResourceProviderServicer):
    """One provider instance, as the engine starts one process for each. Calls to the cloud run in threads."""

    def __init__(self, package: Package[Any], engine_address: str) -> None:
        self.redactor = Redactor()
        self._package = package
        self._log = EngineLog(engine_address, self.redactor)
        self._cloud: Any = None
        self._secrets = True

    async def close(self) -> None:
        await self._log.close()

    async def refuse(self, context: Context, message: str, code: grpc.StatusCode = grpc.StatusCode.UNKNOWN) -> NoReturn:
        """End the call with an error for the user."""
        await context.abort(code, self.redactor.redact(message))
        raise AssertionError("abort returned")

    # The protocol's own questions.

    @_answers
    async def Handshake(self, request: provider_pb2.ProviderHandshakeRequest, context: Context) -> Any:  # noqa: N802
        self._log.attach(request.engine_address)
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True)

    @_answers
    async def Attach(self, request: plugin_pb2.PluginAttach, context: Context) -> Any:  # noqa: N802
        self._log.attach(request.address)
        return empty_pb2.Empty()

    @_answers
    async def GetPluginInfo(self, request: empty_pb2.Empty, context: Context) -> Any:  # noqa: N802
        return plugin_pb2.PluginInfo(version=self._package.version)

    @_answers
    async def GetSchema(self, request: provider_pb2.GetSchemaRequest, context: Context) -> Any:  # noqa: N802
        # Programs bring the SDK, which is generated from the full schema; nothing asks a stand-in for it.
        schema = {"name": self._package.name, "version": self._package.version}
        return provider_pb2.GetSchemaResponse(schema=json.dumps(schema))

    @_answers
    async def Cancel(self, request: empty_pb2.Empty, context: Context) -> Any:  # noqa: N802
        # Every call to a stand-in cloud is short; what runs is let finish, so that its outcome is known.
        return empty_pb2.Empty()

    # The provider resource.

    @_answers
    async def CheckConfig(self, request: provider_pb2.CheckRequest, context: Context) -> Any:  # noqa: N802
        settings = _settings(self._read(request.news))
        problems = input_problems(self._package.configuration, settings)
        return provider_pb2.CheckResponse(inputs=request.news, failures=_failures(problems))

    @_answers
    async def DiffConfig(self, request: provider_pb2.DiffRequest, context: Context) -> Any:  # noqa: N802
        old = _settings(self._read(request.old_inputs) or self._read(request.olds))
        new = _settings(self._read(request.news))
        keys = [key for key in {**old, **new} if plain(old.get(key)) != plain(new.get(key))]
        replaces = [
            key for key in keys if key in self._package.configuration and self._package.configuration[key].replaces
        ]
        return provider_pb2.DiffResponse(changes=_changes(bool(keys)), diffs=keys, replaces=replaces)

    @_answers
    async def Configure(self, request: provider_pb2.ConfigureRequest, context: Context) -> Any:  # noqa: N802
        settings = _settings(self._read(request.args))
        problems = input_problems(self._package.configuration, settings)
        if problems:
            await self.refuse(context, "; ".join(f"{self._package.name}:{path}: {text}" for path, text in problems))
        self._secrets = request.acceptSecrets
        known = {key: value for key, value in plain(settings).items() if not has_unknown(value)}
        self._cloud = await asyncio.to_thread(self._package.connect, known)
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    # Resources.

    @_answers
    async def Check(self, request: provider_pb2.CheckRequest, context: Context) -> Any:  # noqa: N802
        rtype = self._type(request)
        name = request.name or request.urn.rpartition("::")[2]
        news, olds = self._read(request.news), self._read(request.olds)
        inputs, problems = checked(rtype, name, news, olds, request.randomSeed)
        return provider_pb2.CheckResponse(inputs=self._write(inputs), failures=_failures(problems))

    @_answers
    async def Diff(self, request: provider_pb2.DiffRequest, context: Context) -> Any:  # noqa: N802
        rtype = self._type(request)
        old = self._read(request.old_inputs) or self._read(request.olds)
        return _diff_response(difference(rtype, old, self._read(request.news), list(request.ignoreChanges)))

    @_answers
    async def Create(self, request: provider_pb2.CreateRequest, context: Context) -> Any:  # noqa: N802
        rtype = self._type(request)
        inputs = self._read(request.properties)
        if request.preview:
            unknown = dict.fromkeys(rtype.computed, UNKNOWN)
            derived = self._derived(rtype, inputs)
            return provider_pb2.CreateResponse(properties=self._state(rtype, inputs, {**unknown, **derived}))
        resource = rtype(self._connected())
        created: Created = await asyncio.to_thread(resource.create, plain(inputs))
        # From here on it exists, and an error would lose it from the state: what cannot be read back now, a refresh brings.
        try:
            live = await asyncio.to_thread(resource.read, created.id, plain(inputs))
        except CloudError as error:
            self._log.warning(request.urn, f"it was created, but reading it back failed: {error}")
            live = None
        outputs = {**self._derived(rtype, inputs), **(live.outputs if live else {}), **created.outputs}
        return provider_pb2.CreateResponse(id=created.id, properties=self._state(rtype, inputs, outputs))

    @_answers
    async def Update(self, request: provider_pb2.UpdateRequest, context: Context) -> Any:  # noqa: N802
        rtype = self._type(request)
        state, inputs = self._read(request.olds), self._read(request.news)
        kept = {key: state[key] for key in rtype.computed if key in state}
        if request.preview:
            unknown = dict.fromkeys(rtype.changing, UNKNOWN)
            outputs = {**kept, **unknown, **self._derived(rtype, inputs)}
            return provider_pb2.UpdateResponse(properties=self._state(rtype, inputs, outputs))
        resource = rtype(self._connected())
        old = self._read(request.old_inputs) or state
        await asyncio.to_thread(resource.update, request.id, plain({**state, **old}), plain(inputs))
        live = await asyncio.to_thread(resource.read, request.id, plain({**state, **inputs}))
        outputs = {**kept, **self._derived(rtype, inputs), **(live.outputs if live else {})}
        return provider_pb2.UpdateResponse(properties=self._state(rtype, inputs, outputs))

    @_answers
    async def Read(self, request: provider_pb2.ReadRequest, context: Context) -> Any:  # noqa: N802
        rtype = self._type(request)
        state, old = self._read(request.properties), self._read(request.inputs)
        live: Live | None = await asyncio.to_thread(rtype(self._connected()).read, request.id, plain(state))
        if live is None:
            return provider_pb2.ReadResponse()
        inputs = _refreshed(rtype, old, live.inputs)
        kept = {key: state[key] for key in rtype.computed if key in state}
        outputs = {**kept, **self._derived(rtype, inputs), **live.outputs}
        return provider_pb2.ReadResponse(
            id=live.id, properties=self._state(rtype, inputs, outputs), inputs=self._write(inputs)
        )

    @_answers
    async def Delete(self, request: provider_pb2.DeleteRequest, context: Context) -> Any:  # noqa: N802
        resource = self._type(request)(self._connected())
        await asyncio.to_thread(resource.delete, request.id, plain(self._read(request.properties)))
        return empty_pb2.Empty()

    # Functions.

    @_answers
    async def Invoke(self, request: provider_pb2.InvokeRequest, context: Context) -> Any:  # noqa: N802
        function = self._package.functions.get(request.tok)
        if function is None:
            await self._unknown(context, f"the function {request.tok}", list(self._package.functions))
        result = await asyncio.to_thread(function, self._connected(), plain(self._read(request.args)))
        response = provider_pb2.InvokeResponse()
        getattr(response, "return").CopyFrom(self._write(result))
        return response

    @_answers
    async def Call(self, request: provider_pb2.CallRequest, context: Context) -> Any:  # noqa: N802
        await self._unknown(context, f"the method {request.tok}", [])

    @_answers
    async def Construct(self, request: provider_pb2.ConstructRequest, context: Context) -> Any:  # noqa: N802
        await self._unknown(context, f"the component {request.type}", [])

    async def List(  # noqa: N802
        self, request: provider_pb2.ListRequest, context: Context
    ) -> AsyncIterator[provider_pb2.ListResponse]:
        await self._unknown(context, f"listing of {request.token}", [])
        yield provider_pb2.ListResponse()

    # Helpers of the above.

    async def _unknown(self, context: Context, what: str, known: list[str]) -> NoReturn:
        names = f"; it has {', '.join(sorted(known))}" if known else ""
        message = f"the rehearsal's stand-in for {self._package.name} does not have {what}{names}"
        await self.refuse(context, message, grpc.StatusCode.UNIMPLEMENTED)

    def _type(self, request: Any) -> type[Resource[Any]]:
        token = request.type or request.urn.split("::")[2].rpartition("$")[2]
        rtype = self._package.resource(token)
        if rtype is None:
            known = ", ".join(sorted(item.type for item in self._package.resources))
            raise CloudError(
                f"the rehearsal's stand-in for {self._package.name} does not have the type {token}; it has {known}"
            )
        return rtype

    def _connected(self) -> Any:
        if self._cloud is None:
            raise CloudError("the provider has not been configured; the engine must call Configure first")
        return self._cloud

    def _derived(self, rtype: type[Resource[Any]], inputs: Properties) -> Properties:
        # A provider whose own configuration is not known yet cannot say anything that depends on it.
        return rtype(self._cloud).derived(inputs) if self._cloud is not None else {}

    def _read(self, struct: Any) -> Properties:
        properties = read_struct(struct)
        self.redactor.learn(properties)
        return properties

    def _write(self, properties: Properties) -> Any:
        return write_struct(properties, secrets=self._secrets)

    def _state(self, rtype: type[Resource[Any]], inputs: Properties, outputs: Properties) -> Any:
        """Inputs and outputs as the state has them: an input that was secret stays so, whatever was read back."""
        state = {**{key: value for key, value in inputs.items() if key in rtype.inputs}, **outputs}
        for key in rtype.secrets:
            value = state.get(key)
            if value is not None and not isinstance(value, Secret):
                state[key] = Secret(value)
        self.redactor.learn(state)
        return self._write(state)


def _settings(properties: Properties) -> Properties:
    """A provider's inputs: nested ones come as JSON texts, as the protocol has it."""
    settings: Properties = {}
    for key, value in properties.items():
        if key in ("version", "pluginDownloadURL", "__internal"):
            continue
        text = plain(value)
        if (isinstance(text, str) and text[:1] in ("{", "[", '"')) or text in ("true", "false"):
            with contextlib.suppress(ValueError):
                value = json.loads(text)
        settings[key] = value
    return settings


def _refreshed(rtype: type[Resource[Any]], old: Properties, live: Properties) -> Properties:
    """Inputs after a read: what is as it was stays as the program wrote it; what the program never gave stays ungiven."""
    if not old:
        return {key: value for key, value in live.items() if value not in (None, [], {})}
    inputs = dict(old)
    drift = difference(rtype, old, {**old, **live}, [])
    for key in drift.top_level:
        if key not in old and rtype.inputs[key].filled_in:
            continue
        if key in old or live.get(key) not in (None, [], {}, rtype.inputs[key].default):
            inputs[key] = Secret(live[key]) if has_secret(old.get(key)) else live.get(key)
    return inputs


def _failures(problems: list[Problem]) -> list[provider_pb2.CheckFailure]:
    return [provider_pb2.CheckFailure(property=path, reason=text) for path, text in problems]


def _changes(some: bool) -> provider_pb2.DiffResponse.DiffChanges.ValueType:
    return provider_pb2.DiffResponse.DIFF_SOME if some else provider_pb2.DiffResponse.DIFF_NONE


def _diff_response(found: Difference) -> provider_pb2.DiffResponse:
    return provider_pb2.DiffResponse(
        changes=_changes(bool(found.changes)),
        diffs=found.top_level,
        replaces=found.replaces,
        deleteBeforeReplace=found.delete_before_replace,
        detailedDiff={
            change.text: provider_pb2.PropertyDiff(kind=_KINDS[change.change, change.replaces], inputDiff=True)
            for change in found.changes
        },
        hasDetailedDiff=True,
    )

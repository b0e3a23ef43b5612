"""The ``ResourceProvider`` service: the protocol on one side, a package's declarations on the other.

The engine calls ``Configure`` before anything that needs the connection, applies ``ignoreChanges`` to the inputs itself, and
resolves previews whose provider configuration is unknown without a call.
"""

# ruff: noqa: N802 - the methods have the names of the protocol

from __future__ import annotations

import contextlib
import functools
import json
import sys
import traceback
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from rehearsal.emulators.rules import Problem
from rehearsal.provider_plugins.framework.checking import checked, input_problems
from rehearsal.provider_plugins.framework.difference import difference, same_name
from rehearsal.provider_plugins.framework.package import Package
from rehearsal.provider_plugins.framework.properties import (
    UNKNOWN,
    Properties,
    Secret,
    has_secret,
    masked,
    plain,
    read_struct,
    write_struct,
)
from rehearsal.provider_plugins.framework.resource import CloudError, Resource

Context: TypeAlias = Any
"""``grpc.ServicerContext``; the stubs know no types."""
T = TypeVar("T")

_STRUCTS = ("args", "properties", "inputs", "olds", "news", "old_inputs")


def _answers(method: Callable[..., T]) -> Callable[..., T]:
    """Make a method of the service fail with one line for the user, every secret of the request masked."""

    @functools.wraps(method)
    def call(self: Any, request: Any, context: Context) -> T:
        try:
            return method(self, request, context)
        except (CloudError, ValueError) as error:
            code, message = grpc.StatusCode.UNKNOWN, str(error)
        except Exception as error:
            # Anything else is a bug of the emulator's plugin: the trace goes to its stderr, the user gets one line.
            sys.stderr.write(_masked(traceback.format_exc(), request))
            name = type(error).__name__
            code, message = grpc.StatusCode.INTERNAL, f"internal error in {method.__name__}: {name}: {error}"
        return context.abort(code, _masked(message, request))

    return call


def _masked(text: str, request: Any) -> str:
    fields = [field for field in _STRUCTS if field in request.DESCRIPTOR.fields_by_name]
    try:
        return masked(text, {field: read_struct(getattr(request, field)) for field in fields})
    except ValueError:
        return text  # which reports that the request cannot be read, and quotes nothing of it


class ProviderPlugin(provider_pb2_grpc.ResourceProviderServicer):
    """One provider, as the engine starts one process for each. Calls run in threads, several at once."""

    def __init__(self, package: Package[Any]) -> None:
        self._package = package
        self._cloud: Any = None

    # The protocol's own questions. What is not answered here (Construct, Call, List, …) is UNIMPLEMENTED.

    def Handshake(self, request: Any, context: Context) -> provider_pb2.ProviderHandshakeResponse:
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True)

    def Attach(self, request: Any, context: Context) -> empty_pb2.Empty:
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Context) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version=self._package.version)

    def GetSchema(self, request: Any, context: Context) -> provider_pb2.GetSchemaResponse:
        # Programs bring the SDK, which is generated from the full schema. Only `pulumi import` asks here, to print code,
        # for which the rehearsal's language host has no generator: `pulumi import --generate-code=false`.
        schema = {"name": self._package.name, "version": self._package.version}
        return provider_pb2.GetSchemaResponse(schema=json.dumps(schema))

    def Cancel(self, request: Any, context: Context) -> empty_pb2.Empty:
        # Every call to an emulated cloud is short; what runs may finish, so that its outcome is known.
        return empty_pb2.Empty()

    # The provider resource.

    @_answers
    def CheckConfig(self, request: provider_pb2.CheckRequest, context: Context) -> provider_pb2.CheckResponse:
        problems = input_problems(self._package.configuration, _settings(request.news))
        return provider_pb2.CheckResponse(inputs=request.news, failures=_failures(problems, request))

    @_answers
    def DiffConfig(self, request: provider_pb2.DiffRequest, context: Context) -> provider_pb2.DiffResponse:
        old, new = _settings(request.old_inputs), _settings(request.news)
        declared = self._package.configuration
        keys = [key for key in {**old, **new} if plain(old.get(key)) != plain(new.get(key))]
        replaces = [key for key in keys if key in declared and declared[key].replaces]
        return provider_pb2.DiffResponse(changes=_changes(keys), diffs=keys, replaces=replaces)

    @_answers
    def Configure(self, request: provider_pb2.ConfigureRequest, context: Context) -> provider_pb2.ConfigureResponse:
        settings = plain(_settings(request.args))
        problems = input_problems(self._package.configuration, settings)
        if problems:
            raise CloudError("; ".join(f"{self._package.name}:{path}: {text}" for path, text in problems))
        self._cloud = self._package.connect(settings)
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    # Resources.

    @_answers
    def Check(self, request: provider_pb2.CheckRequest, context: Context) -> provider_pb2.CheckResponse:
        news, olds = read_struct(request.news), read_struct(request.olds)
        inputs, problems = checked(self._type(request), request.name, news, olds, request.randomSeed)
        return provider_pb2.CheckResponse(inputs=write_struct(inputs), failures=_failures(problems, request))

    @_answers
    def Diff(self, request: provider_pb2.DiffRequest, context: Context) -> provider_pb2.DiffResponse:
        rtype = self._type(request)
        old, new = read_struct(request.old_inputs), read_struct(request.news)
        changes = difference(rtype, old, new, request.ignoreChanges)
        replaces = {change.key: None for change in changes if change.replaces}
        kind = provider_pb2.PropertyDiff.Kind.Value
        return provider_pb2.DiffResponse(
            changes=_changes(changes),
            diffs={change.key: None for change in changes},
            replaces=replaces,
            deleteBeforeReplace=bool(replaces) and (rtype.one_at_a_time or same_name(rtype, old, new)),
            detailedDiff={
                change.path: provider_pb2.PropertyDiff(
                    kind=kind(f"{change.kind}_REPLACE" if change.replaces else change.kind), inputDiff=True
                )
                for change in changes
            },
            hasDetailedDiff=True,
        )

    @_answers
    def Create(self, request: provider_pb2.CreateRequest, context: Context) -> provider_pb2.CreateResponse:
        resource = self._type(request)(self._cloud)
        inputs = read_struct(request.properties)
        known = plain(inputs)
        if request.preview:
            outputs = {**dict.fromkeys(resource.computed, UNKNOWN), **resource.derived(known)}
            return provider_pb2.CreateResponse(properties=_state(resource, inputs, outputs))
        created = resource.create(known)
        outputs = {**resource.derived(known), **created.outputs}
        try:
            live = resource.read(created.id, known)
        except CloudError as error:
            # It exists, so the state has to have it: the next update completes it.
            state = _state(resource, inputs, outputs)
            _keep(context, provider_pb2.ErrorResourceInitFailed(id=created.id, properties=state, reasons=[str(error)]))
            raise
        outputs = {**outputs, **(live.outputs if live else {}), **created.outputs}
        return provider_pb2.CreateResponse(id=created.id, properties=_state(resource, inputs, outputs))

    @_answers
    def Update(self, request: provider_pb2.UpdateRequest, context: Context) -> provider_pb2.UpdateResponse:
        resource = self._type(request)(self._cloud)
        state, old, inputs = (read_struct(item) for item in (request.olds, request.old_inputs, request.news))
        known = plain(inputs)
        outputs = {**_kept(resource, state), **resource.derived(known)}
        if request.preview:
            outputs = {**outputs, **dict.fromkeys(resource.changing, UNKNOWN), **resource.derived(known)}
            return provider_pb2.UpdateResponse(properties=_state(resource, inputs, outputs))
        # There is none where the engine only completes a creation that failed at its end.
        if difference(type(resource), old, inputs):
            resource.update(request.id, plain({**state, **old}), known)
        live = resource.read(request.id, plain({**state, **inputs}))
        outputs |= live.outputs if live else {}
        return provider_pb2.UpdateResponse(properties=_state(resource, inputs, outputs))

    @_answers
    def Read(self, request: provider_pb2.ReadRequest, context: Context) -> provider_pb2.ReadResponse:
        resource = self._type(request)(self._cloud)
        state, old = read_struct(request.properties), read_struct(request.inputs)
        live = resource.read(request.id, plain(state))
        if live is None:
            return provider_pb2.ReadResponse()
        inputs = _refreshed(type(resource), old, live.inputs)
        outputs = {**_kept(resource, state), **resource.derived(plain(inputs)), **live.outputs}
        return provider_pb2.ReadResponse(
            id=live.id, properties=_state(resource, inputs, outputs), inputs=write_struct(inputs)
        )

    @_answers
    def Delete(self, request: provider_pb2.DeleteRequest, context: Context) -> empty_pb2.Empty:
        self._type(request)(self._cloud).delete(request.id, plain(read_struct(request.properties)))
        return empty_pb2.Empty()

    @_answers
    def Invoke(self, request: provider_pb2.InvokeRequest, context: Context) -> provider_pb2.InvokeResponse:
        function = self._package.functions.get(request.tok)
        if function is None:
            raise self._missing("function", request.tok, self._package.functions)
        result: dict[str, Any] = {"return": write_struct(function(self._cloud, plain(read_struct(request.args))))}
        return provider_pb2.InvokeResponse(**result)

    def _type(self, request: Any) -> type[Resource[Any]]:
        rtype = self._package.resource(request.type)
        if rtype is None:
            raise self._missing("type", request.type, [item.type for item in self._package.resources])
        return rtype

    def _missing(self, what: str, token: str, known: Any) -> CloudError:
        return CloudError(
            f"the rehearsal's plugin for {self._package.name} does not have the {what} {token}; it has "
            f"{', '.join(sorted(known))}"
        )


def _keep(context: Context, detail: provider_pb2.ErrorResourceInitFailed) -> None:
    """Add to the error that follows that the resource exists nevertheless."""
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0])
    status.details.add().Pack(detail)
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))


def _state(resource: Resource[Any], inputs: Properties, outputs: Properties) -> Any:
    """Inputs and outputs as the state has them: an input that was secret stays so, whatever was read back."""
    state = {key: value for key, value in inputs.items() if key in resource.inputs} | outputs
    for key, value in state.items():
        if value is not None and not has_secret(value) and (key in resource.secrets or has_secret(inputs.get(key))):
            state[key] = Secret(value)
    return write_struct(state)


def _kept(resource: Resource[Any], state: Properties) -> Properties:
    return {key: state[key] for key in resource.computed if key in state}


def _settings(struct: Any) -> Properties:
    """A provider's inputs: nested ones come as JSON texts, as the protocol has it."""
    settings: Properties = {}
    for key, value in read_struct(struct).items():
        text = plain(value)
        if isinstance(text, str) and (text[:1] in ("{", "[", '"') or text in ("true", "false")):
            with contextlib.suppress(ValueError):
                value = json.loads(text)
        if key not in ("version", "pluginDownloadURL"):
            settings[key] = value
    return settings


def _refreshed(rtype: type[Resource[Any]], old: Properties, live: Properties) -> Properties:
    """Inputs after a read: what is as it was stays as the program wrote it; what the program never gave stays ungiven."""
    if not old:
        return {key: value for key, value in live.items() if value not in (None, [], {})}
    inputs = dict(old)
    for key in {change.key for change in difference(rtype, old, {**old, **live})}:
        if key not in old and rtype.inputs[key].filled_in:
            continue
        if key in old or live.get(key) not in (None, [], {}, rtype.inputs[key].default):
            inputs[key] = Secret(live[key]) if has_secret(old.get(key)) else live.get(key)
    return inputs


def _failures(problems: list[Problem], request: Any) -> list[provider_pb2.CheckFailure]:
    return [provider_pb2.CheckFailure(property=path, reason=_masked(text, request)) for path, text in problems]


def _changes(some: object) -> provider_pb2.DiffResponse.DiffChanges.ValueType:
    return provider_pb2.DiffResponse.DIFF_SOME if some else provider_pb2.DiffResponse.DIFF_NONE

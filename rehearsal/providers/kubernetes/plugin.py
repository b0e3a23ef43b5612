"""The ``ResourceProvider`` service: messages in, the modules of this package, messages out."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from importlib import metadata
from typing import Any, Final

from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from .annotations import replaces_unready
from .awaits.job import is_complete
from .check import check
from .checkpoint import field_manager, identifier, old_inputs_of, outputs_of, parse_identifier
from .configuration import compare_configuration, problems, read_configuration
from .deletion import delete, delete_patch
from .diff import Change, Difference, FieldChange, compare, must_delete_first
from .engine_log import EngineLog
from .errors import ClusterUnavailableError, KubernetesError
from .immutable_fields import immutable_paths
from .kinds import ResourceType, parse_token, type_of_urn
from .naming import Autonaming, NamingMode
from .operations import Request, create, update
from .preview import Previews
from .properties import Properties, mapping_at, plain, read_struct, write_struct
from .read import find_live
from .reading import Reading
from .redaction import Redactor
from .replies import Context, answers, refuse, unimplemented
from .session import Session

_UNREACHABLE_REMEDY: Final = (
    " If the cluster is gone for good, run again with PULUMI_K8S_DELETE_UNREACHABLE=true to drop its resources "
    "from the state."
)
_KINDS: Final = {
    (Change.ADD, False): provider_pb2.PropertyDiff.ADD,
    (Change.ADD, True): provider_pb2.PropertyDiff.ADD_REPLACE,
    (Change.DELETE, False): provider_pb2.PropertyDiff.DELETE,
    (Change.DELETE, True): provider_pb2.PropertyDiff.DELETE_REPLACE,
    (Change.UPDATE, False): provider_pb2.PropertyDiff.UPDATE,
    (Change.UPDATE, True): provider_pb2.PropertyDiff.UPDATE_REPLACE,
}
_NAMING: Final = {
    provider_pb2.CheckRequest.AutonamingOptions.PROPOSE: NamingMode.PROPOSE,
    provider_pb2.CheckRequest.AutonamingOptions.ENFORCE: NamingMode.ENFORCE,
    provider_pb2.CheckRequest.AutonamingOptions.DISABLE: NamingMode.DISABLE,
}


def version() -> str:
    """The SDK's version: this provider is made for exactly that one."""
    try:
        return metadata.version("pulumi-kubernetes")
    except metadata.PackageNotFoundError:
        return "4.34.2"


class KubernetesProvider(provider_pb2_grpc.ResourceProviderServicer):
    """One provider instance, as the engine starts one process for each. All calls run on one event loop."""

    def __init__(self, engine_address: str) -> None:
        self.redactor = Redactor()
        self.log = EngineLog(engine_address, self.redactor)
        self._session: Session | None = None
        self._previews: Previews | None = None
        self._secrets = True

    async def close(self) -> None:
        if self._session is not None:
            await self._session.api.close()
        await self.log.close()

    # The protocol's own questions.

    @answers
    async def Handshake(self, request: provider_pb2.ProviderHandshakeRequest, context: Context) -> Any:  # noqa: N802
        self.log.attach(request.engine_address)
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True, supports_autonaming_configuration=True)

    @answers
    async def Attach(self, request: plugin_pb2.PluginAttach, context: Context) -> Any:  # noqa: N802
        self.log.attach(request.address)
        return empty_pb2.Empty()

    @answers
    async def GetPluginInfo(self, request: empty_pb2.Empty, context: Context) -> Any:  # noqa: N802
        return plugin_pb2.PluginInfo(version=version())

    @answers
    async def GetSchema(self, request: provider_pb2.GetSchemaRequest, context: Context) -> Any:  # noqa: N802
        # Programs bring the SDK, which is generated from the full schema; nothing asks this provider for it.
        return provider_pb2.GetSchemaResponse(schema=json.dumps({"name": "kubernetes", "version": version()}))

    @answers
    async def Cancel(self, request: empty_pb2.Empty, context: Context) -> Any:  # noqa: N802
        if self._session is not None:
            self._session.api.cancel()
        return empty_pb2.Empty()

    # The provider resource.

    @answers
    async def CheckConfig(self, request: provider_pb2.CheckRequest, context: Context) -> Any:  # noqa: N802
        settings = read_struct(request.news)
        self.redactor.learn(settings)
        failures = [
            provider_pb2.CheckFailure(property=item.property, reason=item.reason) for item in problems(settings)
        ]
        return provider_pb2.CheckResponse(inputs=request.news, failures=failures)

    @answers
    async def DiffConfig(self, request: provider_pb2.DiffRequest, context: Context) -> Any:  # noqa: N802
        old = read_struct(request.old_inputs) or read_struct(request.olds)
        difference = compare_configuration(old, read_struct(request.news))
        return provider_pb2.DiffResponse(
            changes=_changes(bool(difference.changed)), diffs=difference.changed, replaces=difference.replaces
        )

    @answers
    async def Configure(self, request: provider_pb2.ConfigureRequest, context: Context) -> Any:  # noqa: N802
        settings = read_struct(request.args)
        self.redactor.learn(settings)
        if found := problems(settings):
            await refuse(context, self.redactor, "; ".join(f"{item.property}: {item.reason}" for item in found))
        self._secrets = request.acceptSecrets
        self._session = Session.open(read_configuration(settings, request.variables), self.log, self.redactor)
        self._previews = Previews(self._session)
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, supports_autonaming_configuration=True
        )

    # Resources.

    @answers
    async def Check(self, request: provider_pb2.CheckRequest, context: Context) -> Any:  # noqa: N802
        new, old = self._read(request.news), self._read(request.olds)
        if old and await self._skips_unreachable(request.urn):
            return provider_pb2.CheckResponse(inputs=request.olds)
        naming = Autonaming()
        if request.HasField("autonaming"):
            naming = Autonaming(_NAMING[request.autonaming.mode], request.autonaming.proposed_name)
        name = request.name or request.urn.rpartition("::")[2]
        rtype = _type(request.type, request.urn, new)
        result = await check(self._session, rtype, name, new, old, request.randomSeed, naming)
        return provider_pb2.CheckResponse(
            inputs=write_struct(result.inputs, secrets=self._secrets),
            failures=[
                provider_pb2.CheckFailure(property=item.property, reason=item.reason) for item in result.failures
            ],
        )

    @answers
    async def Diff(self, request: provider_pb2.DiffRequest, context: Context) -> Any:  # noqa: N802
        outputs, new = self._read(request.olds), self._read(request.news)
        old = _with_identity(old_inputs_of(self._read(request.old_inputs), outputs), outputs, new)
        rtype = _type(request.type, request.urn, new)
        options = self._session.configuration.mutability if self._session else None
        immutable = immutable_paths(rtype.kind, new, patch=rtype.patch, mutability=options)
        difference = compare(old, new, immutable, list(request.ignoreChanges))
        if replaces_unready(new) and not difference.replaces and await self._unready(rtype, request.id, request.urn):
            path = ("metadata", "annotations", "pulumi.com/replaceUnready")
            changes = [*difference.changes, FieldChange(path, Change.UPDATE, replaces=True)]
            difference = Difference(changes, must_delete_first(old, new))
        return provider_pb2.DiffResponse(
            changes=_changes(bool(difference.changes)),
            diffs=difference.top_level,
            replaces=difference.replaces,
            deleteBeforeReplace=difference.delete_before_replace,
            detailedDiff={
                change.text: provider_pb2.PropertyDiff(kind=_KINDS[change.change, change.replaces], inputDiff=True)
                for change in difference.changes
            },
            hasDetailedDiff=True,
        )

    @answers
    async def Create(self, request: provider_pb2.CreateRequest, context: Context) -> Any:  # noqa: N802
        inputs = self._read(request.properties)
        manager = field_manager(request.urn, {}, inputs)
        work = Request(request.urn, _type(request.type, request.urn, inputs), inputs, manager, request.timeout)
        if request.preview:
            shown = await self._previews.create(work) if self._previews else None
            return provider_pb2.CreateResponse(properties=self._preview_state(shown, work))
        live = await create(self._require_session(), work)
        return provider_pb2.CreateResponse(id=identifier(live), properties=self._state(live, inputs, manager))

    @answers
    async def Update(self, request: provider_pb2.UpdateRequest, context: Context) -> Any:  # noqa: N802
        inputs, outputs = self._read(request.news), self._read(request.olds)
        old_inputs = old_inputs_of(self._read(request.old_inputs), outputs)
        manager = field_manager(request.urn, outputs, inputs)
        rtype = _type(request.type, request.urn, inputs)
        work = Request(request.urn, rtype, inputs, manager, request.timeout, list(request.ignoreChanges))
        if request.preview:
            shown = await self._previews.update(work) if self._previews else None
            return provider_pb2.UpdateResponse(properties=self._preview_state(shown, work))
        live = await update(self._require_session(), work, field_manager(request.urn, outputs, old_inputs))
        return provider_pb2.UpdateResponse(properties=self._state(live, inputs, manager))

    @answers
    async def Read(self, request: provider_pb2.ReadRequest, context: Context) -> Any:  # noqa: N802
        session = self._require_session()
        outputs = self._read(request.properties)
        old_inputs = old_inputs_of(self._read(request.inputs), outputs)
        rtype = _type(request.type, request.urn, old_inputs or outputs)
        manager = field_manager(request.urn, outputs, old_inputs)
        try:
            reading = await Reading.of(session, request.urn, rtype, request.id, old_inputs, manager)
        except ClusterUnavailableError as error:
            if session.configuration.delete_unreachable:
                return provider_pb2.ReadResponse()
            if session.configuration.skip_update_unreachable:
                self.log.warning(request.urn, f"{error} What the state says is kept.")
                return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)
            raise KubernetesError(f"{error}{_UNREACHABLE_REMEDY}") from error
        if reading is None:
            return provider_pb2.ReadResponse()
        reading.raise_unready()
        return provider_pb2.ReadResponse(
            id=request.id or identifier(reading.live),
            properties=self._state(reading.live, reading.inputs, manager),
            inputs=write_struct(reading.inputs, secrets=self._secrets),
        )

    @answers
    async def Delete(self, request: provider_pb2.DeleteRequest, context: Context) -> Any:  # noqa: N802
        session = self._require_session()
        outputs = self._read(request.properties)
        inputs = old_inputs_of(self._read(request.old_inputs), outputs)
        rtype = _type(request.type, request.urn, inputs or outputs)
        manager = field_manager(request.urn, outputs, inputs)
        namespace, name = parse_identifier(request.id)
        try:
            endpoint = await session.discovery.find(rtype.kind)
            if endpoint is None:
                return empty_pb2.Empty()  # the definition is gone, and its objects with it
            if endpoint.namespaced and not namespace:
                namespace = session.default_namespace
            if rtype.patch:
                await delete_patch(session, request.urn, endpoint, namespace, name, manager)
            else:
                uid = plain(mapping_at(outputs, "metadata").get("uid"))
                await delete(
                    session,
                    request.urn,
                    endpoint,
                    namespace,
                    name,
                    uid=uid if isinstance(uid, str) else "",
                    inputs=inputs,
                    manager=manager,
                    requested=request.timeout,
                )
        except ClusterUnavailableError as error:
            if session.configuration.delete_unreachable:
                self.log.warning(request.urn, f"{error} It is dropped from the state as deleteUnreachable asks.")
                return empty_pb2.Empty()
            raise KubernetesError(f"{error}{_UNREACHABLE_REMEDY}") from error
        return empty_pb2.Empty()

    # Client-side rendering and functions: not part of this provider.

    @answers
    async def Invoke(self, request: provider_pb2.InvokeRequest, context: Context) -> Any:  # noqa: N802
        await unimplemented(context, f"the function {request.tok}")

    @answers
    async def Call(self, request: provider_pb2.CallRequest, context: Context) -> Any:  # noqa: N802
        await unimplemented(context, f"the method {request.tok}")

    @answers
    async def Construct(self, request: provider_pb2.ConstructRequest, context: Context) -> Any:  # noqa: N802
        await unimplemented(context, f"the component {request.type}")

    async def List(  # noqa: N802
        self, request: provider_pb2.ListRequest, context: Context
    ) -> AsyncIterator[provider_pb2.ListResponse]:
        await unimplemented(context, f"listing of {request.token}")
        yield provider_pb2.ListResponse()

    # Helpers of the above.

    def _read(self, struct: Any) -> Properties:
        properties = read_struct(struct)
        self.redactor.learn(properties)
        return properties

    def _require_session(self) -> Session:
        if self._session is None:
            raise KubernetesError("the provider has not been configured; the engine must call Configure first")
        return self._session

    def _state(self, live: dict[str, Any], inputs: Properties, manager: str) -> Any:
        return write_struct(outputs_of(live, inputs, manager), secrets=self._secrets)

    def _preview_state(self, shown: Properties | None, work: Request) -> Any:
        if shown is None:
            return write_struct(work.inputs, secrets=self._secrets)
        return self._state(shown, work.inputs, work.manager)

    async def _skips_unreachable(self, urn: str) -> bool:
        if self._session is None or not self._session.configuration.skip_update_unreachable:
            return False
        try:
            await self._session.api.get("/version")
        except ClusterUnavailableError as error:
            self.log.warning(urn, f"{error} The resource is left as it is (skipUpdateUnreachable).")
            return True
        return False

    async def _unready(self, rtype: ResourceType, identity: str, urn: str) -> bool:
        """Whether a live Job that is to be replaced while unready has not completed (``pulumi.com/replaceUnready``)."""
        if rtype.kind.kind != "Job" or rtype.kind.group != "batch":
            self.log.warning(urn, "pulumi.com/replaceUnready has a meaning only for Jobs and is ignored here")
            return False
        try:
            found = await find_live(self._require_session(), rtype.kind, *parse_identifier(identity))
        except ClusterUnavailableError as error:
            self.log.warning(urn, f"{error} Whether the Job is to be replaced cannot be told.")
            return False
        return found is not None and not is_complete(found[1])


def _type(token: str, urn: str, properties: Properties) -> ResourceType:
    kind = plain(properties.get("kind"))
    return parse_token(token or type_of_urn(urn), kind if isinstance(kind, str) else None)


def _changes(some: bool) -> provider_pb2.DiffResponse.DiffChanges.ValueType:
    return provider_pb2.DiffResponse.DIFF_SOME if some else provider_pb2.DiffResponse.DIFF_NONE


def _with_identity(old: Properties, outputs: Properties, new: Properties) -> Properties:
    """Old inputs with the name and namespace that the object has, where they did not say and the new ones do.

    Imported resources and those of a program that left the namespace out would else seem to move.
    """
    before, live, after = (mapping_at(item, "metadata") for item in (old, outputs, new))
    missing = {key: live[key] for key in ("name", "namespace") if key in live and key in after and key not in before}
    return {**old, "metadata": {**before, **missing}} if missing else old

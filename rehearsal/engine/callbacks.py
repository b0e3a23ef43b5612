"""Transforms: functions of the program that the engine calls back before it looks at a registration."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import grpc.aio
from pulumi.runtime.proto import callback_pb2, callback_pb2_grpc, resource_pb2

from rehearsal.engine.errors import EngineError
from rehearsal.engine.plugins.provider import CHANNEL_OPTIONS


@dataclass(slots=True)
class Transforms:
    """Those of the stack apply to every resource, those of a resource to it and to its children."""

    stack: list[callback_pb2.Callback] = field(default_factory=list[callback_pb2.Callback])
    invokes: list[callback_pb2.Callback] = field(default_factory=list[callback_pb2.Callback])
    _own: dict[str, list[callback_pb2.Callback]] = field(default_factory=dict[str, "list[callback_pb2.Callback]"])
    _parents: dict[str, str] = field(default_factory=dict[str, str])
    _channels: dict[str, grpc.aio.Channel] = field(default_factory=dict[str, grpc.aio.Channel])

    def remember(self, urn: str, parent: str, own: Iterable[callback_pb2.Callback]) -> None:
        """Keep a resource's transforms for its children."""
        callbacks = list(own)
        if callbacks:
            self._own[urn] = callbacks
        if parent:
            self._parents[urn] = parent

    def _chain(self, request: Any) -> list[callback_pb2.Callback]:
        chain = list(request.transforms)
        parent = request.parent
        while parent:
            chain.extend(self._own.get(parent, ()))
            parent = self._parents.get(parent, "")
        return [*chain, *self.stack]

    async def apply(self, request: Any) -> Any:
        """The request as its own, its ancestors' and the stack's transforms leave it, in that order."""
        if not (request.transforms or self._own or self.stack):
            return request
        for callback in self._chain(request):
            asked = resource_pb2.TransformRequest(
                type=request.type,
                name=request.name,
                custom=request.custom,
                parent=request.parent,
                properties=request.object,
                options=_options(request),
            )
            answer = resource_pb2.TransformResponse()
            answer.ParseFromString(await self._invoke(callback, asked.SerializeToString()))
            request = _merged(request, answer)
        return request

    async def apply_to_invoke(self, request: resource_pb2.ResourceInvokeRequest) -> resource_pb2.ResourceInvokeRequest:
        for callback in self.invokes:
            asked = resource_pb2.TransformInvokeRequest(
                token=request.tok,
                args=request.args,
                options=resource_pb2.TransformInvokeOptions(
                    provider=request.provider,
                    plugin_download_url=request.pluginDownloadURL,
                    version=request.version,
                ),
            )
            answer = resource_pb2.TransformInvokeResponse()
            answer.ParseFromString(await self._invoke(callback, asked.SerializeToString()))
            changed = resource_pb2.ResourceInvokeRequest()
            changed.CopyFrom(request)
            if answer.HasField("args"):
                changed.args.CopyFrom(answer.args)
            if answer.HasField("options"):
                changed.provider = answer.options.provider
                changed.version = answer.options.version
                changed.pluginDownloadURL = answer.options.plugin_download_url
            request = changed
        return request

    async def _invoke(self, callback: callback_pb2.Callback, request: bytes) -> bytes:
        channel = self._channels.get(callback.target)
        if channel is None:
            channel = grpc.aio.insecure_channel(callback.target, options=CHANNEL_OPTIONS)
            self._channels[callback.target] = channel
        stub: Any = callback_pb2_grpc.CallbacksStub(channel)
        try:
            answer = await stub.Invoke(callback_pb2.CallbackInvokeRequest(token=callback.token, request=request))
        except grpc.aio.AioRpcError as error:
            raise EngineError(f"a transform of the program failed: {error.details()}") from error
        return answer.response

    async def close(self) -> None:
        for channel in self._channels.values():
            await channel.close()


def _options(request: Any) -> resource_pb2.TransformResourceOptions:
    options = resource_pb2.TransformResourceOptions(
        depends_on=request.dependencies,
        ignore_changes=request.ignoreChanges,
        replace_on_changes=request.replaceOnChanges,
        version=request.version,
        aliases=request.aliases,
        provider=request.provider,
        plugin_download_url=request.pluginDownloadURL,
        deleted_with=request.deletedWith,
        additional_secret_outputs=request.additionalSecretOutputs,
        providers=dict(request.providers),
    )
    if request.HasField("protect"):
        options.protect = request.protect
    if request.HasField("retainOnDelete"):
        options.retain_on_delete = request.retainOnDelete
    if request.deleteBeforeReplaceDefined:
        options.delete_before_replace = request.deleteBeforeReplace
    if request.HasField("customTimeouts"):
        options.custom_timeouts.CopyFrom(request.customTimeouts)
    return options


def _merged(request: Any, answer: resource_pb2.TransformResponse) -> Any:
    changed: Any = resource_pb2.RegisterResourceRequest()
    changed.CopyFrom(request)
    if answer.HasField("properties"):
        changed.object.CopyFrom(answer.properties)
        # A dependency that only a transformed-away property had is still a dependency of the resource.
    if answer.HasField("options"):
        options: Any = answer.options
        lists: Any = (
            (changed.dependencies, options.depends_on),
            (changed.ignoreChanges, options.ignore_changes),
            (changed.replaceOnChanges, options.replace_on_changes),
            (changed.aliases, options.aliases),
            (changed.additionalSecretOutputs, options.additional_secret_outputs),
        )
        for target, source in lists:
            copied = list(source)
            del target[:]
            target.extend(copied)
        changed.version = options.version
        changed.provider = options.provider
        changed.pluginDownloadURL = options.plugin_download_url
        changed.deletedWith = options.deleted_with
        changed.providers.clear()
        changed.providers.update(options.providers)
        changed.ClearField("protect")
        if options.HasField("protect"):
            changed.protect = options.protect
        changed.ClearField("retainOnDelete")
        if options.HasField("retain_on_delete"):
            changed.retainOnDelete = options.retain_on_delete
        changed.deleteBeforeReplaceDefined = options.HasField("delete_before_replace")
        changed.deleteBeforeReplace = options.delete_before_replace
        changed.ClearField("customTimeouts")
        if options.HasField("custom_timeouts"):
            changed.customTimeouts.CopyFrom(options.custom_timeouts)
    return changed

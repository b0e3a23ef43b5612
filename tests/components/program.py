"""Runs components under Pulumi's mocks and keeps what they register: the tree, the inputs as sent, the options.

The monitor is the SDK's own ``MockMonitor``; it is only extended to keep each request, because parents, dependencies, protection
and aliases are on the wire and nowhere else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi.runtime import mocks, rpc
from pulumi.runtime.stack import run_pulumi_func

PROJECT, STACK = "mendix-registry", "test"

Answer = Callable[[mocks.MockResourceArgs], Mapping[str, Any]]
"""What a provider adds to a resource's inputs: its computed outputs."""


@dataclass(frozen=True, slots=True)
class Registered:
    """One registration as it went over the wire. ``inputs`` are plain values, with ``secrets`` naming the top-level keys that
    hold one; unknown inputs of a preview are missing from ``inputs``."""

    urn: str
    type: str
    name: str
    custom: bool
    inputs: Mapping[str, Any]
    secrets: frozenset[str]
    parent: str
    dependencies: frozenset[str]
    provider: str
    protect: bool
    retain_on_delete: bool
    import_id: str
    ignore_changes: tuple[str, ...]
    aliases: int
    on_error: tuple[str, ...] = ()
    read: bool = False

    @property
    def metadata(self) -> dict[str, Any]:
        """That of an object of Kubernetes, without the annotation that says which manager owns its fields."""
        metadata = dict(self.inputs["metadata"])
        annotations = {**metadata.pop("annotations", {})}
        annotations.pop("pulumi.com/patchFieldManager", None)
        return {**metadata, "annotations": annotations} if annotations else metadata


@dataclass(slots=True)
class Recording:
    """Everything that a program registered, in order, and what it returned (outputs resolved)."""

    registered: list[Registered] = field(default_factory=list)
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    result: Any = None

    def of_type(self, token: str) -> list[Registered]:
        return [item for item in self.registered if item.type == token]

    def one(self, token: str, name: str | None = None) -> Registered:
        found = [item for item in self.of_type(token) if name is None or item.name == name]
        assert len(found) == 1, f"{token} {name or ''}: {[item.name for item in found]}"
        return found[0]

    def by_urn(self, urn: str) -> Registered:
        return next(item for item in self.registered if item.urn == urn)


class _Provider(mocks.Mocks):
    def __init__(self, answers: Mapping[str, Answer], calls: Mapping[str, Callable[[Any], dict[str, Any]]]) -> None:
        self._answers = answers
        self._calls = calls

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        if not args.custom and not args.resource_id:
            return None, dict(args.inputs)
        answer = self._answers.get(args.typ)
        outputs = {**args.inputs, **(answer(args) if answer else {})}
        # Azure's ids are paths that programs read; an answer may give one.
        return args.resource_id or outputs.pop("id", f"{args.name}-id"), outputs

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        if args.token not in self._calls:
            # A function nobody foresaw would be a cloud call in a preview: fail here rather than there.
            raise AssertionError(f"the program calls {args.token} with {args.args}")
        return self._calls[args.token](args.args), []


class _Monitor(mocks.MockMonitor):
    def __init__(self, provider: _Provider, recording: Recording) -> None:
        super().__init__(provider)
        self._recording = recording

    def RegisterResource(self, request: Any) -> Any:
        response = super().RegisterResource(request)
        if request.type != "pulumi:pulumi:Stack":
            self._keep(request, response.urn, request.object)
        return response

    def ReadResource(self, request: Any) -> Any:
        response = super().ReadResource(request)
        self._keep(request, response.urn, request.properties, read=True)
        return response

    def RegisterResourceOutputs(self, request: Any) -> Any:
        outputs = rpc.deserialize_properties(request.outputs, keep_unknowns=True)
        self._recording.outputs[request.urn] = {key: plain(value) for key, value in outputs.items()}
        return super().RegisterResourceOutputs(request)

    def _keep(self, request: Any, urn: str, properties: Any, *, read: bool = False) -> None:
        values = rpc.deserialize_properties(properties)
        self._recording.registered.append(
            Registered(
                urn=urn,
                type=request.type,
                name=request.name,
                custom=True if read else request.custom,
                inputs={key: plain(value) for key, value in values.items()},
                secrets=frozenset(key for key, value in values.items() if _holds_secret(value)),
                parent=request.parent,
                dependencies=frozenset(request.dependencies),
                provider=request.provider,
                protect=bool(getattr(request, "protect", False)),
                retain_on_delete=bool(getattr(request, "retainOnDelete", False)),
                import_id=getattr(request, "importId", ""),
                ignore_changes=tuple(getattr(request, "ignoreChanges", ())),
                aliases=len(getattr(request, "aliases", ())) + len(getattr(request, "aliasURNs", ())),
                on_error=() if read else tuple(request.hooks.on_error),
                read=read,
            )
        )


def plain(value: Any) -> Any:
    """The value without its secret marks."""
    if rpc.is_rpc_secret(value):
        return plain(rpc.unwrap_rpc_secret(value))
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def _holds_secret(value: Any) -> bool:
    if rpc.is_rpc_secret(value):
        return True
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(_holds_secret(item) for item in items)


def run(
    program: Callable[[], Any],
    *,
    answers: Mapping[str, Answer] | None = None,
    calls: Mapping[str, Callable[[Any], dict[str, Any]]] | None = None,
    preview: bool = False,
) -> Recording:
    """Run ``program`` as a stack; what it returns (outputs, or a mapping of them) is resolved into ``result``."""
    recording = Recording()
    provider = _Provider(answers or {}, calls or {})
    asyncio.set_event_loop(asyncio.new_event_loop())
    loop = asyncio.get_event_loop()
    # What fails is raised below; that other outputs depended on it is no news.
    loop.set_exception_handler(lambda *_: None)
    mocks.set_mocks(provider, PROJECT, STACK, preview, monitor=_Monitor(provider, recording))
    pulumi.runtime.settings.SETTINGS.rpc_manager.clear()
    pulumi.runtime.settings.SETTINGS.outputs.clear()

    async def body() -> None:
        result = program()
        if isinstance(result, Mapping):
            result = pulumi.Output.all(**{str(key): value for key, value in result.items()})
        if isinstance(result, pulumi.Output):
            recording.result = await result.future(with_unknowns=preview)

    try:
        loop.run_until_complete(run_pulumi_func(body))
    finally:
        loop.close()
        asyncio.set_event_loop(None)
    return recording

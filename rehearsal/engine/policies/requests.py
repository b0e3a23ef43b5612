"""What a pack is told of resources, as ``sdk/go/common/resource/plugin/analyzer_plugin.go`` builds it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from pulumi.runtime.proto import analyzer_pb2

from rehearsal.engine.goal import Goal
from rehearsal.engine.properties import Properties, lower_resource_references, to_struct
from rehearsal.engine.state import ResourceState
from rehearsal.engine.urn import name_of

_INTERNAL = "__"


def _sendable(properties: Properties) -> Any:
    """Secrets and unknowns keep their marks (the pack's SDK unwraps them), references become ids, internal keys go."""
    return to_struct(cast("Properties", _without_internal_keys(lower_resource_references(properties))))


def _without_internal_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _without_internal_keys(item)
            for key, item in cast("Properties", value).items()
            if not key.startswith(_INTERNAL)
        }
    if isinstance(value, list):
        return [_without_internal_keys(item) for item in cast("list[Any]", value)]
    return value


def _options(goal: Goal | None, state: ResourceState) -> Any:
    """``goal`` is None for a resource that was only read."""
    before = goal.delete_before_replace if goal is not None else None
    timeouts = state.custom_timeouts
    return analyzer_pb2.AnalyzerResourceOptions(
        protect=state.protect,
        ignoreChanges=state.ignore_changes,
        deleteBeforeReplace=bool(before),
        deleteBeforeReplaceDefined=before is not None,
        additionalSecretOutputs=state.additional_secret_outputs,
        aliases=goal.aliases if goal is not None else (),
        customTimeouts=analyzer_pb2.AnalyzerResourceOptions.CustomTimeouts(
            create=timeouts.get("create", 0.0), update=timeouts.get("update", 0.0), delete=timeouts.get("delete", 0.0)
        ),
        parent=state.parent,
    )


def _provider(state: ResourceState | None) -> Any:
    if state is None:
        return None
    return analyzer_pb2.AnalyzerProviderResource(
        type=state.type, urn=state.urn, name=name_of(state.urn), properties=_sendable(state.inputs)
    )


def analyze_request(goal: Goal, state: ResourceState, provider: ResourceState | None) -> Any:
    """About one resource, by its inputs."""
    return analyzer_pb2.AnalyzeRequest(
        type=state.type,
        urn=state.urn,
        name=name_of(state.urn),
        properties=_sendable(state.inputs),
        options=_options(goal, state),
        provider=_provider(provider),
    )


def stack_request(resources: Iterable[tuple[Goal | None, ResourceState, ResourceState | None]]) -> Any:
    """About all resources, each with its goal and its provider, by their outputs."""
    return analyzer_pb2.AnalyzeStackRequest(
        resources=[
            analyzer_pb2.AnalyzerResource(
                type=state.type,
                urn=state.urn,
                name=name_of(state.urn),
                properties=_sendable(state.outputs),
                options=_options(goal, state),
                provider=_provider(provider),
                parent=state.parent,
                dependencies=state.dependencies,
                propertyDependencies={
                    key: analyzer_pb2.AnalyzerPropertyDependencies(urns=urns)
                    for key, urns in state.property_dependencies.items()
                    if urns
                },
            )
            for goal, state, provider in resources
        ]
    )

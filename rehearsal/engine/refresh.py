"""Comparing the state with the world: every managed resource is read again, and the state corrected."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping, Sequence

from rehearsal.engine import operations
from rehearsal.engine import urn as urns
from rehearsal.engine.context import Context
from rehearsal.engine.errors import CancelledError, EngineError, ProviderError
from rehearsal.engine.events import Op, Severity
from rehearsal.engine.operations import make_step
from rehearsal.engine.plugins.answers import DIFF_NONE
from rehearsal.engine.plugins.provider import Provider
from rehearsal.engine.properties import reveal
from rehearsal.engine.provider_registry import ProviderRegistry
from rehearsal.engine.state import ResourceState


async def refresh_all(
    context: Context,
    providers: ProviderRegistry,
    states: Sequence[ResourceState],
    known_providers: Mapping[str, ResourceState],
) -> list[ResourceState]:
    """Read the custom resources among ``states`` again; return them as they are now, in order, without those that are gone.

    ``known_providers`` are by reference: a resource is read by the provider that made it, even where that was replaced.
    """
    results = await asyncio.gather(*(_refresh_one(context, providers, state, known_providers) for state in states))
    gone = {state.urn for state, result in zip(states, results, strict=True) if result is None}
    kept: list[ResourceState] = []
    for result in results:
        if result is None:
            continue
        # Nothing may depend on what is no longer there, or the state would not be well formed.
        if gone & set(result.dependencies):
            trimmed = dataclasses.replace(
                result,
                dependencies=[urn for urn in result.dependencies if urn not in gone],
                property_dependencies={
                    key: [urn for urn in value if urn not in gone]
                    for key, value in result.property_dependencies.items()
                },
            )
            if context.session is not None:
                context.session.refreshed(result, trimmed)
            result = trimmed
        kept.append(result)
    return kept


async def _refresh_one(
    context: Context, providers: ProviderRegistry, state: ResourceState, known_providers: Mapping[str, ResourceState]
) -> ResourceState | None:
    if not state.custom or urns.is_provider(state.type) or state.delete or state.pending_replacement or not state.id:
        return state
    try:
        provider_state = known_providers.get(state.provider)
        if provider_state is None:
            raise EngineError(f"the state does not hold the provider {state.provider} of {state.urn}")
        context.check_running()
        provider = await providers.ensure(provider_state)
        async with context.slots:
            context.check_running()
            running = context.start(make_step(Op.REFRESH, state, None))
            try:
                target = operations.target_of(state)
                found, inputs, outputs = await provider.read(target, state.id, state.inputs, state.outputs)
                new = operations.as_read(state, found, inputs, outputs, provider)
                new.init_errors = []
                drift = None if not found else await _drift(provider, state, new)
            except ProviderError as error:
                running.failed(str(error))
                return state
    except CancelledError:
        return state
    except EngineError as error:
        context.say(Severity.ERROR, str(error), state.urn)
        context.fail(str(error))
        return state
    if not found:
        if context.session is not None:
            context.session.refreshed(state, None)
        context.took(make_step(Op.DELETE, state, None))
        return None
    if drift is None:
        # Marks count here as they do not in `_drift`: a value that is secret by now must be written again.
        if context.session is not None and (state.id, state.inputs, state.outputs) != (new.id, new.inputs, new.outputs):
            context.session.refreshed(state, new)
            context.same(new)
            return new
        context.same(state)
        return state
    if context.session is not None:
        context.session.refreshed(state, new)
    context.took(make_step(Op.UPDATE, state, new, diff_reasons=drift), new)
    return new


async def _drift(provider: Provider, old: ResourceState, new: ResourceState) -> tuple[str, ...] | None:
    """The properties that the next update would set back, or those whose change made it drift; None without drift.

    As in Pulumi, the question is whether the program's inputs still hold, and the provider answers it. Outputs also
    move with what nobody manages here (another client's label, a status, ``resourceVersion``); that is recorded, not
    reported. What the program only reads has no inputs that could be compared.
    """
    changed = tuple(
        key
        for key in sorted({*old.outputs, *new.outputs})
        if reveal({"v": old.outputs.get(key)}) != reveal({"v": new.outputs.get(key)})
    )
    if _alike(old, new):
        return changed if old.init_errors else None
    if old.external or old.init_errors:
        return changed
    difference = await provider.diff(
        operations.target_of(old), new.id, new.inputs, new.outputs, old.inputs, old.ignore_changes
    )
    if difference.changes == DIFF_NONE:
        return None
    return difference.diffs or changed


def _alike(old: ResourceState, new: ResourceState) -> bool:
    return old.id == new.id and reveal(new.outputs) == reveal(old.outputs) and reveal(new.inputs) == reveal(old.inputs)

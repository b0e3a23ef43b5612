"""Deleting what the program no longer asks for, dependents before what they depend on."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from rehearsal.engine import operations
from rehearsal.engine import urn as urns
from rehearsal.engine.context import Context
from rehearsal.engine.errors import CancelledError, EngineError
from rehearsal.engine.events import Op, Severity
from rehearsal.engine.operations import StepFailedError, make_step
from rehearsal.engine.plugins.provider import Provider
from rehearsal.engine.provider_registry import ProviderRegistry
from rehearsal.engine.resources import direct_dependencies
from rehearsal.engine.state import ResourceState


def refuse_protected(context: Context, doomed: Sequence[ResourceState]) -> None:
    """Raises EngineError, before anything is deleted, where a protected resource is among ``doomed``.

    That one is marked for deletion excuses nothing: this update may have marked it. What an earlier update replaced was
    judged then, and is not to be among ``doomed``.
    """
    protected = [state for state in doomed if state.protect]
    for state in protected:
        context.say(
            Severity.ERROR,
            "this resource is protected and would be deleted. Nothing has been deleted. "
            "Put it back into the program, or take the protection away in one update and delete it in the next.",
            state.urn,
        )
    if protected:
        names = ", ".join(urns.name_of(state.urn) for state in protected)
        context.fail(f"protected and not to be deleted: {names}")
        raise StepFailedError(f"protected: {names}")


async def delete_all(
    context: Context,
    providers: ProviderRegistry,
    doomed: Sequence[ResourceState],
    known_providers: Mapping[str, ResourceState],
) -> None:
    """Delete ``doomed``, as much at once as dependencies allow. Raises StepFailedError after all that could be done is done.

    ``known_providers`` are by reference: each resource is deleted by the provider that it names, replaced or not.
    """
    if not doomed:
        return
    by_name: dict[str, list[int]] = {}
    for index, state in enumerate(doomed):
        by_name.setdefault(state.urn, []).append(index)
        if urns.is_provider(state.type):
            by_name.setdefault(state.reference(), []).append(index)
    # waits_for[i]: the deletions that must be over before i may be deleted, i.e. of everything that depends on i.
    waits_for: list[set[int]] = [set() for _ in doomed]
    for index, state in enumerate(doomed):
        for needed in direct_dependencies(state):
            for other in by_name.get(needed, ()):
                if other != index:
                    waits_for[other].add(index)
    done = [asyncio.Event() for _ in doomed]
    failed: set[int] = set()
    going = {state.urn for state in doomed}

    async def run(index: int) -> None:
        state = doomed[index]
        try:
            for other in waits_for[index]:
                await done[other].wait()
            if any(other in failed for other in waits_for[index]):
                failed.add(index)
                return
            context.check_running()
            await _delete_one(context, providers, state, known_providers, going)
        except (EngineError, CancelledError) as error:
            failed.add(index)
            if not isinstance(error, StepFailedError | CancelledError):
                context.say(Severity.ERROR, str(error), state.urn)
                context.fail(str(error))
        finally:
            done[index].set()

    await asyncio.gather(*(run(index) for index in range(len(doomed))))
    if failed:
        raise StepFailedError("not everything could be deleted")


async def _delete_one(
    context: Context,
    providers: ProviderRegistry,
    state: ResourceState,
    known_providers: Mapping[str, ResourceState],
    going: set[str],
) -> None:
    op = Op.DELETE_REPLACED if state.delete else Op.READ_DISCARD if state.external else Op.DELETE
    step = make_step(op, state, None)
    provider: Provider | None = None
    asks_provider = (
        state.custom
        and not state.external
        and not urns.is_provider(state.type)
        and not state.retain_on_delete
        and not state.pending_replacement
        # What is deleted together with its container need not be deleted on its own.
        and not (state.deleted_with and state.deleted_with in going)
    )
    if asks_provider and not context.preview:
        provider_state = known_providers.get(state.provider)
        if provider_state is None:
            raise EngineError(
                f"the state names {state.provider} as the provider of {state.urn} but does not hold it, so it cannot be deleted. "
                "Repair the state: `rehearse refresh`, or remove the resource from the state with `pulumi state delete`."
            )
        provider = await providers.ensure(provider_state)
    await operations.delete(context, provider, state, step)

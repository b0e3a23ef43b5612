"""Settling what a killed engine or provider left unfinished, before anything new is begun.

A pending operation is one whose outcome nobody recorded. It is settled by asking the provider again: a creation is done
once more with the very same inputs (providers of this project converge on what is already there, and generated names are
part of the inputs), anything else by reading the resource. After that the state tells the truth, and nothing is orphaned.
"""

from __future__ import annotations

from dataclasses import replace

from rehearsal.engine import operations, refresh
from rehearsal.engine import urn as urns
from rehearsal.engine.context import Context
from rehearsal.engine.errors import EngineError
from rehearsal.engine.events import Op, Severity
from rehearsal.engine.operations import StepFailedError, make_step
from rehearsal.engine.provider_registry import ProviderRegistry
from rehearsal.engine.resources import provider_states
from rehearsal.engine.state import PendingOperation, ResourceState, Session


async def settle(context: Context, session: Session, providers: ProviderRegistry) -> None:
    """Settle every pending operation, in the order in which they began. Raises EngineError where one cannot be settled."""
    for pending in list(session.snapshot.pending_operations):
        states = session.resources()
        live = {state.urn: state for state in states if not state.delete}
        context.say(
            Severity.WARNING,
            f"an earlier update was ended while {pending.type} this resource; finding out what became of it",
            pending.resource.urn,
        )
        # An import changes nothing, so one that was cut off leaves nothing to settle.
        creation = pending.type == "creating" and not pending.resource.import_id
        if creation and pending.resource.custom and not urns.is_provider(pending.resource.type):
            await _create_again(context, providers, pending, live, provider_states(states))
        elif pending.type in ("updating", "deleting"):
            old = live.get(pending.resource.urn)
            if old is not None and old.custom:
                await refresh.refresh_all(context, providers, [old], provider_states(states))
                if context.failure:
                    raise StepFailedError(context.failure)
        session.settle(pending)


async def _create_again(
    context: Context,
    providers: ProviderRegistry,
    pending: PendingOperation,
    live: dict[str, ResourceState],
    known_providers: dict[str, ResourceState],
) -> None:
    provider_state = known_providers.get(pending.resource.provider)
    if provider_state is None:
        raise EngineError(
            f"{pending.resource.urn} was being created by a provider that the state does not hold, so nobody can tell whether "
            "it exists. Look for it by hand, and clear the pending operation with `pulumi state edit`."
        )
    provider = await providers.ensure(provider_state)
    new = replace(pending.resource, init_errors=[])
    old = live.get(new.urn)
    op = Op.CREATE if old is None else Op.CREATE_REPLACEMENT
    failure = context.failure
    try:
        await operations.create(context, provider, new, make_step(op, old, new), replaced=old)
    except StepFailedError:
        # It exists and is not ready, or it does not exist: either way the state says so, and the update may go on.
        context.failure = failure
        context.stopping.clear()

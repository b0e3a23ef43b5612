"""Replacing a resource: the new one first where that is possible, the old one first where it must be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rehearsal.engine import operations
from rehearsal.engine import urn as urns
from rehearsal.engine.events import Op
from rehearsal.engine.goal import Goal, with_ignored
from rehearsal.engine.operations import make_step
from rehearsal.engine.plugins.answers import DiffResult
from rehearsal.engine.plugins.provider import Provider, Target
from rehearsal.engine.properties import UNKNOWN
from rehearsal.engine.resources import dependents
from rehearsal.engine.state import ResourceState

if TYPE_CHECKING:
    from rehearsal.engine.registration import Registrar


async def replace_resource(
    registrar: Registrar,
    goal: Goal,
    old: ResourceState,
    new: ResourceState,
    provider: Provider,
    target: Target,
    diff: DiffResult,
    reasons: tuple[str, ...],
) -> ResourceState:
    """Replace ``old`` by ``new``. Raises StepFailedError."""
    context = registrar.context
    refuse_protected(registrar, goal.urn, old, reasons)
    # Checked again without old inputs: a generated name must be a new one, or the two could not exist side by side.
    if provider.configured and not old.pending_replacement:
        new.inputs = await registrar.check_inputs(goal, provider, {}, with_ignored(goal, old.inputs))
        new = await registrar.policies.judge_again(goal, new)
    before = goal.delete_before_replace if goal.delete_before_replace is not None else diff.delete_before_replace
    detail = {
        "diff_reasons": tuple(diff.diffs) or tuple(diff.detailed),
        "replace_reasons": reasons,
        "detailed_diff": dict(diff.detailed),
    }
    create_step = make_step(Op.CREATE_REPLACEMENT, old, new, **detail)
    logical = make_step(Op.REPLACE, old, new, **detail)
    timeout = goal.timeout("create")

    # Deleted already: in an earlier update that got no further, or just now for the sake of what it depends on.
    gone = old.pending_replacement or old.urn in registrar.resources.deleted_early
    if before and not gone:
        await delete_first(registrar, old)
        context.took(logical, new)
    created = await operations.create(context, provider, new, create_step, timeout=timeout, replaced=old)
    if not before and not gone:
        registrar.resources.condemned.append(old)
        context.took(logical, created)
    return created


def refuse_protected(registrar: Registrar, urn: str, old: ResourceState, reasons: tuple[str, ...]) -> None:
    """Raises StepFailedError where ``old`` is protected, so that nothing may take its place."""
    if old.protect:
        raise registrar.refuse(
            urn,
            f"this resource is protected and would have to be replaced because of {', '.join(reasons)}. Replacing deletes it "
            "with what it holds. Undo the change, or take the protection away in one update and change it in the next.",
        )


async def delete_first(registrar: Registrar, old: ResourceState) -> None:
    """Delete ``old``, and before it all that depends on it and would have to be replaced with it."""
    for dependent in reversed(dependents(old.urn, registrar.resources.live.values())):
        if dependent.urn in registrar.resources.registered or dependent.urn in registrar.resources.deleted_early:
            continue
        if await _must_follow(registrar, dependent, old.urn):
            await _delete_pending(registrar, dependent)
            registrar.resources.deleted_early.add(dependent.urn)
    await _delete_pending(registrar, old)


async def _must_follow(registrar: Registrar, dependent: ResourceState, replaced: str) -> bool:
    """Whether ``dependent`` would be replaced if the properties that come from ``replaced`` changed."""
    if not dependent.custom or dependent.external or urns.is_provider(dependent.type):
        return False
    keys = [key for key, sources in dependent.property_dependencies.items() if replaced in sources]
    if not keys:
        return False
    provider_state = registrar.resources.provider(dependent.provider)
    if provider_state is None:
        return False
    provider = await registrar.providers.ensure(provider_state)
    inputs = {**dependent.inputs, **dict.fromkeys(keys, UNKNOWN)}
    diff = await provider.diff(
        operations.target_of(dependent), dependent.id, dependent.inputs, dependent.outputs, inputs, ()
    )
    return diff.replace


async def _delete_pending(registrar: Registrar, old: ResourceState) -> None:
    context = registrar.context
    if old.protect:
        raise registrar.refuse(
            old.urn, "this resource is protected and would have to be deleted to replace another. Unprotect it first."
        )
    provider = None
    # What shall be retained stays in the world when it is replaced, too: only the state lets go of it.
    if not old.retain_on_delete:
        provider_state = registrar.resources.provider(old.provider)
        if provider_state is None:
            raise registrar.refuse(
                old.urn, f"the state does not hold its provider {old.provider}, so it cannot be deleted."
            )
        provider = await registrar.providers.ensure(provider_state)
    await operations.delete(context, provider, old, make_step(Op.DELETE_REPLACED, old, None), pending_replacement=True)

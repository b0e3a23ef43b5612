"""The operations on one resource: ask the provider, record before and after, tell.

Every operation is recorded as pending before the provider is asked and as done after it answered. Where the answer never
came (the provider died), the operation stays pending and the next update settles it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar

from rehearsal.engine.context import Context, RunningStep, begin
from rehearsal.engine.errors import CancelledError, EngineError, OutcomeUnknownError, ProviderError, ResourceInitError
from rehearsal.engine.events import Left, Op, Step
from rehearsal.engine.plugins.provider import Provider, Target
from rehearsal.engine.properties import Properties, is_secret, keep_secrets, mark_secret_keys, secret_keys
from rehearsal.engine.state import ResourceState
from rehearsal.engine.urn import name_of
from rehearsal.engine.views import view

T = TypeVar("T")


class StepFailedError(EngineError):
    """A step failed; everybody who needs to know has been told."""


def target_of(state: ResourceState) -> Target:
    return Target(state.urn, state.type, name_of(state.urn))


def with_secrets(outputs: Properties, state: ResourceState, provider: Provider) -> Properties:
    """Mark as secret what the program declared so, and what came from a secret input but lost its mark on the way."""
    keys = list(state.additional_secret_outputs)
    if not provider.accepts_secrets:
        # The provider saw no marks: an output that repeats an input with a secret anywhere in it is secret as a whole.
        keys += secret_keys(state.inputs)
    else:
        keys += [key for key, value in state.inputs.items() if is_secret(value)]
    return mark_secret_keys(outputs, keys)


def as_read(
    state: ResourceState, resource_id: str, inputs: Properties, outputs: Properties, provider: Provider
) -> ResourceState:
    """``state`` with what a provider read in its place. What is secret is for the program to say: reading takes no mark away."""
    found = replace(state, id=resource_id, inputs=keep_secrets(inputs, state.inputs))
    found.outputs = with_secrets(keep_secrets(outputs, state.outputs), found, provider)
    return found


def make_step(op: Op, old: ResourceState | None, new: ResourceState | None, **reasons: Any) -> Step:
    """A step about ``new``, or about ``old`` where there is no new state. ``reasons`` are the reason fields of Step."""
    either = new or old
    assert either is not None  # noqa: S101 - a step is always about some resource
    return Step(
        op,
        either.urn,
        either.type,
        either.provider,
        view(old) if old is not None else None,
        view(new) if new is not None else None,
        either.custom,
        **reasons,
    )


async def create(
    context: Context,
    provider: Provider,
    new: ResourceState,
    step: Step,
    *,
    timeout: float = 0.0,
    replaced: ResourceState | None = None,
) -> ResourceState:
    """Create ``new`` and return its recorded state. Raises StepFailedError."""
    async with context.slots:
        context.check_running()
        running = context.start(step)
        if context.preview:
            return await _preview(
                running, provider, new, lambda: provider.create(target_of(new), new.inputs, timeout, True), new.inputs
            )
        token = begin(context, step.op, new=new, old=replaced)
        try:
            resource_id, outputs = await _ask(
                context, running, token, provider.create(target_of(new), new.inputs, timeout, False)
            )
        except ResourceInitError as error:
            raise _not_ready(context, running, token, provider, new, error) from error
        created = replace(new, id=resource_id, outputs=with_secrets(outputs, new, provider))
        _end(context, token, created)
        running.done(created)
        return created


async def update(
    context: Context,
    provider: Provider,
    old: ResourceState,
    new: ResourceState,
    step: Step,
    *,
    timeout: float = 0.0,
    ignore_changes: tuple[str, ...] = (),
) -> ResourceState:
    """Update ``old`` to ``new`` and return its recorded state. Raises StepFailedError."""
    async with context.slots:
        context.check_running()
        running = context.start(step)
        new = replace(new, id=old.id)

        def ask(preview: bool) -> Awaitable[Properties]:
            return provider.update(
                target_of(new), old.id, old.inputs, old.outputs, new.inputs, timeout, ignore_changes, preview
            )

        if context.preview:

            async def asked() -> tuple[str, Properties]:
                return old.id, await ask(True)

            return await _preview(running, provider, new, asked, {**old.outputs, **new.inputs})
        token = begin(context, step.op, new=new, old=old)
        try:
            outputs = await _ask(context, running, token, ask(False))
        except ResourceInitError as error:
            raise _not_ready(context, running, token, provider, new, error) from error
        updated = replace(new, outputs=with_secrets(outputs, new, provider))
        _end(context, token, updated)
        running.done(updated)
        return updated


async def delete(
    context: Context,
    provider: Provider | None,
    old: ResourceState,
    step: Step,
    *,
    pending_replacement: bool = False,
) -> None:
    """Delete ``old`` (with no provider: only forget it). Raises StepFailedError.

    With ``pending_replacement`` it stays in the state, marked as gone, until its replacement exists: if the update ends in
    between, the next one still knows that there is something to create.
    """
    async with context.slots:
        context.check_running()
        running = context.start(step)
        if not context.preview:
            token = begin(context, step.op, old=old)
            if provider is not None:
                timeout = old.custom_timeouts.get("delete", 0.0)
                await _ask(
                    context,
                    running,
                    token,
                    provider.delete(target_of(old), old.id, old.inputs, old.outputs, timeout),
                )
            if context.session is not None:
                context.session.end(token, pending_replacement=pending_replacement)
        running.done()


async def read(
    context: Context, provider: Provider, new: ResourceState, step: Step, *, old: ResourceState | None
) -> ResourceState:
    """Read a resource that is managed elsewhere and return its recorded state. Raises StepFailedError."""

    async def look() -> tuple[str, Properties, Properties]:
        found = await provider.read(target_of(new), new.id, new.inputs, {})
        if not found[0]:
            raise ProviderError(
                f"there is no {new.type} with the id {new.id!r}. "
                "The program reads it and cannot go on without it: check the id, or create it first."
            )
        return found

    async with context.slots:
        context.check_running()
        running = context.start(step)
        token = begin(context, step.op, new=new, old=old)
        found, inputs, outputs = await _ask(context, running, token, look())
        state = as_read(new, found, inputs, outputs, provider)
        _end(context, token, state)
        running.done(state)
        return state


async def _ask(context: Context, running: RunningStep, token: Any, call: Awaitable[T]) -> T:
    """The provider's answer. A failure is recorded and told; where the outcome is unknown, the operation stays pending."""
    try:
        return await call
    except ResourceInitError:
        raise
    except (ProviderError, CancelledError) as error:
        unknown = isinstance(error, OutcomeUnknownError | CancelledError)
        if context.session is not None and not unknown:
            context.session.abandon(token)
        running.failed(str(error), left=Left.UNKNOWN if unknown else Left.NOTHING)
        raise StepFailedError(str(error)) from error


def _not_ready(
    context: Context,
    running: RunningStep,
    token: Any,
    provider: Provider,
    new: ResourceState,
    error: ResourceInitError,
) -> StepFailedError:
    """Record a resource that exists but did not become ready."""
    state = replace(
        new,
        id=error.resource_id or new.id,
        outputs=with_secrets(dict(error.outputs), new, provider),
        init_errors=list(error.reasons),
    )
    _end(context, token, state)
    running.failed(str(error), state, Left.RECORDED)
    return StepFailedError(str(error))


def _end(context: Context, token: Any, state: ResourceState) -> None:
    if context.session is not None:
        context.session.end(token, new=state)


async def _preview(
    running: RunningStep,
    provider: Provider,
    new: ResourceState,
    ask: Callable[[], Awaitable[tuple[str, Properties]]],
    otherwise: Properties,
) -> ResourceState:
    """What the state is expected to be; ``otherwise`` where the provider cannot tell yet."""
    if not (provider.configured and provider.supports_preview):
        planned = replace(new, outputs=dict(otherwise))
    else:
        try:
            resource_id, outputs = await ask()
        except ResourceInitError as error:
            resource_id, outputs = error.resource_id, dict(error.outputs)
        except (ProviderError, CancelledError) as error:
            running.failed(str(error))
            raise StepFailedError(str(error)) from error
        planned = replace(new, id=resource_id, outputs=with_secrets(outputs, new, provider))
    running.done(planned)
    return planned

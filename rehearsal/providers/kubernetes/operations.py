"""Create and update: apply, wait until ready, and say what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .annotations import timeout_seconds
from .apply import Application, apply_settling, prepare, relinquish
from .awaits import AwaitError, Wait, await_ready
from .checkpoint import desired_object
from .deletion import wait_until_gone
from .errors import ApiError, KubernetesError
from .kinds import ResourceType
from .messages import already_exists, describe_object, explain
from .ownership import applied_by, keep_ignored, managers
from .properties import Properties, mapping_at
from .session import Session


class PartialError(KubernetesError):
    """The object exists but is not ready; ``live`` is what exists, for the state, ``inputs`` what Read found (else
    None)."""

    def __init__(self, live: dict[str, Any], error: AwaitError, inputs: Properties | None = None) -> None:
        super().__init__(str(error))
        self.live = live
        self.inputs = inputs
        self.reasons = [error.summary, *error.reasons]


@dataclass(frozen=True, slots=True)
class Request:
    """A create or update of one resource. ``timeout`` in seconds, 0 for the default."""

    urn: str
    type: ResourceType
    inputs: Properties
    manager: str
    timeout: float = 0.0
    ignored: Sequence[str] = field(default=())


async def create(session: Session, request: Request) -> dict[str, Any]:
    """Create the object and wait until it is ready; returns it as it is then.

    Repeating it after a crash goes on with the object that was made then, known by its field manager. Anybody else's
    object of that name is an error. Raises KubernetesError, and PartialError once the object exists.
    """
    application = await _prepare(session, request)
    what = describe_object(application.document)
    try:
        existing = None if request.type.patch else await _existing(session, request, application)
        if request.type.patch:
            await _note_missing_target(session, application, what)
        live = await _apply_new(session, request, application, existing)
    except ApiError as error:
        raise KubernetesError(explain(error, what, request.manager)) from error
    finally:
        session.log.clear_status(request.urn)
    return await _finish(session, request, application, live)


async def update(session: Session, request: Request, old_manager: str) -> dict[str, Any]:
    """Apply changed inputs to the object, or make it anew where somebody has deleted it; then as ``create``."""
    application = await _prepare(session, request)
    what = describe_object(application.document)
    try:
        await _respect_ignored(session, request, application)
        live = await apply_settling(session, application)
        if old_manager != request.manager:
            await relinquish(
                session, application.endpoint, application.namespace, application.name, old_manager, request.urn
            )
    except ApiError as error:
        raise KubernetesError(explain(error, what, request.manager)) from error
    return await _finish(session, request, application, live)


async def _prepare(session: Session, request: Request) -> Application:
    endpoint = await session.discovery.require(
        request.type.kind, on_wait=lambda text: session.log.status(request.urn, text)
    )
    return prepare(session, request.urn, endpoint, desired_object(request.inputs), request.inputs, request.manager)


async def _existing(session: Session, request: Request, application: Application) -> dict[str, Any] | None:
    """An object of that name that this resource may go on with. Raises KubernetesError for anybody else's."""
    live = await session.api.find(application.path)
    if live is None:
        return None
    metadata = mapping_at(live, "metadata")
    if metadata.get("deletionTimestamp"):
        await wait_until_gone(
            session,
            request.urn,
            application.endpoint,
            application.namespace,
            application.name,
            uid=str(metadata["uid"]),
            timeout=timeout_seconds(request.timeout, request.inputs, 300.0),
        )
        return None
    if applied_by(live, request.manager) or session.configuration.upsert:
        return live
    raise KubernetesError(already_exists(describe_object(live), managers(live)))


async def _apply_new(
    session: Session, request: Request, application: Application, existing: dict[str, Any] | None
) -> dict[str, Any]:
    try:
        return await apply_settling(session, application)
    except ApiError as error:
        if existing is None or not error.immutable or not applied_by(existing, request.manager):
            raise
    # An earlier run made this object, died before it could say so, and the program has changed since. No state knows
    # the object, so it is replaced here.
    session.log.warning(
        request.urn, f"{describe_object(existing)} is left over from an interrupted update and is replaced"
    )
    uid = str(mapping_at(existing, "metadata")["uid"])
    body = {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "propagationPolicy": "Foreground",
        "preconditions": {"uid": uid},
    }
    await session.api.request("DELETE", application.path, body=body)
    await wait_until_gone(
        session,
        request.urn,
        application.endpoint,
        application.namespace,
        application.name,
        uid=uid,
        timeout=timeout_seconds(request.timeout, request.inputs, 300.0),
    )
    return await apply_settling(session, application)


async def _note_missing_target(session: Session, application: Application, what: str) -> None:
    if await session.api.find(application.path) is None:
        session.log.info(
            application.urn,
            f"{what} does not exist yet, so the patch creates it with these fields only; deleting the patch "
            "will leave it",
        )


async def _respect_ignored(session: Session, request: Request, application: Application) -> None:
    if request.ignored and (live := await session.api.find(application.path)) is not None:
        keep_ignored(application.document, live, request.ignored, request.manager)


async def _finish(session: Session, request: Request, application: Application, live: dict[str, Any]) -> dict[str, Any]:
    kind = request.type.kind
    if kind.kind == "CustomResourceDefinition":
        session.discovery.forget(str(mapping_at(live, "spec").get("group")))
    wait = Wait(session.api, session.log, request.urn, application.endpoint, live, request.inputs, request.timeout)
    try:
        if request.type.patch or not await await_ready(wait):
            return live
    except AwaitError as error:
        if error.log_lines:
            session.log.info(request.urn, "log of the failed container:\n" + "\n".join(error.log_lines))
        raise PartialError(await _latest(session, application, live), error) from error
    except KubernetesError as error:
        # The object exists: an engine that heard only of a failure would forget it.
        failure = AwaitError(f"{describe_object(live)} was written, but waiting for it failed", (str(error),))
        raise PartialError(live, failure) from error
    return await _latest(session, application, live)


async def _latest(session: Session, application: Application, live: dict[str, Any]) -> dict[str, Any]:
    """The object as it is now; as last seen if it is gone (a finished Job's TTL) or cannot be read."""
    try:
        current = await session.api.find(application.path)
    except KubernetesError:
        return live
    same = current is not None and mapping_at(current, "metadata").get("uid") == mapping_at(live, "metadata").get("uid")
    return current if current is not None and same else live

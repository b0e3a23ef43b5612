"""Deletes objects, in order and to the end: the next step may rely on their being gone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from .annotations import deletion_propagation, skips_await, timeout_seconds
from .apply import relinquish
from .awaits.verdict import AwaitError, Failed, Pending, Ready, Verdict
from .awaits.watching import Watcher, wait_for_verdict, watching
from .discovery import Endpoint
from .errors import ApiError, KubernetesError
from .messages import explain
from .ownership import applied_by
from .properties import Properties, mapping_at, objects_at
from .session import Session

_TIMEOUT: Final = 300.0  # seconds, as in pulumi-kubernetes
_NAMESPACE_TIMEOUT: Final = 600.0


async def delete(
    session: Session,
    urn: str,
    endpoint: Endpoint,
    namespace: str,
    name: str,
    *,
    uid: str,
    inputs: Properties,
    manager: str,
    requested: float = 0.0,
) -> None:
    """Delete an object and wait until it is gone; one that does not exist is deleted already.

    ``uid`` (empty: any) is the object that the state knows: another one of the same name is deleted only if it
    carries our field manager. ``requested`` is the timeout in seconds that the engine gives, 0 for the default.

    Raises KubernetesError; a deletion that does not end names the finalizers that hold it.
    """
    what = f"{endpoint.kind.kind} {namespace}/{name}" if namespace else f"{endpoint.kind.kind} {name}"
    path = endpoint.path(namespace, name)
    options: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "propagationPolicy": deletion_propagation(endpoint.kind.kind, inputs),
    }
    if uid:
        options["preconditions"] = {"uid": uid}
    try:
        await session.api.request("DELETE", path, body=options)
    except ApiError as error:
        if error.not_found:
            return
        if error.code != 409 or not uid:
            raise KubernetesError(explain(error, what)) from error
        live = await session.api.find(path)
        if live is None:
            return
        if not applied_by(live, manager):
            session.log.warning(
                urn, f"{what} is not the object that this stack made, which is gone already; it is left as it is"
            )
            return
        uid = str(mapping_at(live, "metadata")["uid"])
        options["preconditions"] = {"uid": uid}
        await session.api.request("DELETE", path, body=options)
    if skips_await(inputs):
        return
    default = _NAMESPACE_TIMEOUT if endpoint.kind.kind == "Namespace" else _TIMEOUT
    await wait_until_gone(
        session, urn, endpoint, namespace, name, uid=uid, timeout=timeout_seconds(requested, inputs, default)
    )


async def delete_patch(session: Session, urn: str, endpoint: Endpoint, namespace: str, name: str, manager: str) -> None:
    """Undo a ``*Patch``: its fields are given up, the object stays. Raises KubernetesError."""
    try:
        await relinquish(session, endpoint, namespace, name, manager, urn)
    except ApiError as error:
        required = [str(cause.get("field")) for cause in error.causes if cause.get("reason") == "FieldValueRequired"]
        what = f"{endpoint.kind.kind}Patch {namespace}/{name}" if namespace else f"{endpoint.kind.kind}Patch {name}"
        if required:
            raise KubernetesError(
                f"{what}: it owns {', '.join(required)}, which the object must have, so it cannot be taken "
                "away. What to do: keep the "
                "value by the resource option retain_on_delete, or let another field manager own it first"
            ) from error
        raise KubernetesError(explain(error, what, manager)) from error


async def wait_until_gone(
    session: Session, urn: str, endpoint: Endpoint, namespace: str, name: str, *, uid: str, timeout: float
) -> None:
    """Wait until the object with that uid (empty: with that name) does not exist. Raises AwaitError."""
    what = (
        f"the deletion of {endpoint.kind.kind} {namespace}/{name}"
        if namespace
        else f"the deletion of {endpoint.kind.kind} {name}"
    )
    live = await session.api.find(endpoint.path(namespace, name))
    if live is None or (uid and mapping_at(live, "metadata").get("uid") != uid):
        return
    if not mapping_at(live, "metadata").get("deletionTimestamp"):
        raise AwaitError(
            f"{what} did not begin", ("the API server accepted it, but the object is not marked as being deleted",)
        )
    uid = str(mapping_at(live, "metadata")["uid"])
    async with watching(session.api) as watcher:
        judge = _Gone(watcher, endpoint, namespace, name, uid)
        try:
            await wait_for_verdict(
                watcher, judge.judge, what=what, timeout=timeout, on_progress=lambda line: session.log.status(urn, line)
            )
        finally:
            session.log.clear_status(urn)


class _Gone:
    def __init__(self, watcher: Watcher, endpoint: Endpoint, namespace: str, name: str, uid: str) -> None:
        self._objects = watcher.follow(endpoint.path(namespace), fieldSelector=f"metadata.name={name}")
        self._uid = uid

    async def judge(self) -> Verdict:
        live = self._objects.objects.get(self._uid)
        if live is None:
            if self._objects.refusal is not None and not self._objects.refusal.not_found:
                return Failed((f"the objects may not be listed: {self._objects.refusal.message}",))
            return Ready() if self._objects.listed or self._objects.refusal else Pending("waiting for the API server")
        return Pending(_progress(live), _obstacles(live))


def _progress(live: Mapping[str, Any]) -> str:
    waiting = [*_finalizers(live), *_namespace_conditions(live)]
    return "deleting" + (f": waits for {waiting[0]}" if waiting else "")


def _obstacles(live: Mapping[str, Any]) -> tuple[str, ...]:
    names = _finalizers(live)
    found = list(_namespace_conditions(live))
    if names:
        found.insert(
            0,
            f"finalizers hold it: {', '.join(names)}. Whatever set them must remove them: check that its "
            "controller runs. Only if it is "
            'gone for good, remove them by hand (kubectl patch --type=merge -p \'{"metadata":{"finalizers":null}}\')',
        )
    return tuple(found)


def _finalizers(live: Mapping[str, Any]) -> list[str]:
    return [
        *_texts(mapping_at(live, "metadata").get("finalizers")),
        *(_texts(mapping_at(live, "spec").get("finalizers")) if live.get("kind") == "Namespace" else []),
    ]


def _namespace_conditions(live: Mapping[str, Any]) -> list[str]:
    if live.get("kind") != "Namespace":
        return []
    return [
        str(condition.get("message"))
        for condition in objects_at(live, "status", "conditions")
        if condition.get("status") == "True" and condition.get("message")
    ]


def _texts(value: Any) -> list[str]:
    return [str(item) for item in cast("list[Any]", value)] if isinstance(value, list) else []

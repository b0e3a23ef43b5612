"""Reads live objects for refresh, import and ``.get``, and says which inputs they amount to.

A refresh keeps the program's own spelling of what has not drifted: the API server writes ``0.5Gi`` as ``512Mi`` and
adds defaults, and inputs taken from it would plan a change (for a Job: a replacement) where there is none. What has
drifted the API server says itself: a dry run of applying the old inputs changes exactly that.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any, Final, cast

from .annotations import LAST_APPLIED
from .apply import apply, prepare
from .checkpoint import READ_ONLY_METADATA, desired_object
from .discovery import Endpoint
from .errors import ApiError, KubernetesError
from .kinds import Kind
from .messages import explain
from .properties import Properties, Secret, from_api, has_unknown, mapping_at, plain
from .session import Session

# Set by controllers, never by programs.
_SERVER_ANNOTATIONS: Final = ("deployment.kubernetes.io/revision", LAST_APPLIED)


@dataclass(frozen=True, slots=True)
class Found:
    """A live object and the inputs that would make it."""

    live: dict[str, Any]
    inputs: Properties


async def find_live(session: Session, kind: Kind, namespace: str, name: str) -> tuple[Endpoint, dict[str, Any]] | None:
    """The live object, or None if it does not exist, its kind is not served any more, or it is being deleted for good.

    Raises KubernetesError.
    """
    endpoint = await session.discovery.find(kind)
    if endpoint is None:
        return None
    if endpoint.namespaced and not namespace:
        namespace = session.default_namespace
    try:
        live = await session.api.find(endpoint.path(namespace, name))
    except ApiError as error:
        raise KubernetesError(
            explain(error, f"{kind.kind} {namespace}/{name}" if namespace else f"{kind.kind} {name}")
        ) from error
    return None if live is None else (endpoint, live)


async def inputs_after_refresh(
    session: Session, urn: str, endpoint: Endpoint, live: dict[str, Any], old_inputs: Properties, manager: str
) -> Properties:
    """The old inputs, with what has drifted as it is now and what has vanished left out."""
    if has_unknown(old_inputs):
        return old_inputs
    applied = await _applied_again(session, urn, endpoint, old_inputs, manager)
    if applied is not None and _comparable(applied) == _comparable(live):
        return old_inputs
    desired = applied if applied is not None else desired_object(old_inputs)
    current, wanted = from_api(live), from_api(desired)
    if live.get("kind") == "Secret":
        _show_string_data(current, old_inputs)
        _show_string_data(wanted, old_inputs)
    return cast("Properties", _drifted(old_inputs, current, wanted))


def inputs_of_import(live: dict[str, Any]) -> Properties:
    """Inputs for an object that no program has described yet: all that is not the server's own."""
    inputs = cast("Properties", plain(from_api(live)))
    inputs.pop("status", None)
    metadata = mapping_at(inputs, "metadata")
    for name in READ_ONLY_METADATA:
        metadata.pop(name, None)
    annotations = mapping_at(metadata, "annotations")
    for name in _SERVER_ANNOTATIONS:
        annotations.pop(name, None)
    if not annotations:
        metadata.pop("annotations", None)
    return inputs


async def _applied_again(
    session: Session, urn: str, endpoint: Endpoint, old_inputs: Properties, manager: str
) -> dict[str, Any] | None:
    """The object as applying the old inputs again would leave it; None where the API server cannot be asked."""
    application = prepare(session, urn, endpoint, desired_object(old_inputs), old_inputs, manager)
    forced = type(application)(urn, endpoint, application.document, manager, force=True)
    try:
        return await apply(session, forced, dry_run=True)
    except ApiError:
        return None  # no permission, or the API server refuses them now: compare values as they stand


def _comparable(document: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in document.items() if key != "status"}
    metadata = dict(mapping_at(document, "metadata"))
    for name in ("managedFields", "resourceVersion", "generation", "creationTimestamp", "uid"):
        metadata.pop(name, None)
    return {**kept, "metadata": metadata}


def _drifted(given: Any, live: Any, wanted: Any) -> Any:
    """``given`` where live and wanted agree, else the live value in the shape of ``given``."""
    if live == wanted:
        return given
    secret = isinstance(given, Secret)
    inner = given.value if isinstance(given, Secret) else given
    result: Any
    if isinstance(inner, dict) and isinstance(live, dict):
        goal = cast("Properties", wanted) if isinstance(wanted, dict) else {}
        present = cast("Properties", live)
        result = {
            key: _drifted(value, present[key], goal.get(key))
            for key, value in cast("Properties", inner).items()
            if key in present
        }
    elif isinstance(inner, list) and isinstance(live, list):
        items, actual = cast("list[Any]", inner), cast("list[Any]", live)
        goals = cast("list[Any]", wanted) if isinstance(wanted, list) else []
        if len(items) == len(actual) == len(goals):
            result = [_drifted(*triple) for triple in zip(items, actual, goals, strict=True)]
        else:
            result = actual
    else:
        result = live
    return Secret(plain(result)) if secret else result


def _show_string_data(document: Any, old_inputs: Properties) -> None:
    """``stringData`` is written only; its values are found in ``data``."""
    names = mapping_at(old_inputs, "stringData")
    data = mapping_at(document, "data")
    if names and isinstance(document, dict):
        texts = {name: base64.b64decode(data[name]).decode(errors="replace") for name in names if name in data}
        cast("Properties", document)["stringData"] = texts

"""What is kept of an object in the stack's state, and which of it is secret.

The form is pulumi-kubernetes' own (live object, ``__inputs``, ``__initialApiVersion``, ``__fieldManager``), so that a
stack may go on under the Pulumi CLI's provider. One difference: ``metadata.managedFields`` is left out, as it changes
with every other client's write and no program reads it.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final, cast

from .annotations import LAST_APPLIED, PATCH_FIELD_MANAGER, annotation
from .properties import Properties, Property, Secret, from_api, has_secret, mapping_at, plain, to_api

FIELD_MANAGER: Final = "__fieldManager"
INITIAL_API_VERSION: Final = "__initialApiVersion"
INPUTS: Final = "__inputs"
_INTERNAL: Final = (FIELD_MANAGER, INITIAL_API_VERSION, INPUTS)
# The server's own fields of an object's metadata: never inputs.
READ_ONLY_METADATA: Final = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
)


def desired_object(inputs: Properties) -> dict[str, Any]:
    """The API object that inputs ask for: no secrets' wrappers, no nulls, none of the server's fields."""
    document = cast("dict[str, Any]", to_api(plain(inputs)))
    for name in _INTERNAL:
        document.pop(name, None)
    metadata = document.get("metadata")
    if isinstance(metadata, dict):
        for name in READ_ONLY_METADATA:
            cast("dict[str, Any]", metadata).pop(name, None)
    return document


def outputs_of(live: dict[str, Any], inputs: Properties, manager: str) -> Properties:
    """The state of a live object that was made from the inputs, with everything secret marked."""
    state = cast("Properties", from_api(live))
    mapping_at(state, "metadata").pop("managedFields", None)
    mark_secrets(state, inputs)
    _mark_last_applied(state, inputs)
    kept = dict(inputs)
    mark_secrets(kept, inputs)
    state[INPUTS] = {key: value for key, value in kept.items() if key not in _INTERNAL}
    state[INITIAL_API_VERSION] = live.get("apiVersion", "")
    state[FIELD_MANAGER] = manager
    return state


def old_inputs_of(old_inputs: Properties, old_outputs: Properties) -> Properties:
    """The inputs of the last update: the engine's, or those kept in the state by an engine that sends none."""
    return old_inputs or mapping_at(old_outputs, INPUTS)


def field_manager(urn: str, old_outputs: Properties, inputs: Properties) -> str:
    """The name that owns this resource's fields in server-side apply.

    In order: the annotation ``pulumi.com/patchFieldManager``; the name in the state; a name made from the URN.
    pulumi-kubernetes makes a random one; from the URN, the next run after a crash recognises the object it made and
    goes on with it.
    """
    chosen = annotation(inputs, PATCH_FIELD_MANAGER) or plain(old_outputs.get(FIELD_MANAGER))
    if isinstance(chosen, str) and chosen:
        return chosen
    return f"pulumi-kubernetes-{hashlib.sha256(urn.encode()).hexdigest()[:8]}"


def mark_secrets(state: Property, inputs: Property) -> None:
    """Mark in ``state``, in place, what is secret in ``inputs``, and the data of every object of kind Secret.

    Objects are compared field by field; a list that holds a secret becomes secret as a whole, because its items may
    have moved.
    """
    if not isinstance(state, dict):
        return
    fields = cast("Properties", state)
    if plain(fields.get("kind")) == "Secret":
        for name in ("data", "stringData"):
            if name in fields and not isinstance(fields[name], Secret):
                fields[name] = Secret(fields[name])
    given = cast("Properties", inputs) if isinstance(inputs, dict) else {}
    for name, value in given.items():
        current = fields.get(name)
        if current is None or isinstance(current, Secret):
            continue
        if isinstance(current, dict) and isinstance(value, dict):
            mark_secrets(current, value)
        elif has_secret(value):
            fields[name] = Secret(current)


def _mark_last_applied(state: Properties, inputs: Properties) -> None:
    """kubectl keeps a copy of the whole object in an annotation, secrets included."""
    annotations = mapping_at(state, "metadata", "annotations")
    if LAST_APPLIED in annotations and (plain(state.get("kind")) == "Secret" or has_secret(inputs)):
        annotations[LAST_APPLIED] = Secret(plain(annotations[LAST_APPLIED]))


def identifier(live: dict[str, Any]) -> str:
    """A resource's id: ``namespace/name``, or the name of an object without namespace."""
    metadata = mapping_at(live, "metadata")
    namespace, name = metadata.get("namespace"), metadata["name"]
    return f"{namespace}/{name}" if namespace else str(name)


def parse_identifier(text: str) -> tuple[str, str]:
    """Namespace (empty where there is none) and name of an id."""
    namespace, _, name = text.rpartition("/")
    return namespace, name

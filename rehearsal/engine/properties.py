"""Property values in Pulumi's wire form, as plain Python values.

A property is None, bool, number, string, list or dict; the special kinds are dicts that carry a signature under one
well-known key, and an unknown value is one well-known string (``sdk/go/common/resource/properties.go`` and
``plugin/rpc.go``). Keeping the wire form inside the engine means that a value passes from program to provider to state
without being rebuilt, and that nothing can lose its secret mark by being converted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias, cast

from google.protobuf import struct_pb2

Value: TypeAlias = Any
Properties: TypeAlias = dict[str, Any]

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a type signature, not a secret
RESOURCE_REFERENCE = "5cf8f73096256a8f31e491e813e4eb8e"
OUTPUT_VALUE = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
ASSET = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
# Older SDKs and some providers say more about an unknown's type; all mean the same here.
UNKNOWNS = frozenset(
    {
        UNKNOWN,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # bool
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)

BLIND = "[secret]"


# What follows runs for each value of each resource. Types are told apart by tuples and by `type`: `isinstance(value, dict | list)`
# would build the union anew each time, and protobuf's maps give their items through a slow generator.
_CONTAINERS = (dict, list)
_SEQUENCES = (list, tuple)
_NUMBERS = (int, float)


def from_struct(message: struct_pb2.Struct) -> Properties:
    fields = message.fields
    return {key: from_value(fields[key]) for key in fields}


def from_value(value: struct_pb2.Value) -> Value:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return value.string_value
    if kind == "struct_value":
        return from_struct(value.struct_value)
    if kind == "number_value":
        number = value.number_value
        # Whole numbers are kept as int so that state files and diffs say 5000 and not 5000.0, as Pulumi's do.
        return int(number) if number.is_integer() and abs(number) < 2**53 else number
    if kind == "bool_value":
        return value.bool_value
    if kind == "list_value":
        return [from_value(item) for item in value.list_value.values]
    return None


def to_struct(properties: Mapping[str, Value]) -> struct_pb2.Struct:
    message = struct_pb2.Struct()
    _fill_struct(message, properties)
    return message


def to_value(value: Value) -> struct_pb2.Value:
    message = struct_pb2.Value()
    _fill(message, value)
    return message


def _fill_struct(message: struct_pb2.Struct, properties: Mapping[str, Value]) -> None:
    fields = message.fields
    for key, value in properties.items():
        _fill(fields[key], value)


def _fill(message: struct_pb2.Value, value: Value) -> None:
    if isinstance(value, str):
        message.string_value = value
    elif isinstance(value, bool):
        message.bool_value = value
    elif isinstance(value, _NUMBERS):
        message.number_value = value
    elif value is None:
        message.null_value = struct_pb2.NULL_VALUE
    elif isinstance(value, dict):
        inner = message.struct_value
        inner.SetInParent()
        _fill_struct(inner, cast("dict[str, Value]", value))
    elif isinstance(value, _SEQUENCES):
        items = message.list_value
        items.SetInParent()
        for item in cast("list[Value]", value):
            _fill(items.values.add(), item)
    else:
        raise TypeError(f"a property of type {type(value).__name__} has no wire form")


def signature_of(value: Value) -> str | None:
    return cast("str | None", value.get(SIGNATURE)) if isinstance(value, dict) else None  # pyright: ignore[reportUnknownMemberType]


def is_secret(value: Value) -> bool:
    return signature_of(value) == SECRET


def secret(value: Value) -> Value:
    return value if is_secret(value) else {SIGNATURE: SECRET, "value": value}


def is_unknown(value: Value) -> bool:
    """Whether this value itself, secret or not, is unknown (not whether it contains an unknown)."""
    if isinstance(value, str):
        return value in UNKNOWNS
    if isinstance(value, dict):
        mapping = cast("Properties", value)
        if mapping.get(SIGNATURE) in (SECRET, OUTPUT_VALUE):
            return "value" not in mapping or is_unknown(mapping["value"])
    return False


def has_special(value: Value) -> bool:
    """Whether any part of the value has a signature. Asked first by all that looks for one kind of special value: most
    properties have none, and finding that out costs a tenth of looking at each part."""
    if isinstance(value, dict):
        mapping = cast("Properties", value)
        if SIGNATURE in mapping:
            return True
        parts: Iterable[Any] = mapping.values()
    elif isinstance(value, list):
        parts = cast("list[Any]", value)
    else:
        return False
    # A loop, since `any` over a generator costs as much again as looking.
    for part in parts:  # noqa: SIM110
        if isinstance(part, _CONTAINERS) and has_special(part):
            return True
    return False


def contains(value: Value, predicate: Callable[[Value], bool]) -> bool:
    if predicate(value):
        return True
    if isinstance(value, dict):
        return any(contains(item, predicate) for item in cast("Properties", value).values())
    if isinstance(value, list):
        return any(contains(item, predicate) for item in cast("list[Value]", value))
    return False


def contains_unknowns(value: Value) -> bool:
    return contains(value, is_unknown)


def contains_secrets(value: Value) -> bool:
    return has_special(value) and contains(value, is_secret)


def transform(value: Value, replace: Callable[[Value], Value | None]) -> Value:
    """A copy in which every value for which ``replace`` returns something is replaced by that. Unchanged parts are shared."""
    replaced = replace(value)
    if replaced is not None:
        return replaced
    if isinstance(value, dict):
        mapping = cast("Properties", value)
        changed = {key: transform(item, replace) for key, item in mapping.items()}
        return changed if any(changed[key] is not mapping[key] for key in mapping) else mapping
    if isinstance(value, list):
        items = cast("list[Value]", value)
        results = [transform(item, replace) for item in items]
        return results if any(new is not old for new, old in zip(results, items, strict=True)) else items
    return value


def blind(value: Value) -> Value:
    """The value as it may be shown: secrets become ``[secret]``."""
    return transform(value, lambda item: BLIND if is_secret(item) else None) if has_special(value) else value


def reveal(value: Value) -> Value:
    """The value without secret marks. Only for a provider that cannot take them and for comparing; never for showing."""
    return _reveal(value) if has_special(value) else value


def _reveal(value: Value) -> Value:
    if isinstance(value, dict):
        mapping = cast("Properties", value)
        if mapping.get(SIGNATURE) == SECRET:
            return _reveal(mapping.get("value"))
        changed = {key: _reveal(item) for key, item in mapping.items()}
        return changed if any(changed[key] is not mapping[key] for key in mapping) else mapping
    if isinstance(value, list):
        items = cast("list[Value]", value)
        results = [_reveal(item) for item in items]
        return results if any(new is not old for new, old in zip(results, items, strict=True)) else items
    return value


def lower_outputs(value: Value) -> tuple[Value, set[str]]:
    """Replace output values by what they hold (unknown, secret or plain), returning the URNs they depend on as well."""
    urns: set[str] = set()
    if not has_special(value):
        return value, urns

    def replace(item: Value) -> Value | None:
        if signature_of(item) != OUTPUT_VALUE:
            return None
        output = cast("Properties", item)
        urns.update(cast("Iterable[str]", output.get("dependencies") or ()))
        inner, more = lower_outputs(output["value"]) if "value" in output else (UNKNOWN, set[str]())
        urns.update(more)
        return secret(inner) if output.get("secret") else inner

    return transform(value, replace), urns


def lower_resource_references(value: Value) -> Value:
    """Replace resource references by the referenced id (or URN for a component), for a provider that cannot take them."""

    def replace(item: Value) -> Value | None:
        if signature_of(item) != RESOURCE_REFERENCE:
            return None
        reference = cast("Properties", item)
        return reference["id"] if "id" in reference else reference["urn"]

    return transform(value, replace) if has_special(value) else value


def mark_secret_keys(outputs: Properties, keys: Iterable[str]) -> Properties:
    wanted = [key for key in keys if key in outputs and not is_secret(outputs[key])]
    if not wanted:
        return outputs
    marked = dict(outputs)
    for key in wanted:
        marked[key] = secret(marked[key])
    return marked


def keep_secrets(values: Value, before: Value) -> Value:
    """``values`` with the secret marks that ``before`` has in the same places, for values that a provider read anew.

    As ``annotateSecrets`` of Pulumi's ``provider_plugin.go``: objects key by key; any other value that had a secret in it becomes
    secret as a whole (the items of a list may have moved), unless it has marks of its own.
    """
    if not has_special(before) or is_secret(values):
        return values
    if isinstance(values, dict) and isinstance(before, dict) and not is_secret(before):
        now, then = cast("Properties", values), cast("Properties", before)
        kept = {key: keep_secrets(item, then[key]) if key in then else item for key, item in now.items()}
        return kept if any(kept[key] is not now[key] for key in now) else now
    whole = contains_secrets(before) and not contains_secrets(values)
    return secret(values) if whole else cast("Value", values)


def secret_keys(inputs: Mapping[str, Value]) -> list[str]:
    return [key for key, value in inputs.items() if contains_secrets(value)]

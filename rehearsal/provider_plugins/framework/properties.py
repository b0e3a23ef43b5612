"""Property values: between the protocol's ``Struct`` and Python values that keep secrets and unknowns apart from data.

In Python a property is None, bool, int, float, str, list or dict of these; a secret is wrapped in ``Secret``, a value
that only an update can know is ``UNKNOWN``. Signatures: ``pulumi.runtime.rpc`` of the wheel. The handshake asks for
neither resource references nor output values, so the engine sends none.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

from google.protobuf.struct_pb2 import Struct, Value

Properties: TypeAlias = dict[str, Any]

UNKNOWN_SIGNATURE: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_SIGNATURE_KEY: Final = "4dabf18193072939515e22adb298388d"
_SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - the protocol's signature, not a secret


class Unknown:
    """The one value that a preview cannot know."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()


@dataclass(frozen=True, slots=True)
class Secret:
    """A property that must never be shown. Its ``repr`` does not hold the value, so a traceback cannot leak it."""

    value: Any

    def __repr__(self) -> str:
        return "[secret]"


def read_struct(struct: Struct) -> Properties:
    """Python values of a struct; nulls are left out, as an absent property and a null mean the same.

    Raises ValueError for an asset, an archive or bytes: no input of an emulated type takes one.
    """
    # In order: protobuf's own is another in each process, and it would be that of messages.
    return {key: value for key, field in sorted(struct.fields.items()) if (value := _read(field)) is not None}


def _read(value: Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        fields = value.struct_value.fields
        signature = fields[_SIGNATURE_KEY].string_value if _SIGNATURE_KEY in fields else ""
        if signature == _SECRET:
            return Secret(_read(fields["value"]))
        if signature:
            raise ValueError("an asset, an archive or bytes cannot be a property here; give the text itself")
        return read_struct(value.struct_value)
    if kind == "list_value":
        return [_read(item) for item in value.list_value.values]
    if kind == "number_value":
        # A Struct knows only doubles; the clouds reject 1.0 where they want an integer.
        return int(value.number_value) if value.number_value.is_integer() else value.number_value
    if kind == "string_value":
        return UNKNOWN if value.string_value == UNKNOWN_SIGNATURE else value.string_value
    return value.bool_value if kind == "bool_value" else None


def write_struct(properties: Properties) -> Struct:
    """The struct of Python values."""
    struct = Struct()
    struct.update(_marked(properties))
    return struct


def _marked(value: Any) -> Any:
    if isinstance(value, Secret):
        return {_SIGNATURE_KEY: _SECRET, "value": _marked(value.value)}
    if isinstance(value, dict):
        return {key: _marked(item) for key, item in cast("Properties", value).items() if item is not None}
    if isinstance(value, list | tuple):
        return [_marked(item) for item in cast("list[Any]", value)]
    return UNKNOWN_SIGNATURE if value is UNKNOWN else value


def plain(value: Any) -> Any:
    """The value with secrets unwrapped at every depth; unknowns stay."""
    if isinstance(value, Secret):
        return plain(value.value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in cast("Properties", value).items()}
    if isinstance(value, list):
        return [plain(item) for item in cast("list[Any]", value)]
    return value


def parts(value: Any) -> Iterator[Any]:
    """The value and everything in it, at every depth."""
    yield value
    if isinstance(value, Secret):
        yield from parts(value.value)
    elif isinstance(value, dict | list):
        for item in cast("Properties", value).values() if isinstance(value, dict) else cast("list[Any]", value):
            yield from parts(item)


def has_unknown(value: Any) -> bool:
    """Whether anything in the value is known only after an update."""
    return any(item is UNKNOWN for item in parts(value))


def has_secret(value: Any) -> bool:
    return any(isinstance(item, Secret) for item in parts(value))


def masked(text: str, properties: Properties) -> str:
    """The text without the secrets of these properties: a cloud quotes in its errors what it was given."""
    secrets = [item.value for item in parts(properties) if isinstance(item, Secret)]
    # Shorter ones are words like "true" that occur in every text.
    texts = [item for item in parts(secrets) if isinstance(item, str) and len(item) >= 4]
    forms = {form for item in texts for form in (item, repr(item)[1:-1], json.dumps(item)[1:-1])}
    # Longest first: a secret that contains another has to vanish whole.
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, "[secret]")
    return text

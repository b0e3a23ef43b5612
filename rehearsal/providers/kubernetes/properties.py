"""Property values: between the protocol's ``Struct`` and Python values that keep secrets and unknowns apart from data.

In Python a property is None, bool, int, float, str, list or dict of these; a secret is wrapped in ``Secret``, a value
that only an update can know is ``UNKNOWN``. Signatures: ``pulumi.runtime.rpc`` of the wheel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

from google.protobuf.struct_pb2 import ListValue, Struct, Value

Property: TypeAlias = Any
Properties: TypeAlias = dict[str, Any]

UNKNOWN_SIGNATURE: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
# The protocol marks each kind of unknown (string, number, …) by its own constant; for inputs they mean the same.
_UNKNOWN_SIGNATURES: Final = frozenset(
    {
        UNKNOWN_SIGNATURE,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # bool
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)
_SIGNATURE_KEY: Final = "4dabf18193072939515e22adb298388d"
_SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - the protocol's signature, not a secret
_OUTPUT: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_RESOURCE: Final = "5cf8f73096256a8f31e491e813e4eb8e"
_ASSET: Final = "c44067f5952c0a294b673a41bacd8c17"
_ARCHIVE: Final = "0def7320c3a5731c473e5ecbe6d01bc7"

# OpenAPI extension fields of a CustomResourceDefinition: property names cannot hold a dash in every SDK, so programs
# and state spell them with underscores, the API with dashes.
_TO_API: Final = {
    f"x_kubernetes_{name}": f"x-kubernetes-{name.replace('_', '-')}"
    for name in (
        "embedded_resource",
        "int_or_string",
        "list_map_keys",
        "list_type",
        "map_type",
        "preserve_unknown_fields",
        "validations",
    )
}
_FROM_API: Final = {api: program for program, api in _TO_API.items()}


class PropertyError(ValueError):
    """A property value has a form that Kubernetes cannot take; ``path`` says where."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}" if path else problem)
        self.path = path


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
    """Python values of a struct; nulls are left out, as the API treats absent and null alike.

    Raises PropertyError for an asset or archive, which no Kubernetes field can hold.
    """
    return {key: value for key, field in struct.fields.items() if (value := _read(field, key)) is not None}


def _read(value: Value, path: str) -> Property:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        text = value.string_value
        return UNKNOWN if text in _UNKNOWN_SIGNATURES else text
    if kind == "number_value":
        number = value.number_value
        # A Struct knows only doubles; the API refuses 1.0 where it wants an integer.
        return int(number) if number.is_integer() else number
    if kind == "bool_value":
        return value.bool_value
    if kind == "list_value":
        return [_read(item, f"{path}[{index}]") for index, item in enumerate(value.list_value.values)]
    if kind == "struct_value":
        return _read_object(value.struct_value, path)
    return None


def _read_object(struct: Struct, path: str) -> Property:
    fields = struct.fields
    if _SIGNATURE_KEY not in fields:
        return {key: item for key, field in fields.items() if (item := _read(field, f"{path}.{key}")) is not None}
    signature = fields[_SIGNATURE_KEY].string_value
    if signature == _SECRET:
        return Secret(_read(fields["value"], path))
    if signature == _OUTPUT:
        content = _read(fields["value"], path) if "value" in fields else UNKNOWN
        return Secret(content) if "secret" in fields and fields["secret"].bool_value else content
    if signature == _RESOURCE:
        identifier = _read(fields["id"], path) if "id" in fields else fields["urn"].string_value
        return UNKNOWN if identifier == "" else identifier
    if signature in (_ASSET, _ARCHIVE):
        raise PropertyError(
            path,
            "a Pulumi asset or archive cannot be a Kubernetes field; pass the text itself (read the file in the "
            "program)",
        )
    raise PropertyError(
        path, f"value of an unknown kind (signature {signature}); the engine is newer than this provider"
    )


def write_struct(properties: Mapping[str, Property], *, secrets: bool = True) -> Struct:
    """The struct of Python values. ``secrets`` says whether the engine takes secrets; else they go in plain."""
    struct = Struct()
    for key, value in properties.items():
        if value is not None:
            _write(struct.fields[key], value, secrets)
    return struct


def _write(target: Value, value: Property, secrets: bool) -> None:
    if value is None:
        target.null_value = 0  # type: ignore[assignment]
    elif isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, str):
        target.string_value = value
    elif isinstance(value, int | float):
        target.number_value = value
    elif isinstance(value, dict):
        fields = target.struct_value
        fields.SetInParent()
        for key, item in cast("Properties", value).items():
            if item is not None:
                _write(fields.fields[key], item, secrets)
    elif isinstance(value, list | tuple):
        items: ListValue = target.list_value
        items.SetInParent()
        for item in cast("list[Property]", value):
            _write(items.values.add(), item, secrets)
    elif isinstance(value, Secret):
        if secrets:
            fields = target.struct_value
            fields.fields[_SIGNATURE_KEY].string_value = _SECRET
            _write(fields.fields["value"], value.value, secrets)
        else:
            _write(target, value.value, secrets)
    elif isinstance(value, Unknown):
        target.string_value = UNKNOWN_SIGNATURE
    else:
        raise TypeError(f"no property value: {type(value).__name__}")


def plain(value: Property) -> Property:
    """The value with secrets unwrapped at every depth; unknowns stay."""
    if isinstance(value, Secret):
        return plain(value.value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in cast("Properties", value).items()}
    if isinstance(value, list):
        return [plain(item) for item in cast("list[Property]", value)]
    return value


def has_unknown(value: Property) -> bool:
    """Whether anything in the value is known only after an update."""
    return _any(value, lambda item: isinstance(item, Unknown))


def has_secret(value: Property) -> bool:
    return _any(value, lambda item: isinstance(item, Secret))


def _any(value: Property, wanted: Callable[[Property], bool]) -> bool:
    if wanted(value):
        return True
    if isinstance(value, Secret):
        return _any(value.value, wanted)
    if isinstance(value, dict):
        return any(_any(item, wanted) for item in cast("Properties", value).values())
    if isinstance(value, list):
        return any(_any(item, wanted) for item in cast("list[Property]", value))
    return False


def to_api(value: Property) -> Property:
    """A plain value with field names as the API spells them."""
    return _rename(value, _TO_API)


def from_api(value: Property) -> Property:
    """An API object with field names as programs and state spell them."""
    return _rename(value, _FROM_API)


def _rename(value: Property, names: Mapping[str, str]) -> Property:
    if isinstance(value, dict):
        return {names.get(key, key): _rename(item, names) for key, item in cast("Properties", value).items()}
    if isinstance(value, list):
        return [_rename(item, names) for item in cast("list[Property]", value)]
    return value


def mapping_at(value: Property, *keys: str) -> Properties:
    """The dict at that path (secrets looked through), or an empty one where there is none."""
    for key in keys:
        if isinstance(value, Secret):
            value = value.value
        if not isinstance(value, dict):
            return {}
        value = cast("Properties", value).get(key)
    if isinstance(value, Secret):
        value = value.value
    return cast("Properties", value) if isinstance(value, dict) else {}


def objects_at(value: Property, *keys: str) -> list[Properties]:
    """The dicts of the list at that path; empty where there is none."""
    found = mapping_at(value, *keys[:-1]).get(keys[-1])
    items = cast("list[Property]", found) if isinstance(found, list) else []
    return [cast("Properties", item) for item in items if isinstance(item, dict)]

"""One resource as Pulumi records it: ``ResourceV3`` of ``sdk/go/common/apitype/core.go``.

In memory, property values have Pulumi's wire form (``rehearsal.engine.properties``): a secret is a dict that holds its
plain value. In a file, the value of a secret is the ciphertext of its JSON, as ``pkg/resource/stack`` writes it.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Protocol, cast

from rehearsal.engine.properties import SECRET, SIGNATURE, Properties
from rehearsal.engine.state.errors import StateError
from rehearsal.engine.state.go_json import go_json

FLOAT = "8ad145fe-0d11-4827-bfd7-1abcbf086f5c"
"""Signature of a number that JSON cannot hold (not a number, infinities)."""

_encode = json.JSONEncoder(
    separators=(",", ":"), ensure_ascii=False, sort_keys=True, allow_nan=False, check_circular=False
).encode
_encode_in_order = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, check_circular=False).encode


class Seal(Protocol):
    """Encrypts and decrypts on behalf of one resource; keeps a ciphertext as long as its plaintext does not change."""

    def encrypt(self, urn: str, plaintext: str) -> str: ...

    def decrypt(self, urn: str, ciphertext: str) -> str: ...


def timestamp() -> str:
    """The present time as Pulumi records it: Go's RFC3339Nano, whose fraction has no trailing zeros."""
    text = datetime.now(UTC).replace(tzinfo=None).isoformat()
    return (text.rstrip("0") if "." in text else text) + "Z"


def compact_json(value: Any) -> bytes:
    """UTF-8 JSON without spaces, keys in the order they have."""
    return _utf8(_encode_in_order(value))


def read_json(data: str | bytes) -> Any:
    """The value of a JSON text. As in Pulumi, numbers are doubles: a whole number that is too large to be exact is one."""
    return json.loads(data, parse_int=_whole_number)


def _whole_number(digits: str) -> int | float:
    number = int(digits)
    return number if -(2**53) <= number <= 2**53 else float(number)


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which a JSON escape may carry and UTF-8 may not
        return json.dumps(json.loads(text), separators=(",", ":")).encode()


@dataclass(slots=True, eq=False)
class ResourceState:
    """The state of one resource. Two states are the same only if they are one object.

    A state that a session knows must not be changed: use ``dataclasses.replace``. Fields are those of ``ResourceV3``;
    ``inputs`` and ``outputs`` are in wire form, ``created`` and ``modified`` are RFC 3339 times.
    """

    urn: str
    type: str
    custom: bool = True
    delete: bool = False
    id: str = ""
    inputs: Properties = field(default_factory=dict[str, Any])
    outputs: Properties = field(default_factory=dict[str, Any])
    parent: str = ""
    protect: bool = False
    taint: bool = False
    external: bool = False
    dependencies: list[str] = field(default_factory=list[str])
    init_errors: list[str] = field(default_factory=list[str])
    provider: str = ""
    property_dependencies: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    pending_replacement: bool = False
    additional_secret_outputs: list[str] = field(default_factory=list[str])
    aliases: list[str] = field(default_factory=list[str])
    custom_timeouts: dict[str, float] = field(default_factory=dict[str, float])
    import_id: str = ""
    retain_on_delete: bool = False
    deleted_with: str = ""
    replace_with: list[str] = field(default_factory=list[str])
    created: str = ""
    modified: str = ""
    source_position: str = ""
    stack_trace: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    ignore_changes: list[str] = field(default_factory=list[str])
    hide_diff: list[Any] = field(default_factory=list[Any])
    replace_on_changes: list[str] = field(default_factory=list[str])
    replacement_trigger: Any = None
    refresh_before_update: bool = False
    view_of: str = ""
    resource_hooks: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    extension_ref: str = ""
    snippet_id: str = ""
    unknown_fields: dict[str, Any] = field(default_factory=dict[str, Any])
    """What a newer Pulumi wrote that this class does not know: kept, so that going through here loses nothing."""

    _encoded: bytes | None = field(default=None, init=False, repr=False)
    _stored: dict[str, Any] | None = field(default=None, init=False, repr=False)

    def encode(self, seal: Seal) -> bytes:
        """The JSON of this resource, with ciphertexts for secrets. Made once: later calls return the same bytes.

        Fields stand in Pulumi's order, empty ones are left out, and keys of property maps are sorted, as Go does.
        """
        if self._encoded is None:
            # What came from a file and did not change goes back as it was, ciphertexts included.
            stored, self._stored = self._stored, None
            self._encoded = _utf8(self._text(seal) if stored is None else _encode_in_order(stored))
        return self._encoded

    def _text(self, seal: Seal) -> str:
        parts: list[str] = []
        for name, key in _KEYS:
            value = getattr(self, name)
            if not value and name not in _ALWAYS:
                continue
            parts.append(f'"{key}":{_property_text(value, self.urn, seal) if name in _PROPERTIES else _encode(value)}')
        parts += [f"{_encode(key)}:{_encode(value)}" for key, value in self.unknown_fields.items()]
        return f"{{{','.join(parts)}}}"

    def forget_encoding(self) -> None:
        """To be called by the one who changes a field of a state that may have been encoded."""
        self._encoded = None
        self._stored = None

    def adopt(self, old: ResourceState) -> None:
        """Take over what an equal state has that need not be made again."""
        self.created, self.modified = old.created, old.modified
        self.unknown_fields = old.unknown_fields
        self._encoded, self._stored = old._encoded, old._stored

    def to_json(self, seal: Seal) -> dict[str, Any]:
        """The JSON document, with ciphertexts for secrets."""
        return json.loads(self.encode(seal))

    @classmethod
    def from_json(cls, document: dict[str, Any], seal: Seal) -> ResourceState:
        """Raises StateError where a required field is missing, SecretsError where a secret cannot be decrypted."""
        urn = document.get("urn")
        if not isinstance(urn, str) or not urn:
            raise StateError("a resource in the state has no URN, so the state was damaged: restore a backup")
        if not document.get("type"):
            raise StateError(f"the resource {urn} in the state has no type, so the state was damaged: restore a backup")
        values: dict[str, Any] = {"custom": False}
        unknown: dict[str, Any] = {}
        for key, value in document.items():
            name = _NAMES.get(key)
            if name is None:
                unknown[key] = value
            elif value is not None:
                values[name] = opened(value, urn, seal) if name in _PROPERTIES else value
        state = cls(**values, unknown_fields=unknown)
        state._stored = document
        return state

    def reference(self) -> str:
        """``<urn>::<id>``: how a resource names its provider."""
        return f"{self.urn}::{self.id}"


_ALWAYS = frozenset({"urn", "custom", "type"})
_PROPERTIES = frozenset({"inputs", "outputs", "replacement_trigger"})
_IRREGULAR = {"import_id": "importID", "snippet_id": "snippetID"}


def _key(name: str) -> str:
    head, *rest = name.split("_")
    return _IRREGULAR.get(name, head + "".join(part.capitalize() for part in rest))


_KEYS = [(each.name, _key(each.name)) for each in fields(ResourceState) if each.init and each.name != "unknown_fields"]
_NAMES = {key: name for name, key in _KEYS}


def _property_text(value: Any, urn: str, seal: Seal) -> str:
    """The value as it is stored: secrets encrypted, numbers that JSON lacks spelled out."""
    try:
        text = _encode(value)
        if SECRET not in text:  # searching the text is ten times faster than walking the value
            return text
    except ValueError:
        pass
    return _encode(_seal(value, lambda plaintext: seal.encrypt(urn, plaintext)))


def opened(value: Any, urn: str, seal: Seal) -> Any:
    """The reverse of ``sealed``. Parts without secrets are shared with ``value``, not copied."""
    return _open(value, lambda ciphertext: seal.decrypt(urn, ciphertext))


def _as_it_is(text: str) -> str:
    return text


def _seal(value: Any, encrypt: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        mapping = cast("Properties", value)
        if mapping.get(SIGNATURE) == SECRET:
            # A secret inside a secret keeps its mark but is not encrypted twice: Pulumi writes its JSON there.
            plaintext = go_json(_seal(mapping.get("value"), _as_it_is))
            return {SIGNATURE: SECRET, "ciphertext": encrypt(plaintext)}
        return {key: _seal(item, encrypt) for key, item in mapping.items()}
    if isinstance(value, list | tuple):
        return [_seal(item, encrypt) for item in cast("list[Any]", value)]
    if isinstance(value, float) and not math.isfinite(value):
        return {SIGNATURE: FLOAT, "value": struct.pack(">d", value).hex()}
    return value


def _open(value: Any, decrypt: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        mapping = cast("Properties", value)
        signature = mapping.get(SIGNATURE)
        if signature is None:
            changed = {key: _open(item, decrypt) for key, item in mapping.items()}
            return changed if any(changed[key] is not mapping[key] for key in mapping) else mapping
        if signature == SECRET:
            plaintext = decrypt(mapping["ciphertext"]) if "ciphertext" in mapping else mapping["plaintext"]
            return {SIGNATURE: SECRET, "value": _open(read_json(plaintext), _as_it_is)}
        if signature == FLOAT:
            return struct.unpack(">d", bytes.fromhex(mapping["value"]))[0]
        return mapping
    if isinstance(value, list):
        items = cast("list[Any]", value)
        results = [_open(item, decrypt) for item in items]
        return results if any(new is not old for new, old in zip(results, items, strict=True)) else items
    return value

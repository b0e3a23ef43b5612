"""The JSON of a Docker client's configuration, read as Go reads it: names of fields in any case, null for nothing, and no other
type than is meant.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn, cast


class UnreadableError(ValueError):
    """Why a client cannot use the configuration at all. Never repeats a credential."""


def parsed(content: bytes) -> Mapping[str, Any]:
    """The configuration. Raises UnreadableError where it is no JSON object."""
    try:
        value: Any = json.loads(content.decode("utf-8"), parse_constant=_no_json)
    except ValueError:
        raise UnreadableError("its .dockerconfigjson is not JSON") from None
    return entries(value, "its .dockerconfigjson")


def entries(value: Any, at: str) -> Mapping[str, Any]:
    """``value`` as an object with keys of any name; null is an empty one."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise UnreadableError(f"{at} is not an object")
    return cast("Mapping[str, Any]", value)


def fields(value: Any, at: str) -> Mapping[str, Any]:
    """``value`` as an object with named fields; the names in lower case."""
    return {name.lower(): item for name, item in entries(value, at).items()}


def text(given: Mapping[str, Any], name: str, at: str) -> str:
    """The text of a field; null or missing: empty."""
    value = given.get(name)
    if value is not None and not isinstance(value, str):
        raise UnreadableError(f"{at} is not a text")
    return value or ""


def texts(value: Any, at: str) -> dict[str, str]:
    """An object of texts."""
    given = entries(value, at)
    return {key: text(given, key, f"an entry of {at}") for key in given}


def decoded(auth: str, at: str, *, padded: bool) -> str:
    """``auth`` from base64. ``padded``: as docker/cli does, which needs the padding; else as the kubelet does."""
    plain = auth.replace("\r", "").replace("\n", "")
    if not padded and not auth.strip().endswith("="):
        plain += "=" * (-len(plain) % 4) if "=" not in plain else "!"
    try:
        return base64.b64decode(plain, validate=True).decode("utf-8", "surrogateescape")
    except (binascii.Error, ValueError):
        raise UnreadableError(f"auth of {at} is not base64, and no entry can then be read") from None


def shown(key: str) -> str:
    """An entry's key for a message, without the user that may stand in it."""
    return repr(re.sub(r"(?:(?<=//)|^)[^/@]*@", "…@", key))


def _no_json(constant: str) -> NoReturn:
    raise ValueError(constant)

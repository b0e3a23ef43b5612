"""Property values as ``preview --json`` writes them, and safe ways to look into them.

Nothing in a preview is trusted to have the form it should have: every accessor answers with something empty instead of
failing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

SIGNATURE_KEY: Final = "4dabf18193072939515e22adb298388d"
"""Member that marks a special value in Pulumi's JSON (``sdk/go/common/resource/sig``)."""

SECRET_SIGNATURE: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - the protocol's mark, not a secret
OUTPUT_SIGNATURE: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
SECRET: Final = "[secret]"  # noqa: S105 - what is shown instead of one
UNKNOWN: Final = "(known after up)"

_UNKNOWN_SIGNATURES: Final = frozenset(
    {
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",  # string, and what the CLI writes for every kind
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # bool
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)


def mapping(value: Any) -> Mapping[str, Any]:
    """The value if it is an object, else an empty one."""
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


def listing(value: Any) -> Sequence[Any]:
    """The value if it is a list, else an empty one."""
    return cast("Sequence[Any]", value) if isinstance(value, list) else ()


def text(value: Any) -> str:
    """The value if it is a known string, else an empty one."""
    return value if isinstance(value, str) and value not in _UNKNOWN_SIGNATURES and value != SECRET else ""


def texts(value: Any) -> list[str]:
    """A string as a list of one, a list as its strings, anything else as none (how IAM writes one or many)."""
    if isinstance(value, str):
        return [text(value)] if text(value) else []
    return [text(item) for item in listing(value) if text(item)]


def at(value: Any, *path: str | int) -> Any:
    """What lies below ``value`` at ``path``, or None."""
    for part in path:
        if isinstance(part, str):
            if not isinstance(value, dict):
                return None
            value = cast("Mapping[str, Any]", value).get(part)
        else:
            items = listing(value)
            value = items[part] if part < len(items) else None
    return value


def document(value: Any) -> Any:
    """A JSON document that is written as text (a policy, a setting), or None where it is unknown or not JSON."""
    if not isinstance(value, str):
        return cast("Any", value) if isinstance(value, dict) else None
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def is_unknown(value: Any) -> bool:
    """Whether only an update can know this very value (not: something inside of it)."""
    if isinstance(value, str):
        return value in _UNKNOWN_SIGNATURES
    return isinstance(value, dict) and mapping(value).get(SIGNATURE_KEY) == OUTPUT_SIGNATURE and "value" not in value


def unknown_paths(value: Any, path: str = "") -> Iterator[str]:
    """Where inside a value something is unknown, as property paths (``spec.template.spec``, ``subjects[0]``)."""
    if is_unknown(value):
        yield path
    elif isinstance(value, dict):
        for key, item in mapping(value).items():
            yield from unknown_paths(item, join(path, key))
    elif isinstance(value, list):
        for index, item in enumerate(listing(value)):
            yield from unknown_paths(item, f"{path}[{index}]")


def join(path: str, key: str) -> str:
    """A property path one member deeper, quoted as Pulumi quotes it where the key is not a plain name."""
    if not key.isidentifier() and (not key or any(character in key for character in '.[]"')):
        return f"{path}[{json.dumps(key, ensure_ascii=False)}]"
    return f"{path}.{key}" if path else key

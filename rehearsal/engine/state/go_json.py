"""Values as the text that Go's ``encoding/json`` makes of them, which is what a program gets from the CLI."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, cast


def go_text(value: Any) -> str:
    """Text stays as it is; anything else becomes JSON (``Plaintext.marshalText``)."""
    return value if isinstance(value, str) else go_json(value)


def go_json(value: Any) -> str:
    """Compact JSON with sorted keys, Go's numbers and Go's escapes."""
    if isinstance(value, dict):
        mapping = cast("dict[str, Any]", value)
        return "{" + ",".join(f"{go_json(key)}:{go_json(mapping[key])}" for key in sorted(mapping)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(go_json(item) for item in cast("list[Any]", value)) + "]"
    if isinstance(value, str):
        text = json.dumps(value, ensure_ascii=False)
        for character in "<>&\u2028\u2029":
            text = text.replace(character, f"\\u{ord(character):04x}")
        return text
    if isinstance(value, float):
        return _number(value)
    return json.dumps(value)


def _number(value: float) -> str:
    if value == 0:
        return "-0" if str(value).startswith("-") else "0"
    if 1e-6 <= abs(value) < 1e21:
        text = format(Decimal(repr(value)), "f")
        return text.removesuffix(".0")
    mantissa, _, exponent = repr(value).partition("e")
    if not exponent:
        return mantissa
    return f"{mantissa.removesuffix('.0')}e{exponent[0]}{exponent[1:].lstrip('0')}"

"""Names of cloud resources that keep within a limit and never become the same."""

from __future__ import annotations

import base64
import hashlib


def bounded(name: str, limit: int, *, separator: str = "-", digits: int = 8) -> str:
    """``name`` if it has at most ``limit`` characters, else its beginning, ``separator`` and ``digits`` of its hash.

    A digit is one of ``a`` to ``z`` and ``2`` to ``7`` and worth five bits, so that every cloud's grammar of names takes it; with
    the default of eight, the odds that two of 2,000 long names with one beginning meet are two in a million. The
    result depends on nothing but the arguments: changing them later renames, which for most resources means replaces.

    :raises ValueError: ``limit`` leaves no space for a character before the hash.
    """
    if len(name) <= limit:
        return name
    room = limit - digits - len(separator)
    if room < 1 or not 1 <= digits <= 32:
        raise ValueError(f"{limit} characters are too few for a beginning, {separator!r} and {digits} digits of a hash")
    head = name[:room].rstrip(separator) if separator else name[:room]
    return f"{head or name[0]}{separator}{digest(name, digits)}"


def digest(text: str, digits: int = 8) -> str:
    """The first ``digits`` (1 to 32) of the hash of ``text``, out of ``a`` to ``z`` and ``2`` to ``7``."""
    return base64.b32encode(hashlib.sha256(text.encode()).digest()).decode().lower()[:digits]

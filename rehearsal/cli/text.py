"""Text that came from outside, made safe to print, and quantities in words.

Names, messages and outputs come from programs, providers, registries and pods. Written raw to a terminal they could
move the cursor, recolour the screen or reverse a line; so every string passes :func:`clean` before it is printed,
and is only ever put in a ``rich.text.Text``, never parsed as markup.
"""

from __future__ import annotations

import re

_COLOURS = re.compile(r"\x1b\[[0-9;:]*m")
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2064\u2066-\u2069\ufeff\U000e0000-\U000e007f]"
)


def _visible(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    return f"\\u{{{code:x}}}"


def clean(text: str) -> str:
    """The text with colours dropped and everything else that steers a terminal made visible; newlines stay."""
    return _UNSAFE.sub(_visible, _COLOURS.sub("", text.replace("\r\n", "\n")).expandtabs(4))


def clean_line(text: str) -> str:
    """The same on one line: whatever the text holds, it cannot break out of its row."""
    return " ".join(clean(text).split())


def duration(seconds: float) -> str:
    """A time as people read it: ``0.4 s``, ``12 s``, ``1 min 05 s``."""
    if seconds < 9.95:
        return f"{max(seconds, 0.0):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def size(octets: int) -> str:
    """An amount of memory or disk: ``812 MiB``."""
    amount = float(octets)
    for unit in ("B", "KiB", "MiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}"
        amount /= 1024
    return f"{amount:.1f} GiB"


def count(number: int, noun: str) -> str:
    """``1 resource``, ``2 resources``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"

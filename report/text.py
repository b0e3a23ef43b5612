"""Text that came from outside, made safe to place in Markdown.

Names, messages and values come from programs, clouds and pull requests of strangers. In a comment they could mention
people, close a fence, open an HTML tag or reverse a line. So every one of them is put into a code span or a fenced block,
neither of which it can leave.
"""

from __future__ import annotations

import re

LONGEST_NAME = 160
"""Characters of a name that are shown; the rest is cut with an ellipsis."""

_COLOURS = re.compile(r"\x1b\[[0-9;:]*m")
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff\ud800-\udfff]"
)
_RUN = re.compile("`+")


def _visible(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"\\u{{{code:x}}}"


def clean(text: str) -> str:
    """Colours dropped, everything else that is invisible or steers a display made visible; newlines stay."""
    if text.isascii() and text.isprintable():
        return text
    return _UNSAFE.sub(_visible, _COLOURS.sub("", text.replace("\r\n", "\n")).expandtabs(4))


def clean_line(text: str, most: int = LONGEST_NAME) -> str:
    """The same on one line of at most ``most`` characters."""
    if len(text) <= most and text.isascii() and text.isprintable() and " " not in text:
        return text
    line = " ".join(clean(text[: 8 * most]).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def unmarked(text: str) -> str:
    """Without beginnings of comments: whoever looks for our hidden marker must not find one that a name has brought along."""
    return text.replace("<!--", "<!- -")


def code(text: str, most: int = LONGEST_NAME) -> str:
    """A Markdown code span that holds exactly ``text`` on one line, whatever it is. Not for table cells: see :func:`cell`."""
    line = unmarked(clean_line(text, most))
    if not line:
        return "(no name)"
    fence = "`" * (max((len(run) for run in _RUN.findall(line)), default=0) + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def cell(text: str, most: int = LONGEST_NAME) -> str:
    """The same for a table, whose columns a pipe would shift: also inside of a code span it must be escaped there."""
    # A backslash before an escaped pipe would be read together with it.
    return code(text.replace("\\", "⧵") if "|" in text else text, most).replace("|", "\\|")


def fence(text: str, language: str = "") -> str:
    """A fenced block that holds exactly ``text``."""
    body = unmarked(clean(text).strip("\n"))
    ticks = "`" * max(3, max((len(run) for run in _RUN.findall(body)), default=0) + 1)
    return f"{ticks}{language}\n{body}\n{ticks}"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """``1 change``, ``2,000 changes``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"

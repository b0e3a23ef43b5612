"""Texts in which ``*`` stands for any characters and ``?`` for one, as IAM and Azure write them."""

from __future__ import annotations

from fnmatch import fnmatchcase

ANYTHING = "*"


def is_pattern(text: str) -> bool:
    """Whether a text may stand for more than itself."""
    return "*" in text or "?" in text


def matches(text: str, pattern: str) -> bool:
    """Whether a pattern stands for a text. A bracket is itself."""
    return fnmatchcase(text, pattern.replace("[", "[[]"))


def covers(pattern: str, other: str) -> bool:
    """Whether a pattern certainly stands for all that the other one stands for."""
    if pattern == other:
        return True
    # `*` may be longer than the one character that a `?` takes.
    return matches(other, pattern) and not ("?" in pattern and "*" in other)


def may_meet(pattern: str, other: str) -> bool:
    """Whether two patterns may stand for the same text; certainly not, if this is false."""
    if not is_pattern(other):
        return matches(other, pattern)
    if not is_pattern(pattern):
        return matches(pattern, other)
    one, two = _beginning(pattern), _beginning(other)
    return one.startswith(two) or two.startswith(one)


def both(pattern: str, other: str) -> str | None:
    """A pattern for all that two patterns both stand for, and possibly more; None where there is nothing."""
    if covers(pattern, other):
        return other
    if covers(other, pattern):
        return pattern
    return pattern if may_meet(pattern, other) else None


def _beginning(pattern: str) -> str:
    return min(pattern.partition("*")[0], pattern.partition("?")[0], key=len)

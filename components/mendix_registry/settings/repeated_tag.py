"""The rule of every registry whose tags cannot move: each build of an app needs its own tag."""

from __future__ import annotations

from collections.abc import Iterator

from mendix_registry.settings import image_name_template
from mendix_registry.settings.problems import Location, Problem, Rule

STK080 = Rule(
    "STK080",
    "two builds of one app would have the same tag, and the repository's tags are immutable",
    "the second build's push would be rejected",
    "add a variable that changes with each build, such as {{{{.Timestamp}}}}, or {or_else}",
)


def check(template: str, at: Location, *, or_else: str) -> Iterator[Problem]:
    """Where a tag cannot move, no two builds have the same one."""
    if image_name_template.repeats(template):
        yield STK080.at(at, or_else=or_else)

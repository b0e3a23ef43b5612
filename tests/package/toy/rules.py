"""Rules of the kind ``toy``."""

from __future__ import annotations

from collections.abc import Iterator

from mendix_registry.kinds.toy.settings import ToyRegistry

from mendix_registry.settings.problems import Location, Problem, Rule
from mendix_registry.settings.stack import Namespace, Settings

TOY001 = Rule("TOY001", "the box is {colour}", "no one plays with it", "choose a colour")


def check(settings: Settings, registry: ToyRegistry) -> Iterator[Problem]:
    """Boxes are not grey."""
    if registry.colour == "grey":
        yield TOY001.at(("registry", "colour"), colour=registry.colour)


def check_copy(
    settings: Settings, registry: ToyRegistry, namespace: Namespace, repository: str, at: Location
) -> Iterator[Problem]:
    """Everything may be copied."""
    yield from ()

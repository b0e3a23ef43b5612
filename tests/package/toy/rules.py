"""Rules of the kind ``toy``."""

from __future__ import annotations

from collections.abc import Iterator

from mendix_registry.kinds.toy.settings import ToyRegistry

from mendix_registry.settings.problems import Location, Problem
from mendix_registry.settings.stack import Namespace, Settings


def check(settings: Settings, registry: ToyRegistry) -> Iterator[Problem]:
    """Boxes are not grey."""
    if registry.colour == "grey":
        yield Problem("TOY001", ("registry", "colour"), "the box is grey", "nobody plays with it", "choose a colour")


def check_copy(
    settings: Settings, registry: ToyRegistry, namespace: Namespace, repository: str, at: Location
) -> Iterator[Problem]:
    """Everything may be copied."""
    yield from ()

"""Who pushes to a registry in a box, and what must exist there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mendix_registry.kinds.toy.settings import ToyRegistry

from mendix_registry.settings.plan import EXISTING, PlannedIdentity, Prerequisite
from mendix_registry.settings.stack import Settings


def identities(settings: Settings, registry: ToyRegistry, stack: str) -> Mapping[str, PlannedIdentity]:
    """The same for all."""
    return {namespace.name: PlannedIdentity("player", "everyone", EXISTING) for namespace in settings.namespaces}


def prerequisites(settings: Settings, registry: ToyRegistry) -> Iterator[Prerequisite]:
    """A table."""
    yield Prerequisite("table", "round")


def where(settings: Settings, registry: ToyRegistry, providers: Mapping[str, Any]) -> Mapping[str, Any]:
    """In its box."""
    return {"box": registry.colour}

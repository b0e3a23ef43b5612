"""The kind ``toy``."""

from __future__ import annotations

from typing import Literal

from mendix_registry.settings.registry_kind import RegistryKind


class ToyRegistry(RegistryKind):
    """A registry in a box."""

    type: Literal["toy"]

    colour: str
    """The box's colour."""

    @property
    def hosts(self) -> tuple[str, str]:
        return "toy.example.com", "toy.example.com"

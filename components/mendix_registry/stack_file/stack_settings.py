"""The stack file as one type: the settings, with the registry one of the kinds that there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Union

from pydantic import Field

from mendix_registry.kinds import KINDS
from mendix_registry.settings.registry_kind import RegistryKind
from mendix_registry.settings.stack import Settings

if TYPE_CHECKING:
    Registry = RegistryKind
else:
    Registry = Annotated[Union[tuple(kind.settings for kind in KINDS.values())], Field(discriminator="type")]  # noqa: UP007


class StackSettings(Settings):
    """Every key of the namespace ``mendix-registry``."""

    registry: Registry
    """Which registry."""


def authentication_owner(key: str) -> str | None:
    """The kinds to which a key belongs that chooses how builds authenticate, in words; None for any other key."""
    return " and ".join(kind.type for kind in KINDS.values() if key in kind.settings.authentication_keys) or None

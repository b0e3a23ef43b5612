"""Rules that look at more than one field of the stack file. Rules of a single field stand with its type.

Each rule is a generator of problems; :func:`check` runs those that hold for every kind, then those of the stack's kind.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from mendix_registry.kinds import KINDS
from mendix_registry.settings.problems import Problem
from mendix_registry.settings.stack import Settings
from mendix_registry.stack_file.rules import builder, general, namespaces

_GENERAL: tuple[Callable[[Settings], Iterator[Problem]], ...] = (
    general.one_method,
    general.namespaces,
    namespaces.created,
    general.templates,
    general.overlays,
    general.client_version,
    builder.image,
    builder.nodes,
    builder.modes,
    builder.app,
    builder.mirror,
)


def check(settings: Settings, encrypted_keys: Collection[str]) -> Iterator[Problem]:
    """Every problem that the fields of ``settings`` have with each other.

    ``encrypted_keys``: the configuration keys (without their namespace) that Pulumi knows to hold something encrypted.
    """
    yield from general.plain_text(settings, encrypted_keys)
    yield from KINDS[settings.registry.type].rules.check(settings, settings.registry)
    for rule in _GENERAL:
        yield from rule(settings)

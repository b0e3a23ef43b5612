"""What stacks of the kind ``toy`` share: one room."""

from __future__ import annotations

from collections.abc import Iterator

from mendix_registry.kinds.toy.settings import ToyRegistry

from mendix_registry.settings.limits import Count, Limits, Shared


def _shared(registry: ToyRegistry) -> Iterator[Shared]:
    yield Shared(("colour",), "every stack would paint the box", "the paint is not dry yet", "choose another colour")


LIMITS = Limits(
    counts=(Count("toyBoxes", "boxes in the room", "kubernetes:core/v1:ConfigMap", 3, ("repository",), "tidy up"),),
    shared=_shared,
)

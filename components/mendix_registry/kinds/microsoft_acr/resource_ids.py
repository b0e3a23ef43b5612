"""Resource ids of Azure: ``/subscriptions/…/resourceGroups/…/providers/<namespace>/<type>/<name>``."""

from __future__ import annotations

import re
from dataclasses import dataclass

_RESOURCE_ID = re.compile(
    r"/subscriptions/(?P<subscription>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
    r"/resourceGroups/(?P<group>[-\w._()]{0,89}[-\w_()])"
    r"/providers/(?P<type>Microsoft\.[A-Za-z]+/[A-Za-z]+)/(?P<name>[^/]+)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class ResourceId:
    """The parts of a resource id. ``type`` is as in ``Microsoft.ContainerRegistry/registries``."""

    subscription: str
    resource_group: str
    type: str
    name: str

    def __str__(self) -> str:
        return (
            f"/subscriptions/{self.subscription}/resourceGroups/{self.resource_group}/providers/{self.type}/{self.name}"
        )


def parse_resource_id(text: str) -> ResourceId:
    """The parts of ``text``.

    Raises:
        ValueError: it is not the id of a resource in a resource group.
    """
    match = _RESOURCE_ID.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not the id of an Azure resource")
    return ResourceId(match["subscription"], match["group"], match["type"], match["name"])


def subscription_of(scope: str) -> str:
    """The subscription that ``scope`` (the id of anything below one) is in.

    Raises:
        ValueError: ``scope`` is not below a subscription.
    """
    parts = scope.split("/")
    if len(parts) < 3 or parts[1].lower() != "subscriptions":
        raise ValueError(f"{scope!r} is not below a subscription")
    return parts[2]

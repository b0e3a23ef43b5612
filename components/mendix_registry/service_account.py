"""How every component names a ServiceAccount."""

# No ``from __future__ import annotations``: the SDK's schema analyzer reads these annotations as types.

from typing import TypedDict


class ServiceAccountArgs(TypedDict):
    """A ServiceAccount of the cluster. Plain: the names of what trusts it follow from it."""

    namespace: str
    """Its namespace."""

    name: str
    """Its name."""

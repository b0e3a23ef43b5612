"""Resources that have been somewhere else in the tree: a stack that has them keeps them."""

from __future__ import annotations

import pulumi


def formerly_below(parent: pulumi.Resource, kind: str, name: str) -> pulumi.Alias:
    """The alias of a child of ``parent`` that used to be the child of a component between the two, of type ``kind`` and called
    ``name``.

    That component goes with the next update, and nothing else: a component is nothing outside the state.
    """
    # Not by pulumi.create_urn, which makes eight outputs for the same; the SDK's time grows with their square.
    return pulumi.Alias(parent=parent.urn.apply(lambda urn: f"{urn.rpartition('::')[0]}${kind}::{name}"))

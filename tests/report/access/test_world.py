"""How one resource of a preview refers to another while values are unknown."""

from __future__ import annotations

from typing import Any

from report.access.facts import NOT_KNOWN
from report.access.world import Resource, World

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
NAMESPACE = "kubernetes:core/v1:Namespace"


def resource(type_: str, name: str, metadata: dict[str, Any], *needs: str) -> Resource:
    return Resource(f"urn:{name}", type_, name, "", {"metadata": metadata}, {}, {"metadata": needs})


def job(*needs: str) -> str:
    world = World("prod")
    world.add(resource(NAMESPACE, "shipping", {"name": "shipping-eu"}))
    world.add(resource("kubernetes:batch/v1:Job", "push", {"namespace": UNKNOWN}, *needs))
    (found,) = world.of("kubernetes:batch/v1:Job")
    return found.namespace


def test_a_namespace_known_after_up_is_not_the_default() -> None:
    """A reviewer would be told that namespace `default` may push."""
    assert job("urn:shipping") == "shipping-eu"
    assert job() == NOT_KNOWN


def test_no_namespace_at_all_is_default_as_for_kubernetes() -> None:
    world = World("prod")
    world.add(resource("kubernetes:core/v1:Secret", "login", {}))
    (found,) = world.of("kubernetes:core/v1:Secret")
    assert found.namespace == "default"

"""The mirror list: where things go, and which namespace copies what several would copy to the same place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mendix_registry.stack_file import Settings

Make = Callable[..., Settings]

SHARED = {"source": "a.example.com/mendix/runtime:9.24", "destination": "mendix/runtime"}
OWN = {"source": f"a.example.com/mendix/base@sha256:{'ab' * 32}"}


def made(make: Make, names: list[str], *images: dict[str, Any]) -> Settings:
    return make(
        registry={
            "type": "generic",
            "pushHost": "registry.example.com",
            "repository": "apps/{namespace}",
            "authentication": "none",
        },
        namespaces=[{"name": name} for name in names],
        builder={"mode": "mirror", "mirror": list(images)},
    )


@pytest.mark.parametrize(
    ("image", "destination"),
    [
        (OWN, "apps/orders:base-abababababab"),
        ({"source": "a.example.com/mendix/runtime:9.24"}, "apps/orders:runtime-9.24"),
        (SHARED, "mendix/runtime:9.24"),
        ({**SHARED, "destination": "{repository}:r-9"}, "apps/orders:r-9"),
        ({**SHARED, "destination": "{namespace}/x/{namespace}"}, "orders/x/orders:9.24"),
        ({"source": "localhost:5000/mendix:1", "destination": "own/mendix:2"}, "own/mendix:2"),
    ],
)
def test_where_an_image_goes(settings: Make, image: dict[str, Any], destination: str) -> None:
    [copy] = made(settings, ["orders"], image).copies()["orders"]
    assert copy.destination == destination and copy.source == image["source"]


@pytest.mark.slow
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(count=st.integers(1, 2000))
def test_one_namespace_copies_each_destination_and_keeps_doing_so(settings: Make, count: int) -> None:
    names = [f"n{index}" for index in range(count + 1)]
    before, after = (made(settings, some, SHARED, OWN).copies() for some in (names[:-1], names))
    destinations = [copy.destination for copies in after.values() for copy in copies]
    assert len(destinations) == len(set(destinations)) == count + 2
    assert all(after[name] == copies for name, copies in before.items())


def test_nothing_is_copied_in_another_mode(settings: Make) -> None:
    chosen = settings(registry={"type": "openshift4"}, namespaces=[{"name": "orders"}], builder={"mode": "verify"})
    assert chosen.copies() == {}

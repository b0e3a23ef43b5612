"""The components as a multi-language package: Pulumi's own analyzer can read them."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi.provider.experimental.analyzer import Analyzer

from mendix_registry import AcrIdentity, AcrPull, AcrPush, AcrRegistry, AcrToken

COMPONENTS: list[Any] = [AcrRegistry, AcrIdentity, AcrPush, AcrPull, AcrToken]


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda c: c.__name__)
def test_every_input_and_output_is_described(component: Any) -> None:
    definition = Analyzer("mendix-registry").analyze([component])["component_definitions"][component.__name__]
    assert definition.inputs and definition.outputs
    for name, described in {**definition.inputs, **definition.outputs}.items():
        assert described.description, f"{component.__name__}.{name}"

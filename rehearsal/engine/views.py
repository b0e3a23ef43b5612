"""Resource states as events show them: the form of ``preview --json``, secrets blinded."""

from __future__ import annotations

from typing import Any

from rehearsal.engine.properties import blind
from rehearsal.engine.state import ResourceState


def view(state: ResourceState) -> dict[str, Any]:
    """The fields of ``apitype.ResourceV3`` that hold something, with Pulumi's ``omitempty``."""
    fields: dict[str, Any] = {"urn": state.urn, "custom": state.custom}
    if state.delete:
        fields["delete"] = True
    if state.id:
        fields["id"] = state.id
    fields["type"] = state.type
    if state.inputs:
        fields["inputs"] = blind(state.inputs)
    if state.outputs:
        fields["outputs"] = blind(state.outputs)
    if state.parent:
        fields["parent"] = state.parent
    if state.protect:
        fields["protect"] = True
    if state.external:
        fields["external"] = True
    if state.dependencies:
        fields["dependencies"] = list(state.dependencies)
    if state.init_errors:
        fields["initErrors"] = list(state.init_errors)
    if state.provider:
        fields["provider"] = state.provider
    properties = {key: list(value) for key, value in state.property_dependencies.items() if value}
    if properties:
        fields["propertyDependencies"] = properties
    if state.retain_on_delete:
        fields["retainOnDelete"] = True
    if state.deleted_with:
        fields["deletedWith"] = state.deleted_with
    return fields

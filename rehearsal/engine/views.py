"""Resource states as events show them: the form of ``preview --json``, secrets blinded."""

from __future__ import annotations

from typing import Any

from rehearsal.engine.properties import blind
from rehearsal.engine.state import ResourceState


def view(state: ResourceState) -> dict[str, Any]:
    """The fields of ``apitype.ResourceV3`` that hold something, with Pulumi's ``omitempty``."""
    fields: dict[str, Any] = {
        "urn": state.urn,
        "custom": state.custom,
        "delete": state.delete,
        "id": state.id,
        "type": state.type,
        "inputs": blind(state.inputs),
        "outputs": blind(state.outputs),
        "parent": state.parent,
        "protect": state.protect,
        "external": state.external,
        "dependencies": list(state.dependencies),
        "initErrors": list(state.init_errors),
        "provider": state.provider,
        "propertyDependencies": {key: list(value) for key, value in state.property_dependencies.items() if value},
        "retainOnDelete": state.retain_on_delete,
        "deletedWith": state.deleted_with,
    }
    always = ("urn", "custom", "type")
    return {key: value for key, value in fields.items() if value or key in always}

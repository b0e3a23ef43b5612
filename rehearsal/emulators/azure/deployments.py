"""Microsoft.Resources: deployments of templates, as far as templates are one resource with few expressions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from rehearsal.emulators.azure.errors import ArmError
from rehearsal.emulators.azure.resource_ids import ResourceId
from rehearsal.emulators.azure.store import Document, Store

DEPLOYMENT = "Microsoft.Resources/deployments"
_GROUP_LOCATION = "[resourcegroup().location]"

Put = Callable[[ResourceId, Mapping[str, Any], str], Document]
"""Puts a resource as ARM would for a client: place, body, API version."""


class Deployments:
    """``put`` is called for each resource of a template."""

    def __init__(self, store: Store, put: Put) -> None:
        self._store, self._put = store, put

    def put(self, where: ResourceId, body: Mapping[str, Any]) -> tuple[Document, bool]:
        """Deploy, and keep the outcome. Raises ArmError."""
        present = self._store.get(where.text)
        given: Mapping[str, Any] = body.get("properties") or {}
        template: Mapping[str, Any] = given.get("template") or {}
        if given.get("mode") != "Incremental":
            raise ArmError(400, "InvalidDeploymentMode", "The rehearsal knows incremental deployments only.")
        made: list[Document] = []
        for item in cast("list[Mapping[str, Any]]", template.get("resources") or []):
            resource = cast("dict[str, Any]", self._evaluated(dict(item), where))
            provider, *types = str(resource.pop("type")).split("/")
            inner = ResourceId(
                where.subscription, where.group, provider, tuple(types), tuple(resource.pop("name").split("/"))
            )
            version = str(resource.pop("apiVersion", ""))
            try:
                made.append(self._put(inner, resource, version))
            except ArmError as error:
                message = (
                    "At least one resource deployment operation failed. Please list deployment operations for details: "
                    f"{error.code}: {error.message}"
                )
                raise ArmError(error.status, "DeploymentFailed", message) from error
        properties = {
            "mode": "Incremental",
            "provisioningState": "Succeeded",
            "outputResources": [{"id": item["id"]} for item in made],
        }
        document: Document = {"id": where.text, "name": where.name, "type": DEPLOYMENT, "properties": properties}
        if body.get("tags"):
            document["tags"] = body["tags"]
        self._store.put(where.text, document)
        return document, present is None

    def _evaluated(self, value: Any, where: ResourceId) -> Any:
        """Values with template expressions replaced: a text in brackets is one, two brackets at its beginning mean one."""
        if isinstance(value, dict):
            return {key: self._evaluated(item, where) for key, item in cast("dict[str, Any]", value).items()}
        if isinstance(value, list):
            return [self._evaluated(item, where) for item in cast("list[Any]", value)]
        if not isinstance(value, str) or not value.startswith("["):
            return value
        if value.startswith("[["):
            return value[1:]
        if not value.endswith("]"):
            return value
        if value.lower() != _GROUP_LOCATION:
            message = f"The rehearsal does not know the template expression {value}."
            raise ArmError(400, "InvalidTemplate", message)
        group = self._store.get(where.group_id)
        return group["location"] if group else ""

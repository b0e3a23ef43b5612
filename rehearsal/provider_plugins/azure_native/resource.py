"""What all types of Azure share: a path, a body with ``properties``, and how the SDK's flat inputs are the one and the other."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection
from typing import Any, ClassVar

from rehearsal.emulators.rules import Entries, Text
from rehearsal.provider_plugins.azure_native.cloud import Azure
from rehearsal.provider_plugins.framework.properties import Properties
from rehearsal.provider_plugins.framework.resource import CloudError, Created, Input, Live, Resource

# learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
RESOURCE_GROUP = Input(Text(r"[-\w.()]*[-\w()]", 1, 90), required=True, replaces=True)
# Whoever leaves the region out means the resource group's.
LOCATION = Input(Text(), replaces=True, filled_in=True)
# learn.microsoft.com/azure/azure-resource-manager/management/tag-resources
TAGS = Input(Entries(Text(r"[^<>%&\\?/]+", 1, 512), Text("", 0, 256), 50))
_OUTSIDE = ("location", "tags", "sku", "identity")


class ArmResource(Resource[Azure]):
    """``place`` are the inputs for where it is; all others are of its body, outside (``location``, ``tags``, …) or within
    ``properties``."""

    api_version: ClassVar[str]
    place: ClassVar[tuple[str, ...]]
    tracked: ClassVar[bool] = True
    """Whether it has a location, by default its resource group's."""
    computed = ("name", "type", "azureApiVersion")

    @abstractmethod
    def path(self, inputs: Properties) -> str: ...

    @abstractmethod
    def placed(self, identity: str) -> Properties:
        """The inputs that a resource id contains."""

    def body(self, inputs: Properties) -> dict[str, Any]:
        given = {key: item for key, item in inputs.items() if key in self.inputs and item is not None}
        outside = {key: given[key] for key in _OUTSIDE if key in given}
        properties = {k: item for k, item in given.items() if k not in (*self.place, *_OUTSIDE)}
        return {**outside, "properties": self.sent(properties)}

    def sent(self, properties: Properties) -> Properties:
        """Properties as the API names them."""
        return properties

    def received(self, properties: Properties) -> Properties:
        """The API's properties as the SDK names them."""
        return properties

    def create(self, inputs: Properties) -> Created:
        path = self.path(inputs)
        if self.cloud.found("GET", path, self.api_version) is not None:
            raise CloudError(f"cannot create already existing resource '{path}'")
        body = self.body(inputs)
        if self.tracked and "location" not in body:
            body["location"] = self.cloud.group_location(inputs["resourceGroupName"])
        return Created(str(self.cloud.call("PUT", path, self.api_version, body)["id"]))

    def read(self, identity: str, state: Properties) -> Live | None:
        live = self.cloud.found("GET", identity, self.api_version)
        if live is None:
            return None
        properties = self.received(live.get("properties") or {})
        everything = {**properties, **{key: live[key] for key in _OUTSIDE if live.get(key) is not None}}
        if "sku" in everything:
            # The tier that the API adds is no input.
            everything["sku"] = {"name": everything["sku"]["name"]}
        inputs = {key: everything.get(key) for key in self.inputs if key not in self.place}
        outputs = {key: item for key, item in everything.items() if key in self.computed}
        outputs |= {"name": live["name"], "type": live["type"], "azureApiVersion": self.api_version}
        return Live(str(live["id"]), {**inputs, **self.placed(identity)}, outputs)

    def left_behind(self, inputs: Properties, known: Collection[str]) -> str | None:
        path = self.path(inputs)
        return path if self.cloud.found("GET", path, self.api_version) else None

    def update(self, identity: str, old: Properties, new: Properties) -> None:
        body = self.body(new)
        if self.tracked and "location" not in body:
            body["location"] = str(self.cloud.call("GET", identity, self.api_version)["location"])
        self.cloud.call("PUT", identity, self.api_version, body)

    def delete(self, identity: str, state: Properties) -> None:
        self.cloud.found("DELETE", identity, self.api_version)

    def derived(self, inputs: Properties) -> Properties:
        del inputs
        return {"azureApiVersion": self.api_version}

    def group(self, inputs: Properties) -> str:
        return f"/subscriptions/{self.cloud.subscription}/resourceGroups/{inputs['resourceGroupName']}"


def after(identity: str, segment: str) -> str:
    """What follows a segment in a resource id, whatever its letters' case; empty where it is not there."""
    parts = identity.strip("/").split("/")
    lowered = [part.lower() for part in parts]
    position = lowered.index(segment.lower()) if segment.lower() in lowered else len(parts)
    return parts[position + 1] if position + 1 < len(parts) else ""

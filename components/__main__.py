"""The components as a Pulumi package for every language: ``pulumi package add <this folder>`` makes the SDK."""

import sys
from importlib import metadata

from pulumi import ComponentResource, Inputs
from pulumi.errors import InputPropertyError
from pulumi.provider import main
from pulumi.provider.experimental.analyzer import PropertyDefinition
from pulumi.provider.experimental.component import ComponentProvider

import mendix_registry
from mendix_registry.cloud_sdk import MODULES, install_sdks

# The package offers the components of all clouds.
install_sdks(list(MODULES))

COMPONENTS: list[type[ComponentResource]] = [
    getattr(mendix_registry, name) for name in mendix_registry.__all__ if not name.endswith("Args")
]


class Provider(ComponentProvider):
    """The SDK's provider drops what a type does not declare, and outputs in the place of an object. Here both are errors."""

    def map_input_properties(
        self,
        inputs: Inputs,
        properties: dict[str, PropertyDefinition],
        mapping: dict[str, str],
        component_name: str,
        property_path: str,
    ) -> Inputs:
        _require_object(inputs, property_path)
        for key, value in inputs.items():
            path = f"{property_path}.{key}" if property_path else key
            definition = properties.get(key)
            if definition is None:
                raise InputPropertyError(path, f"{component_name} has no input {path}; it has {', '.join(properties)}")
            if value is not None and definition.ref and self.get_type_definition(definition):
                _require_object(value, path)
        return super().map_input_properties(inputs, properties, mapping, component_name, property_path)


def _require_object(value: object, path: str) -> None:
    if not isinstance(value, dict):
        raise InputPropertyError(path, f"{path} must be a plain object, not an output of a resource")


if __name__ == "__main__":
    main(Provider(COMPONENTS, "mendix-registry", version=metadata.version("mendix-registry")), sys.argv[1:])

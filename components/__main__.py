"""The components as a Pulumi package for every language: ``pulumi package add <this folder>`` makes the SDK."""

from importlib import metadata

from pulumi import ComponentResource
from pulumi.provider.experimental import component_provider_host

import mendix_registry
from mendix_registry.cloud_sdk import MODULES, install_sdks

# The package offers the components of all clouds.
install_sdks(list(MODULES))

COMPONENTS: list[type[ComponentResource]] = [
    getattr(mendix_registry, name) for name in mendix_registry.__all__ if not name.endswith("Args")
]

if __name__ == "__main__":
    component_provider_host(COMPONENTS, "mendix-registry", version=metadata.version("mendix-registry"))

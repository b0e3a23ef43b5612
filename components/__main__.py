"""The components as a Pulumi package for every language: ``pulumi package add <this folder>`` makes the SDK."""

from importlib import metadata

from pulumi import ComponentResource
from pulumi.provider.experimental import component_provider_host

from mendix_registry.cloud_sdk import MODULES, install_sdks

# The package offers the components of all clouds.
install_sdks(list(MODULES))

from mendix_registry.aws import EcrPushRole, EcrPushUser, EcrRegistry
from mendix_registry.azure import AcrIdentity, AcrPull, AcrPush, AcrRegistry, AcrToken
from mendix_registry.gcp import ArtifactRegistryRepository, DirectPushAccess, PushServiceAccount
from mendix_registry.stack import MendixRegistry

COMPONENTS: list[type[ComponentResource]] = [
    MendixRegistry,
    EcrRegistry,
    EcrPushRole,
    EcrPushUser,
    AcrRegistry,
    AcrIdentity,
    AcrPush,
    AcrPull,
    AcrToken,
    ArtifactRegistryRepository,
    PushServiceAccount,
    DirectPushAccess,
]

if __name__ == "__main__":
    component_provider_host(COMPONENTS, "mendix-registry", version=metadata.version("mendix-registry"))

"""The components as a Pulumi package for every language: ``pulumi package add <this folder>`` makes the SDK."""

import sys
from importlib import metadata
from pathlib import Path

# The components are one folder up; `pulumi package add` runs this file, not an installed distribution.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pulumi.provider.experimental import component_provider_host

from components.cloud_sdk import MODULES, install_sdks

# The package offers the components of all clouds.
install_sdks(list(MODULES))

from components.aws import EcrPushRole, EcrPushUser, EcrRegistry
from components.azure import AcrIdentity, AcrPull, AcrPush, AcrRegistry, AcrToken
from components.gcp import ArtifactRegistryRepository, DirectPushAccess, PushServiceAccount
from components.mendix_registry import MendixRegistry

COMPONENTS = [
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

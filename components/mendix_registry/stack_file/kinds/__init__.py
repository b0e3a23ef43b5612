"""The key ``mendix-registry:registry``: which registry, and how builds push to it and nodes pull from it.

A discriminated union on ``type``, whose values are mxpc-cli's. Each kind has a module here, its rules in
``mendix_registry.stack_file.rules``, a room of its own under ``components/`` and a page in ``docs/kinds``.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field

from mendix_registry.stack_file.kinds.aws import AmazonEcrRegistry
from mendix_registry.stack_file.kinds.azure import AzureRegistry
from mendix_registry.stack_file.kinds.gcp import GoogleRegistry
from mendix_registry.stack_file.kinds.generic import DockerSecretRegistry, GenericRegistry
from mendix_registry.stack_file.kinds.kind import RegistryKind
from mendix_registry.stack_file.kinds.openshift import OpenShift3Registry, OpenShift4Registry

Registry: TypeAlias = Annotated[
    GenericRegistry
    | DockerSecretRegistry
    | AmazonEcrRegistry
    | AzureRegistry
    | GoogleRegistry
    | OpenShift3Registry
    | OpenShift4Registry,
    Field(discriminator="type"),
]

KINDS: tuple[str, ...] = (
    "generic",
    "docker-secret",
    "amazon-ecr",
    "microsoft-acr",
    "google-gcr",
    "openshift3",
    "openshift4",
)
"""What ``registry.type`` may be."""

AUTHENTICATION_KEYS: dict[str, str] = {
    "authentication": "generic",
    "secretName": "docker-secret",
    "irsa": "amazon-ecr",
    "podIdentity": "amazon-ecr",
    "roleArn": "amazon-ecr",
    "workloadIdentity": "microsoft-acr and google-gcr",
    "clientId": "microsoft-acr",
    "gcpServiceAccount": "google-gcr",
}
"""Keys of ``registry`` that choose how builds authenticate, and the kind each belongs to: two of them in one stack file mean two
methods in one namespace, which Mendix cannot do."""

__all__ = [
    "AUTHENTICATION_KEYS",
    "KINDS",
    "AmazonEcrRegistry",
    "AzureRegistry",
    "DockerSecretRegistry",
    "GenericRegistry",
    "GoogleRegistry",
    "OpenShift3Registry",
    "OpenShift4Registry",
    "Registry",
    "RegistryKind",
]

"""The registry kinds: a folder for each, and the one table that lists them.

A kind's folder has ``settings`` (the key ``registry`` in the stack file), ``rules``, ``description`` (what follows from the
settings alone) and ``resources`` (what is made in the cloud and in the cluster); where a cloud limits what several stacks have
together, ``limits``. To add a kind, add its folder and a row.
"""

from __future__ import annotations

from collections.abc import Mapping

from mendix_registry.kinds.amazon_ecr.settings import AmazonEcrRegistry
from mendix_registry.kinds.docker_secret.settings import DockerSecretRegistry
from mendix_registry.kinds.generic.settings import GenericRegistry
from mendix_registry.kinds.google_gcr.settings import GoogleRegistry
from mendix_registry.kinds.kind import Kind
from mendix_registry.kinds.microsoft_acr.settings import AzureRegistry
from mendix_registry.kinds.openshift.settings import OpenShift3Registry, OpenShift4Registry

_TABLE = (
    Kind(GenericRegistry, "Generic"),
    Kind(DockerSecretRegistry, "DockerSecret"),
    Kind(AmazonEcrRegistry, "AmazonEcr"),
    Kind(AzureRegistry, "MicrosoftAcr"),
    Kind(GoogleRegistry, "GoogleGcr"),
    Kind(OpenShift3Registry, "OpenShift3"),
    Kind(OpenShift4Registry, "OpenShift4"),
)

KINDS: Mapping[str, Kind] = {kind.type: kind for kind in _TABLE}
"""What ``registry.type`` may be, which is mxpc-cli's word for each."""

__all__ = ["KINDS", "Kind"]

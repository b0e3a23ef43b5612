"""Facts about access in Google Cloud: roles, and the forms of members that are one ServiceAccount.

Source: cloud.google.com/artifact-registry/docs/access-control and
cloud.google.com/kubernetes-engine/docs/how-to/workload-identity.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from access_documents.verbs import ADMINISTER, DELETE, PULL, PUSH

ROLES: Final[Mapping[str, tuple[str, ...]]] = {
    "roles/artifactregistry.reader": PULL,
    "roles/artifactregistry.writer": PUSH,
    "roles/artifactregistry.createOnPushWriter": PUSH,
    "roles/artifactregistry.repoAdmin": DELETE,
    "roles/artifactregistry.admin": ADMINISTER,
    "roles/editor": DELETE,
    "roles/owner": ADMINISTER,
}
"""Roles that reach images, to what they allow there."""
WORKLOAD_IDENTITY: Final = "roles/iam.workloadIdentityUser"
ACTING_ROLES: Final = (WORKLOAD_IDENTITY, "roles/iam.serviceAccountTokenCreator")
"""Roles on a service account whose members act as it."""

WORKLOAD: Final = re.compile(r"serviceAccount:([^\[\]]+\.svc\.id\.goog)\[([^/\]]+)/([^\]]+)\]")
"""A ServiceAccount that acts as a service account: pool, namespace, name. Each may be a pattern."""
DIRECT: Final = re.compile(
    r"principal://[^/]+/projects/[^/]+/locations/global/workloadIdentityPools/([^/]+)/subject/ns/([^/]+)/sa/([^/]+)"
)
"""A ServiceAccount itself: pool, namespace, name."""


def registry_host(location: str) -> str:
    """The host of the repositories of a location."""
    return f"{location}-docker.pkg.dev"

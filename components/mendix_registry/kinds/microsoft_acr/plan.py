"""Which identities a stack with Azure Container Registry has: decided from the stack file alone."""

from __future__ import annotations

from mendix_registry.kinds.microsoft_acr.resource_ids import parse_resource_id
from mendix_registry.kinds.microsoft_acr.settings import WorkloadIdentityAuthentication
from mendix_registry.settings.stack import Namespace, Settings
from mendix_registry.sharding import shard


def identities(settings: Settings, authentication: WorkloadIdentityAuthentication) -> dict[str, list[Namespace]]:
    """The identities by name, each with the namespaces that it serves."""
    given = authentication.existing or authentication.import_
    if given:
        return {parse_resource_id(given).name: list(settings.namespaces)}
    prefix, count = authentication.name_prefix, authentication.shared_identities
    found: dict[str, list[Namespace]] = {}
    for namespace in settings.namespaces:
        ending = namespace.name if count is None else f"{shard(namespace.name, count) + 1:02d}"
        found.setdefault(f"{prefix}-{ending}", []).append(namespace)
    return found

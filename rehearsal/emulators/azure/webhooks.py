"""Azure's workload identity webhook: what it adds to a pod.

Source: github.com/Azure/azure-workload-identity, docs/book/src/topics/service-account-labels-and-annotations.md and
…/concepts.md. Not here: ``skip-containers`` and ``inject-proxy-sidecar``.
"""

from __future__ import annotations

from rehearsal.emulators.admission import Injection, Mutator, Object, Projection

_PREFIX = "azure.workload.identity/"
AUDIENCE = "api://AzureADTokenExchange"
_SECONDS = 3600


def workload_identity(tenant: str, authority: str, audience: str = AUDIENCE) -> Mutator:
    """For pods with the label ``azure.workload.identity/use: "true"``; the label on the ServiceAccount alone does nothing.

    ``tenant`` is the cluster's own, for ServiceAccounts that name none; ``authority`` the URL of Entra.
    """

    def mutate(pod: Object, account: Object) -> Injection | None:
        labels: dict[str, str] = pod.get("metadata", {}).get("labels") or {}
        if labels.get(f"{_PREFIX}use") != "true":
            return None
        annotations: dict[str, str] = account.get("metadata", {}).get("annotations") or {}
        own: dict[str, str] = pod.get("metadata", {}).get("annotations") or {}
        expiration = f"{_PREFIX}service-account-token-expiration"
        token = Projection(
            volume="azure-identity-token",
            directory="/var/run/secrets/azure/tokens",
            file="azure-identity-token",
            audience=audience,
            seconds=int(own.get(expiration) or annotations.get(expiration) or _SECONDS),
        )
        environment = {
            "AZURE_CLIENT_ID": annotations.get(f"{_PREFIX}client-id", ""),
            "AZURE_TENANT_ID": annotations.get(f"{_PREFIX}tenant-id") or tenant,
            "AZURE_FEDERATED_TOKEN_FILE": token.path,
            "AZURE_AUTHORITY_HOST": authority,
        }
        return Injection(environment, (token,))

    return mutate

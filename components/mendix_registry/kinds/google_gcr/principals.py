"""How a Kubernetes ServiceAccount is named in Google's policies.

Source: Google's page "About Workload Identity Federation for GKE". Both forms name one ServiceAccount in one namespace and nothing
else. What they do not name is the cluster: the same namespace and ServiceAccount in another cluster of the same pool is the same
identity ("identity sameness").
"""

from __future__ import annotations

WORKLOAD_IDENTITY_USER = "roles/iam.workloadIdentityUser"
WRITER = "roles/artifactregistry.writer"
READER = "roles/artifactregistry.reader"


def pool_member(pool: str, namespace: str, service_account: str) -> str:
    """Who may act as a Google service account: ``serviceAccount:PROJECT.svc.id.goog[NAMESPACE/NAME]``."""
    return f"serviceAccount:{pool}[{namespace}/{service_account}]"


def principal(project_number: str, pool: str, namespace: str, service_account: str, domain: str) -> str:
    """The ServiceAccount itself as a member. ``project_number`` is the number of the pool's project; the pool's name has its id."""
    return (
        f"principal://{domain}/projects/{project_number}/locations/global/workloadIdentityPools/{pool}"
        f"/subject/ns/{namespace}/sa/{service_account}"
    )

"""The clouds' write quotas, and what a resource costs of them when it is created.

Rates are per account, subscription or project: all stacks of a fleet share them, and so does everything else there. Sources stand
beside each figure; where a cloud publishes none, the title states it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from fleet.fleet_file import Quotas


@dataclass(frozen=True, slots=True)
class Rate:
    """A write quota: after ``burst`` calls at once, ``per_second``. ``title`` names it as its cloud does."""

    key: str
    title: str
    per_second: float
    burst: int = 0

    def seconds(self, calls: int) -> float:
        """How long ``calls`` take at least."""
        return max(0, calls - self.burst) / self.per_second


IDENTITY_CREDENTIAL = "azure-native:managedidentity:FederatedIdentityCredential"

CREDENTIALS = Rate("azure-credentials", "Azure credentials of one identity, in turn", 0.25)
"""Federated credentials of one managed identity are written one after the other, four seconds apart (Microsoft's page
"workload-identity-federation-considerations"). Other identities do not wait for them."""


def rates(quotas: Quotas) -> tuple[Rate, ...]:
    """The write quotas of all clouds."""
    return (
        # docs.aws.amazon.com/IAM: token buckets for each API, figures not published; "cannot be increased" (AWS re:Post).
        Rate("aws-iam", "AWS IAM writes per account (planning figure)", quotas.aws_iam_writes_per_second),
        Rate("aws-ecr", "Amazon ECR writes per account and region (planning figure)", quotas.aws_ecr_writes_per_second),
        Rate("aws-eks", "Amazon EKS associations per account (planning figure)", quotas.aws_eks_writes_per_second),
        # learn.microsoft.com "Understand how Azure Resource Manager throttles requests": bucket of 200, refilled 10 per second.
        Rate("azure-arm", "Azure Resource Manager writes per subscription", quotas.azure_writes_per_second, burst=200),
        # "workload-identity-federation-considerations".
        Rate("azure-identity", "Azure identity writes per subscription", quotas.azure_identity_writes_per_second),
        # cloud.google.com/iam/quotas: 600 writes per minute.
        Rate("google-iam", "Google IAM writes per project", quotas.google_iam_writes_per_minute / 60),
        # cloud.google.com/artifact-registry/quotas: 18,000 writes per minute, project and location.
        Rate(
            "google-artifact-registry",
            "Artifact Registry writes per project and location",
            quotas.google_artifact_registry_writes_per_minute / 60,
        ),
    )


_CALLS: Mapping[str, tuple[str, ...]] = {
    "aws:iam/": ("aws-iam",),
    "aws:ecr/": ("aws-ecr",),
    "aws:eks/": ("aws-eks",),
    "azure-native:managedidentity:": ("azure-arm", "azure-identity"),
    "azure-native:": ("azure-arm",),
    "gcp:serviceaccount/": ("google-iam",),
    "gcp:artifactregistry/": ("google-artifact-registry",),
}
"""What one creation counts for, by the beginning of the type; the longest that fits."""

_CLOUDS = {"aws": "AWS", "azure-native": "Azure", "gcp": "Google", "kubernetes": "Kubernetes"}


def cloud_of(token: str) -> str:
    """Whose resource it is."""
    return _CLOUDS.get(token.split(":", 1)[0], "other")


def count_calls(resources: Counter[str]) -> Counter[str]:
    """Writes by the key of the quota that they count for."""
    calls: Counter[str] = Counter()
    for token, count in resources.items():
        for prefix in sorted(_CALLS, key=len, reverse=True):
            if token.startswith(prefix):
                for key in _CALLS[prefix]:
                    calls[key] += count
                break
    return calls

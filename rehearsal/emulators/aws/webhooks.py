"""EKS's admission webhooks: what they add to a pod.

Sources: github.com/aws/amazon-eks-pod-identity-webhook (README: annotations and what is injected), for Pod Identity
docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html.
"""

from __future__ import annotations

from collections.abc import Callable

from rehearsal.emulators.admission import Injection, Mutator, Object, Projection
from rehearsal.emulators.aws.pod_identity import ADDRESS, AUDIENCE, PATH

_ANNOTATION = "eks.amazonaws.com/"


def web_identity(region: str) -> Mutator:
    """For pods whose ServiceAccount has ``eks.amazonaws.com/role-arn``. EKS sets the region to the cluster's."""

    def mutate(pod: Object, account: Object) -> Injection | None:
        del pod
        annotations: dict[str, str] = account.get("metadata", {}).get("annotations") or {}
        role = annotations.get(f"{_ANNOTATION}role-arn")
        if not role:
            return None
        token = Projection(
            volume="aws-iam-token",
            directory="/var/run/secrets/eks.amazonaws.com/serviceaccount",
            file="token",
            audience=annotations.get(f"{_ANNOTATION}audience", "sts.amazonaws.com"),
            seconds=int(annotations.get(f"{_ANNOTATION}token-expiration", "86400")),
        )
        environment = {
            "AWS_STS_REGIONAL_ENDPOINTS": "regional",
            "AWS_DEFAULT_REGION": region,
            "AWS_REGION": region,
            "AWS_ROLE_ARN": role,
            "AWS_WEB_IDENTITY_TOKEN_FILE": token.path,
        }
        return Injection(environment, (token,))

    return mutate


def pod_identity(region: str, associated: Callable[[str, str], bool]) -> Mutator:
    """For pods whose ServiceAccount has an association."""

    def mutate(pod: Object, account: Object) -> Injection | None:
        del pod
        metadata: Object = account.get("metadata", {})
        if not associated(metadata.get("namespace", ""), metadata.get("name", "")):
            return None
        token = Projection(
            volume="eks-pod-identity-token",
            directory="/var/run/secrets/pods.eks.amazonaws.com/serviceaccount",
            file="eks-pod-identity-token",
            audience=AUDIENCE,
        )
        environment = {
            "AWS_STS_REGIONAL_ENDPOINTS": "regional",
            "AWS_DEFAULT_REGION": region,
            "AWS_REGION": region,
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://{ADDRESS}{PATH}",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": token.path,
        }
        return Injection(environment, (token,))

    return mutate

"""Facts about access in AWS: actions, services, policies of AWS's own, and which resources carry policy documents.

Source: docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html and …/security-iam-awsmanpol.html.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Final

from access_documents.verbs import PULL, PUSH

POD_IDENTITY: Final = "pods.eks.amazonaws.com"
POD_TAGS: Final = ("eks-cluster-arn", "kubernetes-namespace", "kubernetes-service-account")
"""Tags of a session of EKS Pod Identity; a trust policy tests them as ``aws:RequestTag/…``."""
CREATION_SERVICE: Final = "ecr.amazonaws.com"
"""ECR itself, which creates repositories on push by a role."""
AUDIENCE: Final = "sts.amazonaws.com"
WEB_IDENTITY: Final = "sts:AssumeRoleWithWebIdentity"
"""The action that exchanges a ServiceAccount's token."""

LOGIN: Final = "ecr:GetAuthorizationToken"
"""Knows no resource."""
CREATION_ACTIONS: Final = ("ecr:CreateRepository", "ecr:TagResource")
REPOSITORY_ACTIONS: Final = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:CompleteLayerUpload",
    "ecr:DescribeRepositories",
    "ecr:GetDownloadUrlForLayer",
    "ecr:InitiateLayerUpload",
    "ecr:ListImages",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
    *CREATION_ACTIONS,
)
KEY_ACTIONS: Final = ("kms:CreateGrant", "kms:DescribeKey", "kms:RetireGrant")
"""What the creation of an encrypted repository needs on the key."""
_EXPECTED: Final = frozenset(action.lower() for action in (LOGIN, *REPOSITORY_ACTIONS, *KEY_ACTIONS))

DECISIVE_ACTIONS: Final[Mapping[str, str]] = {
    "pull": "ecr:GetDownloadUrlForLayer",
    "push": "ecr:PutImage",
    "create": "ecr:CreateRepository",
    "delete": "ecr:BatchDeleteImage",
    "administer": "ecr:SetRepositoryPolicy",
}
"""The one action without which a client cannot do what the verb means."""

MANAGED_POLICIES: Final[Mapping[str, tuple[str, ...]]] = {
    "AmazonEC2ContainerRegistryPullOnly": PULL,
    "AmazonEC2ContainerRegistryReadOnly": PULL,
    "AmazonEC2ContainerRegistryPowerUser": PUSH,
    "AmazonEC2ContainerRegistryFullAccess": ("pull", "push", "create", "delete", "administer"),
    "AdministratorAccess": ("pull", "push", "create", "delete", "administer"),
    "PowerUserAccess": ("pull", "push", "create", "delete", "administer"),
}
PULL_POLICIES: Final = tuple(
    f"arn:aws*:iam::aws:policy/{name}" for name, verbs in MANAGED_POLICIES.items() if verbs == PULL
)
"""Patterns of the ARNs of AWS's own policies that may be attached: they hold for every repository, and only to pull."""

IDENTITY_POLICIES: Final[Mapping[str, str]] = {
    "aws:iam/rolePolicy:RolePolicy": "policy",
    "aws:iam/userPolicy:UserPolicy": "policy",
    "aws:iam/groupPolicy:GroupPolicy": "policy",
    "aws:iam/policy:Policy": "policy",
}
REGISTRY_POLICY: Final = "aws:ecr/registryPolicy:RegistryPolicy"
RESOURCE_POLICIES: Final[Mapping[str, str]] = {
    "aws:ecr/repositoryPolicy:RepositoryPolicy": "policy",
    "aws:ecrpublic/repositoryPolicy:RepositoryPolicy": "policy",
    "aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate": "repositoryPolicy",
    REGISTRY_POLICY: "policy",
}
"""Types that carry a policy of a repository or registry, which itself names who may use it, and the input that holds it."""
POLICIES: Final[Mapping[str, str]] = {**IDENTITY_POLICIES, **RESOURCE_POLICIES}

REPOSITORY_ARN: Final = re.compile(r"arn:([^:]+):ecr:([^:]*):([^:]*):repository/(.+)")
"""Partition, region, account and name; each may be a pattern."""
DOMAINS: Final[Mapping[str, str]] = {
    "aws": "amazonaws.com",
    "aws-cn": "amazonaws.com.cn",
    "aws-us-gov": "amazonaws.com",
    "aws-iso": "c2s.ic.gov",
    "aws-iso-b": "sc2s.sgov.gov",
    "aws-iso-e": "cloud.adc-e.uk",
    "aws-iso-f": "csp.hci.ic.gov",
    "aws-eusc": "amazonaws.eu",
}
"""Partitions, to what their registries' hosts end in."""


def is_expected(action: str) -> bool:
    """Whether an action is one that a push needs. IAM's actions are not case-sensitive; a pattern never is one."""
    return action.lower() in _EXPECTED


def only_pulls(policy_arn: str) -> bool:
    """Whether a policy is one of AWS's own that allow nothing but to pull."""
    return any(fnmatchcase(policy_arn, pattern) for pattern in PULL_POLICIES)


def registry_host(partition: str, region: str, account: str) -> str:
    """The host of an account's registry in a region."""
    return f"{account}.dkr.ecr.{region}.{DOMAINS.get(partition, 'amazonaws.com')}"

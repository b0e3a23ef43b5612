"""The IAM documents of a push to Amazon ECR as compact JSON text: who may assume a role, and what it may do.

Pure text, so that the rules of the stack file can measure a document before anything exists. Keys stand in a fixed order and lists
are sorted: a document changes only when its meaning does.

Sources: AWS's minimum policy for a push (docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html); the claims of a
ServiceAccount's token (docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html); the session tags of EKS Pod
Identity (docs.aws.amazon.com/eks/latest/userguide/pod-id-abac.html).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal, TypeAlias

TRUST_POLICY_LIMIT = 2048
"""Characters of a role's trust policy in an account whose quota was not raised (quota ``ACLSizePerRole``)."""

LARGEST_TRUST_POLICY = 8192
"""The most that quota can be raised to."""

INLINE_POLICY_LIMIT = 10240
"""Characters of all inline policies of a role together; cannot be raised. A user has 2,048."""

USER_POLICY_LIMIT = 2048
"""Characters of all inline policies of a user together; cannot be raised."""

PUSH_ACTIONS = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:CompleteLayerUpload",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
)
"""The least that a push with go-containerregistry needs. It asks for the manifest first, hence ``BatchGetImage``."""

Permission: TypeAlias = Literal["pull", "describe", "create", "list"]
"""What may be added: ``pull`` layers (base images in the same repository), ``describe`` and ``create`` repositories
(Mendix's Operator from 2.13 looks for the repository and creates a missing one), ``list`` images (on Mendix's page since 2023)."""

OPTIONAL_ACTIONS: dict[Permission, str] = {
    "pull": "ecr:GetDownloadUrlForLayer",
    "describe": "ecr:DescribeRepositories",
    "create": "ecr:CreateRepository",
    "list": "ecr:ListImages",
}


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """A ServiceAccount of a namespace."""

    namespace: str
    service_account: str

    def __str__(self) -> str:
        """As it stands in the token's claim ``sub``."""
        return f"system:serviceaccount:{self.namespace}:{self.service_account}"


def issuer_of(provider_arn: str) -> str:
    """The issuer (without ``https://``) of an IAM OIDC provider, which is the end of its ARN.

    :raises ValueError: not the ARN of an OIDC provider.
    """
    issuer = provider_arn.partition(":oidc-provider/")[2]
    if not issuer:
        raise ValueError(f"{provider_arn!r} is not the ARN of an IAM OIDC provider")
    return issuer


def web_identity_trust(provider_arns: Sequence[str], audience: str, subjects: Iterable[Subject]) -> str:
    """Who may assume a role with a ServiceAccount's token (IRSA): exactly ``subjects``, by tokens that these clusters'
    issuers made for ``audience``.

    :raises ValueError: no provider, no subject, or something with a wildcard in it.
    """
    names = [str(subject) for subject in sorted(set(subjects))]
    _exact([*provider_arns, audience, *names])
    if not provider_arns or not names:
        raise ValueError("a trust policy needs at least one OIDC provider and one ServiceAccount")
    return _document(
        {
            "Effect": "Allow",
            "Principal": {"Federated": arn},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {
                "StringEquals": {f"{issuer_of(arn)}:aud": audience, f"{issuer_of(arn)}:sub": _one_or_more(names)}
            },
        }
        for arn in provider_arns
    )


def pod_identity_trust(cluster_arns: Sequence[str], subjects: Iterable[Subject]) -> str:
    """Who may assume a role by EKS Pod Identity: exactly ``subjects`` of these clusters.

    Without the conditions, every cluster of the account could use the role. Namespaces that share a ServiceAccount's name share a
    statement; no statement allows a pair that is not among the subjects.

    :raises ValueError: no cluster, no subject, or something with a wildcard in it.
    """
    pairs = sorted({(subject.service_account, subject.namespace) for subject in subjects})
    _exact([*cluster_arns, *(text for pair in pairs for text in pair)])
    if not cluster_arns or not pairs:
        raise ValueError("a trust policy needs at least one cluster and one ServiceAccount")
    return _document(
        {
            "Effect": "Allow",
            "Principal": {"Service": "pods.eks.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Condition": {
                "StringEquals": {
                    "aws:RequestTag/eks-cluster-arn": _one_or_more(list(cluster_arns)),
                    "aws:RequestTag/kubernetes-namespace": _one_or_more([namespace for _, namespace in group]),
                    "aws:RequestTag/kubernetes-service-account": account,
                }
            },
        }
        for account, group in groupby(pairs, key=lambda pair: pair[0])
    )


def push_policy(
    repository_arns: Iterable[str], permissions: Iterable[Permission] = (), *, create_below: bool = False
) -> str:
    """What a push to exactly these repositories needs.

    ``permissions`` are added on the same repositories. ``create_below``: also push to, and create, repositories whose names
    begin with one of these and a slash (an app's own repository, made by a creation template).

    :raises ValueError: no repository, or one with a wildcard in it.
    """
    repositories = sorted(set(repository_arns))
    _exact(repositories)
    if not repositories:
        raise ValueError("a push policy needs at least one repository")
    added = {OPTIONAL_ACTIONS[permission] for permission in permissions}
    below = [f"{arn}/*" for arn in repositories] if create_below else []
    statements: list[dict[str, Any]] = [
        {"Sid": "Authenticate", "Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
        {
            "Sid": "Push",
            "Effect": "Allow",
            "Action": sorted({*PUSH_ACTIONS, *added}),
            "Resource": _one_or_more([*repositories, *below]),
        },
    ]
    if create_below and "create" not in set(permissions):
        statements.append(
            {
                "Sid": "CreateBelow",
                "Effect": "Allow",
                "Action": OPTIONAL_ACTIONS["create"],
                "Resource": _one_or_more(below),
            }
        )
    return _document(statements)


def creation_template_trust() -> str:
    """ECR itself may assume the role of a creation template
    (docs.aws.amazon.com/AmazonECR/latest/userguide/repository-creation-templates-create-iam.html)."""
    return _document([{"Effect": "Allow", "Principal": {"Service": "ecr.amazonaws.com"}, "Action": "sts:AssumeRole"}])


def creation_template_policy(repository_arns: Iterable[str], key_arn: str | None) -> str:
    """What ECR needs to create repositories below these with tags, and with a KMS key where one is given."""
    below = [f"{arn}/*" for arn in sorted(set(repository_arns))]
    statements: list[dict[str, Any]] = [
        {
            "Sid": "Create",
            "Effect": "Allow",
            "Action": ["ecr:CreateRepository", "ecr:TagResource"],
            "Resource": _one_or_more(below),
        }
    ]
    if key_arn is not None:
        statements.append(
            {
                "Sid": "Encrypt",
                "Effect": "Allow",
                "Action": ["kms:CreateGrant", "kms:DescribeKey", "kms:RetireGrant"],
                "Resource": key_arn,
            }
        )
    return _document(statements)


def _exact(texts: Iterable[str]) -> None:
    for text in texts:
        if "*" in text or "?" in text or "${" in text:
            raise ValueError(
                f"{text!r} has a wildcard or a variable in it; trust and permission are for exact names only"
            )


def _one_or_more(values: list[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else values


def _document(statements: Iterable[dict[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, separators=(",", ":"))

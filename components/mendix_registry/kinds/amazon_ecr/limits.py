"""What stacks with Amazon ECR share: IAM, ECR and EKS count for the account."""

from __future__ import annotations

from collections.abc import Iterator

from mendix_registry.kinds.amazon_ecr.plan import managed
from mendix_registry.kinds.amazon_ecr.settings import AmazonEcrRegistry, Irsa, PodIdentity
from mendix_registry.settings.limits import (
    SEPARATE_STACK,
    Count,
    Limits,
    Owned,
    Rate,
    Shared,
    created_twice,
    same_names,
)
from mendix_registry.settings.stack import Settings


def _shared(registry: AmazonEcrRegistry) -> Iterator[Shared]:
    method = registry.authentication
    if isinstance(method, Irsa) and (method.oidc_provider.create or method.oidc_provider.import_):
        yield Shared(
            ("authentication", "oidcProvider"),
            "every stack would create or take over the cluster's OIDC provider",
            "an account has one for each issuer",
            f"create it {SEPARATE_STACK}, and give its ARN as existing",
        )
    if registry.node_roles:
        yield Shared(
            ("nodeRoles",),
            "every stack would give the nodes' roles the right to pull",
            "the first stack that is destroyed removes it for all",
            f"give it {SEPARATE_STACK}, or by the node group's own set-up, and remove the key",
        )
    # Without a prefix, the stack's name is one.
    if isinstance(method, Irsa | PodIdentity) and method.roles.shared and method.roles.name_prefix:
        yield same_names(("authentication", "roles", "namePrefix"), "roles", "mendix-{stack}")


def _owned(settings: Settings, registry: AmazonEcrRegistry) -> Iterator[Owned]:
    for repository in managed(settings, registry):
        yield created_twice(repository, "repositories.create: false")


LIMITS = Limits(
    cloud="AWS",
    rates=(
        # docs.aws.amazon.com/IAM: token buckets for each API, figures not published; "cannot be increased" (AWS re:Post).
        Rate("awsIamWritesPerSecond", "AWS IAM writes per account (planning figure)", ("aws:iam/",), 5),
        Rate("awsEcrWritesPerSecond", "Amazon ECR writes per account and region (planning figure)", ("aws:ecr/",), 10),
        Rate("awsEksWritesPerSecond", "Amazon EKS associations per account (planning figure)", ("aws:eks/",), 5),
    ),
    counts=(
        Count(
            "awsRoles",
            "IAM roles in the account",
            "aws:iam/role:Role",
            1000,
            ("authentication", "roles"),
            "set roles.shared, so that several namespaces of a stack share a role; or have the quota raised (up to 5,000) and "
            "write it as quotas.awsRoles; or use another account",
        ),
        Count(
            "awsUsers",
            "IAM users in the account",
            "aws:iam/user:User",
            5000,
            ("authentication",),
            "use the method irsa or pod-identity, which need no users",
        ),
        Count(
            "awsRepositories",
            "ECR repositories in the account and region",
            "aws:ecr/repository:Repository",
            100_000,
            ("repository",),
            "have the quota raised and write it as quotas.awsRepositories, or let namespaces share repositories",
        ),
    ),
    shared=_shared,
    owned=_owned,
    by_namespace=(
        ("authentication", "roles", "existing"),
        ("authentication", "roles", "import"),
        ("authentication", "users", "existing"),
        ("authentication", "users", "import"),
        ("authentication", "import"),
    ),
    by_repository=(("repositories", "existing"), ("repositories", "import")),
)

"""Which repositories and roles a stack with Amazon ECR has: decided from the stack file alone, so that rules can measure what the
component will create."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pulumi

from mendix_registry.kinds.amazon_ecr.iam_documents import (
    INLINE_POLICY_LIMIT,
    Subject,
    pod_identity_trust,
    push_policy,
    web_identity_trust,
)
from mendix_registry.kinds.amazon_ecr.settings import AmazonEcrRegistry, Irsa, PodIdentity, Roles, Users
from mendix_registry.names import bounded
from mendix_registry.settings.stack import Namespace, Settings
from mendix_registry.sharding import shard

NAME_LIMIT = 64
"""Characters of the name of a role or a user (botocore ``iam``)."""

_LONGEST_PARTITION = "aws-us-gov"
_LONGEST_REGION = "ap-southeast-1"
_ACCOUNT = "0" * 12


@dataclass(frozen=True, slots=True)
class RolePlan:
    """A role to create or to import: ``key`` is the end of its name, ``namespaces`` who shares it, ``import_id`` its name in
    IAM where it exists."""

    key: str
    namespaces: tuple[Namespace, ...]
    import_id: str | None = None

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """Exactly who may assume it."""
        return tuple(Subject(namespace.name, namespace.service_account.name) for namespace in self.namespaces)


def repositories(settings: Settings) -> tuple[str, ...]:
    """Every repository of the stack once, in the order of the namespaces."""
    return tuple(dict.fromkeys(settings.repository(namespace) for namespace in settings.namespaces))


def managed(settings: Settings, registry: AmazonEcrRegistry) -> tuple[str, ...]:
    """The repositories that this stack creates or takes over."""
    return tuple(name for name in repositories(settings) if is_managed(registry, name))


def is_managed(registry: AmazonEcrRegistry, repository: str) -> bool:
    """Whether this stack creates or takes over ``repository``, which is one of its namespaces'."""
    options = registry.repositories
    return repository in options.import_ or (options.create and repository not in options.existing)


def existing_role(roles: Roles, namespace: str) -> pulumi.Input[str] | None:
    """ARN of the role that exists for ``namespace``, or None where this stack has one."""
    return roles.existing.get(namespace, roles.existing_for_all)


def role_plans(roles: Roles, namespaces: Sequence[Namespace]) -> tuple[RolePlan, ...]:
    """The roles that this stack has for ``namespaces``, in a stable order."""
    own = [namespace for namespace in namespaces if existing_role(roles, namespace.name) is None]
    if roles.shared is None:
        return tuple(RolePlan(n.name, (n,), roles.import_.get(n.name)) for n in own)
    groups: dict[int, list[Namespace]] = defaultdict(list)
    for namespace in own:
        groups[shard(namespace.name, roles.shared)].append(namespace)
    return tuple(RolePlan(f"shared-{number}", tuple(groups[number])) for number in sorted(groups))


def role_name(roles: Roles, plan: RolePlan, stack: str) -> str:
    """The name of a role of the Pulumi stack ``stack``."""
    return plan.import_id or bounded(f"{_prefix(roles.name_prefix, stack)}-{plan.key}", NAME_LIMIT)


def user_name(users: Users, namespace: str, stack: str) -> str:
    """The name of the user of ``namespace`` in the Pulumi stack ``stack``: a new user's, or that of the one that exists."""
    given = users.existing.get(namespace) or users.import_.get(namespace)
    return given or bounded(f"{_prefix(users.name_prefix, stack)}-{namespace}", NAME_LIMIT)


def creation_role_name(stack: str) -> str:
    """The name of the role with which ECR creates repositories, in the Pulumi stack ``stack``."""
    return bounded(f"{_prefix(None, stack)}-ecr-creation", NAME_LIMIT)


def _prefix(given: str | None, stack: str) -> str:
    return given or f"mendix-{stack}"


def trust_length(registry: AmazonEcrRegistry, method: Irsa | PodIdentity, subjects: Sequence[Subject]) -> int:
    """Characters of the trust policy for ``subjects``; what only the cloud knows counts with its longest form."""
    partition = registry.known_partition or _LONGEST_PARTITION
    if isinstance(method, PodIdentity):
        region = method.cluster.region or registry.region or _LONGEST_REGION
        return len(
            pod_identity_trust([f"arn:{partition}:eks:{region}:{_ACCOUNT}:cluster/{method.cluster.name}"], subjects)
        )
    provider = method.oidc_provider
    issuer = (provider.issuer or "https://unknown").removeprefix("https://")
    arn = provider.existing or f"arn:{partition}:iam::{_ACCOUNT}:oidc-provider/{issuer}"
    return len(web_identity_trust([arn, *method.also_trust], method.audience, subjects))


def policy_length(settings: Settings, registry: AmazonEcrRegistry, plan: RolePlan) -> int:
    """Characters of the role's inline policy."""
    partition = registry.known_partition or _LONGEST_PARTITION
    region = registry.region or _LONGEST_REGION
    arns = {
        f"arn:{partition}:ecr:{region}:{_ACCOUNT}:repository/{settings.repository(namespace)}"
        for namespace in plan.namespaces
    }
    return len(push_policy(arns, registry.permissions, create_below=registry.repositories.create_on_push))


def fits(settings: Settings, registry: AmazonEcrRegistry, method: Irsa | PodIdentity, plan: RolePlan) -> bool:
    """Whether both documents of a role are within their limits."""
    return (
        trust_length(registry, method, plan.subjects) <= method.roles.trust_policy_limit
        and policy_length(settings, registry, plan) <= INLINE_POLICY_LIMIT
    )


def enough_roles(settings: Settings, registry: AmazonEcrRegistry, method: Irsa | PodIdentity) -> int | None:
    """A number of shared roles with which every document fits, close to the least, or None if not even one namespace's does."""
    everyone = RolePlan("everyone", tuple(settings.namespaces))
    # Fewer roles than this cannot be enough: each has at most its limit of what is now in one document.
    least = max(
        method.roles.shared or 1,
        trust_length(registry, method, everyone.subjects) // method.roles.trust_policy_limit,
        policy_length(settings, registry, everyone) // INLINE_POLICY_LIMIT,
    )
    for number in _numbers(least, len(settings.namespaces)):
        roles = method.roles.model_copy(update={"shared": number})
        if all(fits(settings, registry, method, plan) for plan in role_plans(roles, settings.namespaces)):
            return number
    return None


def _numbers(first: int, namespaces: int) -> Iterator[int]:
    number = first
    while number <= max(500, namespaces):
        yield number
        # Each step costs a hash for every namespace and role; a few roles more than the least are no harm.
        number = max(number + 1, number * 21 // 20)

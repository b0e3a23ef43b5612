"""What a stack with Amazon ECR names in AWS, and what it needs there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pulumi

from mendix_registry.kinds.amazon_ecr import plan as ecr_plan
from mendix_registry.kinds.amazon_ecr.partitions import partition_of
from mendix_registry.kinds.amazon_ecr.settings import (
    AmazonEcrRegistry,
    Irsa,
    OidcProvider,
    PodIdentity,
    Roles,
    StaticKeys,
)
from mendix_registry.settings.plan import CREATED, EXISTING, IMPORTED, PlannedIdentity, Prerequisite, each, given
from mendix_registry.settings.stack import Settings


def identities(settings: Settings, registry: AmazonEcrRegistry, stack: str) -> Mapping[str, PlannedIdentity]:
    """Each namespace's role (by its ARN where it exists) or user."""
    match registry.authentication:
        case StaticKeys() as method:
            return {namespace.name: _user(method, namespace.name, stack) for namespace in settings.namespaces}
        case Irsa() | PodIdentity() as method:
            return _roles(settings, method.roles, stack)


def prerequisites(settings: Settings, registry: AmazonEcrRegistry) -> Iterator[Prerequisite]:
    """Repositories, identities and keys that exist, and the cluster as AWS knows it."""
    options = registry.repositories
    managed = ecr_plan.managed(settings, registry)
    names = ecr_plan.repositories(settings)
    yield from each("ECR repository", (name for name in names if name not in managed or name in options.import_))
    yield from each("KMS key", [options.encryption.key])
    yield from each("IAM role", [options.creation_role, *registry.node_roles])
    match registry.authentication:
        case StaticKeys(existing_key=None) as method:
            yield from given("IAM user", method.users.existing, method.users.import_)
            yield from each("IAM policy", [method.users.permissions_boundary])
        case StaticKeys(existing_key=key):
            yield from each("IAM access key", [key.access_key_id if key else None])
        case Irsa() as method:
            yield from _provider(method.oidc_provider)
            yield from each("IAM OIDC provider", method.also_trust)
            yield from _existing_roles(settings, method.roles)
        case PodIdentity() as method:
            yield Prerequisite("EKS cluster", method.cluster.name)
            yield from _associations(settings, method)
            yield from _existing_roles(settings, method.roles)


def where(settings: Settings, registry: AmazonEcrRegistry, providers: Mapping[str, Any]) -> Mapping[str, Any]:
    """Account, region and partition, and with ``irsa`` the cluster's issuer."""
    region = registry.region or providers.get("aws:region")
    partition = registry.partition or (partition_of(region) if isinstance(region, str) else None)
    place = {"accountId": registry.account_id, "region": region, "partition": partition}
    if isinstance(registry.authentication, Irsa):
        provider = registry.authentication.oidc_provider
        _, _, path = (provider.existing or "").partition(":oidc-provider/")
        place["issuer"] = provider.issuer or (f"https://{path}" if path else None)
    return place


def _roles(settings: Settings, roles: Roles, stack: str) -> Mapping[str, PlannedIdentity]:
    found: dict[str, PlannedIdentity] = {}
    for plan in ecr_plan.role_plans(roles, settings.namespaces):
        name = ecr_plan.role_name(roles, plan, stack)
        role = PlannedIdentity("IAM role", name, IMPORTED if plan.import_id else CREATED)
        found |= {namespace.name: role for namespace in plan.namespaces}
    for namespace in settings.namespaces:
        existing = ecr_plan.existing_role(roles, namespace.name)
        if existing is not None:
            found[namespace.name] = PlannedIdentity("IAM role", _text(existing), EXISTING)
    return found


def _user(method: StaticKeys, namespace: str, stack: str) -> PlannedIdentity:
    if method.existing_key is not None:
        return PlannedIdentity("IAM access key", method.existing_key.access_key_id, EXISTING)
    users = method.users
    origin = EXISTING if namespace in users.existing else IMPORTED if namespace in users.import_ else CREATED
    return PlannedIdentity("IAM user", ecr_plan.user_name(users, namespace, stack), origin)


def _provider(provider: OidcProvider) -> Iterator[Prerequisite]:
    if provider.create:
        return
    yield from each("IAM OIDC provider", [provider.existing or provider.import_ or provider.issuer])


def _associations(settings: Settings, method: PodIdentity) -> Iterator[Prerequisite]:
    if method.associate:
        yield from each("EKS Pod Identity association", method.import_.values())
        return
    for namespace in settings.namespaces:
        yield Prerequisite("EKS Pod Identity association", f"{namespace.name}/{namespace.service_account.name}")


def _text(arn: pulumi.Input[str] | None) -> str | None:
    """An ARN that a stack file has; a program's output is not known here."""
    return arn if isinstance(arn, str) else None


def _existing_roles(settings: Settings, roles: Roles) -> Iterator[Prerequisite]:
    own = (_text(ecr_plan.existing_role(roles, namespace.name)) for namespace in settings.namespaces)
    yield from each("IAM role", [*dict.fromkeys(own), *roles.import_.values()])
    yield from each("IAM policy", [roles.permissions_boundary])

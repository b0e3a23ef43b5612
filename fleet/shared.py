"""What stacks of one fleet must not share: two stacks that create, or write to, the same thing fail at each other, or one deletes
what the other needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from fleet.fleet_file import Fleet
from fleet.problems import FleetProblem
from fleet.stacks import STACK_PLACEHOLDER, FleetStack
from mendix_registry.kinds.amazon_ecr import plan as ecr_plan
from mendix_registry.kinds.amazon_ecr.settings import AmazonEcrRegistry, Irsa, PodIdentity
from mendix_registry.kinds.google_gcr.settings import GoogleRegistry, RepositoryAddress, WorkloadIdentity
from mendix_registry.kinds.microsoft_acr.settings import AzureRegistry, WorkloadIdentityAuthentication
from mendix_registry.settings.references import NAMESPACE_PLACEHOLDER
from mendix_registry.stack_file import PROJECT

_REGISTRY = f"config.{PROJECT}:registry"
_OWN_STACK = "once, in a separate stack that is not part of the fleet"


def shared_problems(fleet: Fleet, stacks: Sequence[FleetStack]) -> tuple[FleetProblem, ...]:
    """What several stacks of this fleet would all create or write. A fleet of one stack shares nothing."""
    if fleet.stacks == 1 or not stacks:
        return ()
    return tuple(_problems(fleet, stacks))


def _problems(fleet: Fleet, stacks: Sequence[FleetStack]) -> Iterator[FleetProblem]:
    match stacks[0].settings.registry:
        case AmazonEcrRegistry() as registry:
            yield from _aws(fleet, registry)
        case AzureRegistry() as registry:
            yield from _azure(fleet, registry)
        case GoogleRegistry() as registry:
            yield from _google(fleet, registry, stacks)
        case _:
            pass
    yield from _repositories(stacks)


def _aws(fleet: Fleet, registry: AmazonEcrRegistry) -> Iterator[FleetProblem]:
    method = registry.authentication
    if isinstance(method, Irsa) and (method.oidc_provider.create or method.oidc_provider.import_):
        yield FleetProblem(
            f"{_REGISTRY}.authentication.oidcProvider",
            "every stack would create or take over the cluster's OIDC provider",
            "an account has one for each issuer",
            f"create it {_OWN_STACK}, and give its ARN as existing",
        )
    if registry.node_roles:
        yield FleetProblem(
            f"{_REGISTRY}.nodeRoles",
            "every stack would give the nodes' roles the right to pull",
            "the first stack that is destroyed removes it for all",
            f"give it {_OWN_STACK}, or by the node group's own set-up, and remove the key",
        )
    if isinstance(method, Irsa | PodIdentity) and method.roles.shared and method.roles.name_prefix:
        yield from _needs_number(fleet, ("authentication", "roles", "namePrefix"), "roles")


def _azure(fleet: Fleet, registry: AzureRegistry) -> Iterator[FleetProblem]:
    if not registry.existing:
        yield FleetProblem(
            f"{_REGISTRY}.{'import' if registry.import_ else 'name'}",
            "every stack would create or take over the registry",
            "there is one registry, and the stack that has it must be the only one",
            f"create it {_OWN_STACK}, and give its resource id as existing, with roleAssignmentMode",
        )
    if registry.kubelet_object_ids:
        yield FleetProblem(
            f"{_REGISTRY}.kubeletObjectIds",
            "every stack would let the nodes pull",
            "Azure rejects the second role assignment (RoleAssignmentExists), and the first stack that is destroyed deletes it",
            "write it in the stack of the registry, and remove it here",
        )
    method = registry.authentication
    if not isinstance(method, WorkloadIdentityAuthentication):
        return
    if method.existing or method.import_:
        yield FleetProblem(
            f"{_REGISTRY}.authentication.{'existing' if method.existing else 'import'}",
            "all stacks would write federated credentials of one managed identity",
            "it takes 20 of them, and one write at a time: Azure answers 409 to two stacks at once",
            "remove the key, so that each namespace gets an identity, or set sharedIdentities and namePrefix",
        )
    if method.shared_identities:
        yield from _needs_number(fleet, ("authentication", "namePrefix"), "managed identities")


def _google(fleet: Fleet, registry: GoogleRegistry, stacks: Sequence[FleetStack]) -> Iterator[FleetProblem]:
    method = registry.authentication
    if isinstance(method, WorkloadIdentity):
        if method.shards:
            yield from _needs_number(fleet, ("authentication", "serviceAccount"), "service accounts")
        if method.import_ and NAMESPACE_PLACEHOLDER not in method.import_:
            yield FleetProblem(
                f"{_REGISTRY}.authentication.import",
                "every stack would take over the same service account",
                "a resource belongs to one stack",
                f"take it over {_OWN_STACK}, and give it here as existing",
            )
    if registry.artifact_registry.existing and registry.node_service_accounts:
        owners: dict[RepositoryAddress | None, str] = {}
        for stack in stacks:
            for address in {registry.address(stack.settings.repository(n)) for n in stack.settings.namespaces}:
                if owners.setdefault(address, stack.name) != stack.name:
                    yield FleetProblem(
                        f"{_REGISTRY}.nodeServiceAccounts",
                        "several stacks would let the nodes read the same repository",
                        "the first stack that is destroyed removes this for all",
                        f"grant it {_OWN_STACK}, and remove the key",
                    )
                    return


def _needs_number(fleet: Fleet, keys: tuple[str, ...], what: str) -> Iterator[FleetProblem]:
    value: Any = fleet.config.get(f"{PROJECT}:registry")
    for key in keys:
        value = cast("Mapping[str, Any]", value).get(key) if isinstance(value, Mapping) else None
    if STACK_PLACEHOLDER not in str(value or ""):
        yield FleetProblem(
            f"{_REGISTRY}.{'.'.join(keys)}",
            f"the {what} that namespaces share would have the same names in every stack",
            "each stack needs its own names; two stacks would create the same one",
            f"put {STACK_PLACEHOLDER} into it, which becomes the stack's number, such as "
            f"{'builder-{stack}-{shard}' if keys[-1] == 'serviceAccount' else 'mendix-{stack}'}",
        )


def _repositories(stacks: Sequence[FleetStack]) -> Iterator[FleetProblem]:
    """Repositories that two stacks would create. Only the first is reported: where there is one, there are thousands."""
    owners: dict[str, str] = {}
    for stack in stacks:
        for repository in sorted(_created_repositories(stack)):
            other = owners.setdefault(repository, stack.name)
            if other != stack.name:
                existing = (
                    "repositories.create: false"
                    if isinstance(stack.settings.registry, AmazonEcrRegistry)
                    else "artifactRegistry.existing: true"
                )
                yield FleetProblem(
                    f"{_REGISTRY}.repository",
                    f"the repository {repository} would be created by the stack {other} and by {stack.name}",
                    "the second of them fails, and the first that is destroyed deletes it for all",
                    f"put {{namespace}} into it, so that each namespace has its own; "
                    f"or create it {_OWN_STACK}, and write {existing}",
                )
                return


def _created_repositories(stack: FleetStack) -> set[str]:
    settings = stack.settings
    match settings.registry:
        case AmazonEcrRegistry() as registry:
            return set(ecr_plan.managed(settings, registry))
        case GoogleRegistry() as registry if not registry.artifact_registry.existing:
            addresses = (registry.address(settings.repository(n)) for n in settings.namespaces)
            return {address.name for address in addresses if address}
        case _:
            return set()

"""How much of the clouds' limits on *numbers* a fleet takes: limits of the account, subscription, project or registry count over
all stacks together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fleet.fleet_file import Quotas
from fleet.problems import FleetProblem
from fleet.program import Registrations
from fleet.stacks import FleetStack
from mendix_registry.kinds.google_gcr.identity_rules import MAXIMUM_PRINCIPALS
from mendix_registry.kinds.google_gcr.settings import GoogleRegistry, WorkloadIdentity
from mendix_registry.kinds.microsoft_acr.rules import TOKENS
from mendix_registry.kinds.microsoft_acr.settings import AzureRegistry
from mendix_registry.stack_file import PROJECT

_AUTHENTICATION = f"config.{PROJECT}:registry.authentication"


@dataclass(frozen=True, slots=True)
class Amount:
    """``used`` of ``limit`` things by all stacks together. ``path`` and ``remedy`` are for when that is too much."""

    title: str
    used: int
    limit: int
    path: str
    remedy: str

    @property
    def exceeded(self) -> bool:
        """Whether the clouds would refuse the last of them."""
        return self.used > self.limit

    def problem(self) -> FleetProblem:
        """What to report when it is exceeded."""
        return FleetProblem(
            self.path,
            f"the fleet would have {self.used:,} {self.title}; {self.limit:,} are allowed",
            "the limit counts over all stacks together, and what exists there already comes on top",
            self.remedy,
        )


def amounts(stacks: Sequence[FleetStack], registered: Sequence[Registrations], quotas: Quotas) -> tuple[Amount, ...]:
    """The limits that this fleet touches."""
    return tuple(amount for amount in _amounts(stacks, registered, quotas) if amount.used)


def _amounts(stacks: Sequence[FleetStack], registered: Sequence[Registrations], quotas: Quotas) -> Iterator[Amount]:
    if not stacks:
        return
    total = sum((one.resources for one in registered), Counter[str]())
    yield from _by_type(total, quotas)
    match stacks[0].settings.registry:
        case AzureRegistry() as registry:
            yield Amount(
                "tokens of the registry",
                total["azure-native:containerregistry:Token"],
                TOKENS[registry.sku],
                _AUTHENTICATION,
                "use the method workload-identity, or a registry of a higher tier",
            )
        case GoogleRegistry() as registry:
            yield from _google(stacks, registry)
        case _:
            pass


def _by_type(total: Counter[str], quotas: Quotas) -> Iterator[Amount]:
    """Limits that are the account's, and count all resources of a type."""
    yield Amount(
        "IAM roles in the account",
        total["aws:iam/role:Role"],
        quotas.aws_roles,
        f"{_AUTHENTICATION}.roles",
        "set roles.shared, so that several namespaces of a stack share a role; or have the quota raised (up to 5,000) and "
        "write it as quotas.awsRoles; or use another account",
    )
    yield Amount(
        "IAM users in the account",
        total["aws:iam/user:User"],
        quotas.aws_users,
        _AUTHENTICATION,
        "use the method irsa or pod-identity, which need no users",
    )
    yield Amount(
        "ECR repositories in the account and region",
        total["aws:ecr/repository:Repository"],
        quotas.aws_repositories,
        f"config.{PROJECT}:registry.repository",
        "have the quota raised and write it as quotas.awsRepositories, or let namespaces share repositories",
    )
    yield Amount(
        "role assignments in the subscription",
        total["azure-native:authorization:RoleAssignment"],
        quotas.azure_role_assignments,
        _AUTHENTICATION,
        "set sharedIdentities, so that several namespaces of a stack share an identity and its role; or split the fleet by "
        "subscription",
    )


def _google(stacks: Sequence[FleetStack], first: GoogleRegistry) -> Iterator[Amount]:
    principals: Counter[str] = Counter()
    accounts: dict[str, set[str]] = {}
    for stack in stacks:
        registry = stack.settings.registry
        if not isinstance(registry, GoogleRegistry):
            continue
        method = registry.authentication
        pushers: set[tuple[str, str]] = set()
        for namespace in stack.settings.namespaces:
            address = registry.address(stack.settings.repository(namespace))
            pusher = namespace.name
            if isinstance(method, WorkloadIdentity):
                pusher = method.account(namespace.name)
                project = method.account_project(namespace.name) or registry.home_project or ""
                if not method.existing:
                    accounts.setdefault(project, set()).add(pusher)
            if address is not None:
                pushers.add((address.name, pusher))
        principals.update(repository for repository, _ in pushers)
    quota = first.authentication.service_account_quota if isinstance(first.authentication, WorkloadIdentity) else 0
    for project, names in sorted(accounts.items()):
        yield Amount(
            f"service accounts in the project {project}",
            len(names),
            quota,
            f"{_AUTHENTICATION}.serviceAccountQuota",
            "choose method: direct, which needs none; or set shards, with {stack} in serviceAccount; or have the quota raised and "
            "write it as serviceAccountQuota",
        )
    repository, count = max(principals.items(), key=lambda item: (item[1], item[0]), default=("", 0))
    if count > 1:
        yield Amount(
            f"principals in the policy of the repository {repository.rpartition('/')[2]}",
            count + len(set(first.node_service_accounts)),
            MAXIMUM_PRINCIPALS,
            f"config.{PROJECT}:registry.repository",
            "spread the namespaces over several repositories, such as one for each stack: put {stack} into the repository",
        )

"""Whether a cloud's registry lets a namespace's builder copy to a destination of ``builder.mirror``."""

from __future__ import annotations

from collections.abc import Iterator

from mendix_registry.stack_file import ecr_plan
from mendix_registry.stack_file.kinds import AmazonEcrRegistry, AzureRegistry, GoogleRegistry
from mendix_registry.stack_file.kinds.aws import StaticKeys
from mendix_registry.stack_file.kinds.azure import WorkloadIdentityAuthentication
from mendix_registry.stack_file.kinds.gcp import WorkloadIdentity
from mendix_registry.stack_file.problems import Location, Problem, Severity
from mendix_registry.stack_file.settings import Namespace, Settings


def check(settings: Settings, namespace: Namespace, repository: str, at: Location) -> Iterator[Problem]:
    """The problem of a ``repository`` that the builder of ``namespace`` may not push to. Only a warning where the identity is
    somebody else's, who may have allowed it more than this stack does."""
    own = settings.repository(namespace)
    match settings.registry:
        case AmazonEcrRegistry() as registry:
            below, key = registry.repositories.create_on_push, "registry.repositories.createOnPush"
        case AzureRegistry() as registry if registry.per_repository:
            below, key = registry.include_subrepositories, "registry.includeSubrepositories"
        case GoogleRegistry() as registry:
            address = registry.address(own)
            if address is not None and registry.address(repository) != address:
                yield _problem(settings, namespace, repository, at, address.name, "begin it with {repository}")
            return
        case _:
            return
    lies_below = repository.startswith(f"{own}/")
    if repository == own or (below and lies_below):
        return
    remedy = f"set {key}: true, or write it as {{repository}}:<tag>" if lies_below else "begin it with {repository}"
    yield _problem(settings, namespace, repository, at, own, remedy)


def _problem(settings: Settings, namespace: Namespace, repository: str, at: Location, own: str, remedy: str) -> Problem:
    """What this stack does not allow the builder is refused; where its identity is somebody else's, it is only warned of."""
    foreign = _identity_of_somebody_else(settings, namespace)
    return Problem(
        at,
        f"the builder of namespace {namespace.name!r} would copy to {repository!r}, but this stack allows it {own} only",
        "the registry denies the push" + (" unless somebody else has allowed it" if foreign else ""),
        remedy,
        Severity.WARNING if foreign else Severity.ERROR,
    )


def _identity_of_somebody_else(settings: Settings, namespace: Namespace) -> bool:
    match settings.registry:
        case AmazonEcrRegistry() as registry:
            return _of_somebody_else_at_amazon(registry, namespace.name)
        case AzureRegistry() as registry:
            azure = registry.authentication
            return isinstance(azure, WorkloadIdentityAuthentication) and bool(azure.existing or azure.import_)
        case GoogleRegistry() as registry:
            google = registry.authentication
            given = isinstance(google, WorkloadIdentity) and bool(google.existing or google.import_)
            return given or not google.grant
        case _:
            return False


def _of_somebody_else_at_amazon(registry: AmazonEcrRegistry, namespace: str) -> bool:
    method = registry.authentication
    if isinstance(method, StaticKeys):
        users = method.users
        return method.existing_key is not None or namespace in users.existing or namespace in users.import_
    return ecr_plan.existing_role(method.roles, namespace) is not None or namespace in method.roles.import_

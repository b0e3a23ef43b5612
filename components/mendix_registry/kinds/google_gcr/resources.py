"""The kind ``google-gcr``: the repositories of a stack's namespaces, and who pushes to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pulumi

from mendix_registry.kinds.google_gcr.direct import DirectPushAccess, DirectPushAccessArgs
from mendix_registry.kinds.google_gcr.grants import ArtifactRepositoryReference, IamCondition
from mendix_registry.kinds.google_gcr.repository import (
    ArtifactCleanupPolicy,
    ArtifactRegistryRepository,
    ArtifactRegistryRepositoryArgs,
)
from mendix_registry.kinds.google_gcr.service_account import PushServiceAccount, PushServiceAccountArgs
from mendix_registry.kinds.google_gcr.settings import (
    ArtifactRegistry,
    CleanupPolicy,
    Direct,
    GoogleRegistry,
    RepositoryAddress,
    WorkloadIdentity,
)
from mendix_registry.namespace_access import NamespaceAccess, ServiceAccountIdentity
from mendix_registry.namespace_access import WorkloadIdentity as PushesAs
from mendix_registry.place import RegistryPlace
from mendix_registry.service_account import ServiceAccountArgs
from mendix_registry.settings.stack import Namespace, Settings
from mendix_registry.settings.transport import TransportDecision, decide

SERVICE_ACCOUNT_ANNOTATION = "iam.gke.io/gcp-service-account"

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class GoogleGcr(RegistryPlace):
    """Artifact Registry for every namespace of a stack.

    Raises nothing: the stack file has been checked. ``access`` maps each namespace's name to its access. One component below it
    for each repository and for each identity, named after what is at Google, so that a namespace that comes or goes changes only
    its own.
    """

    def __init__(
        self, name: str, settings: Settings, registry: GoogleRegistry, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("mendix-registry:gcp:GoogleGcr", name, registry, opts)
        decision = decide(settings.push_host, registry.transport, only_https=registry.only_https)
        self._registry = registry
        addresses = {n.name: _address(settings, registry, n) for n in settings.namespaces}
        self._repositories = {
            address: ArtifactRegistryRepository(
                f"{self.prefix}{_name(address)}",
                _repository_args(registry, address),
                opts=pulumi.ResourceOptions(parent=self),
            )
            for address in dict.fromkeys(addresses.values())
        }
        if isinstance(registry.authentication, Direct):
            pushers = self._direct(settings, registry.authentication, addresses)
        else:
            pushers = self._service_accounts(settings, registry.authentication, addresses)
        access = {
            namespace.name: self._access(settings, namespace, decision, *pushers[namespace.name])
            for namespace in settings.namespaces
        }
        self.publish(settings.push_host, settings.pull_host, decision, access)

    def _direct(
        self, settings: Settings, authentication: Direct, addresses: Mapping[str, RepositoryAddress]
    ) -> dict[str, tuple[PushesAs, Mapping[str, pulumi.Input[str]], tuple[pulumi.Resource, ...]]]:
        pushers: dict[str, tuple[PushesAs, Mapping[str, pulumi.Input[str]], tuple[pulumi.Resource, ...]]] = {}
        for namespace in settings.namespaces:
            address = addresses[namespace.name]
            args: DirectPushAccessArgs = {
                "project_number": authentication.project_number,
                "workload_pool": self._registry.workload_pool,
                "service_account": _subject(namespace),
                "repositories": [self._reference(address)],
                "principal_domain": authentication.principal_domain,
                "grant": authentication.grant,
            }
            if authentication.condition:
                args["condition"] = _condition(authentication)
            made = DirectPushAccess(f"{self.prefix}{namespace.name}", args, opts=pulumi.ResourceOptions(parent=self))
            ready = (self._repositories[address], made)
            pushers[namespace.name] = (PushesAs(made.principal), {}, ready)
        return pushers

    def _service_accounts(
        self, settings: Settings, authentication: WorkloadIdentity, addresses: Mapping[str, RepositoryAddress]
    ) -> dict[str, tuple[PushesAs, Mapping[str, pulumi.Input[str]], tuple[pulumi.Resource, ...]]]:
        users: dict[str, list[Namespace]] = {}
        for namespace in settings.namespaces:
            users.setdefault(authentication.account(namespace.name), []).append(namespace)
        pushers: dict[str, tuple[PushesAs, Mapping[str, pulumi.Input[str]], tuple[pulumi.Resource, ...]]] = {}
        for namespaces in users.values():
            targets = list(dict.fromkeys(addresses[namespace.name] for namespace in namespaces))
            args = _service_account_args(self._registry, authentication, namespaces)
            args["repositories"] = [self._reference(address) for address in targets]
            name = f"{self.prefix}{authentication.resource_name(namespaces[0].name)}"
            made = PushServiceAccount(name, args, opts=pulumi.ResourceOptions(parent=self))
            for namespace in namespaces:
                address = addresses[namespace.name]
                user = f"{namespace.name}/{namespace.service_account.name}"
                granted = (made.account, made.users.get(user), made.writers.get(_name(address)))
                ready = (self._repositories[address], *(r for r in granted if r is not None))
                pushers[namespace.name] = (PushesAs(made.email), {SERVICE_ACCOUNT_ANNOTATION: made.email}, ready)
        return pushers

    def _reference(self, address: RepositoryAddress) -> ArtifactRepositoryReference:
        repository = self._repositories[address]
        return {
            "name": _name(address),
            "project": repository.project,
            "location": repository.location,
            "repository_id": repository.repository_id,
        }

    def _access(
        self,
        settings: Settings,
        namespace: Namespace,
        decision: TransportDecision,
        credentials: PushesAs,
        annotations: Mapping[str, pulumi.Input[str]],
        ready: tuple[pulumi.Resource, ...],
    ) -> NamespaceAccess:
        account = namespace.service_account
        return NamespaceAccess(
            namespace=namespace.name,
            kind=self._registry.type,
            push_host=settings.push_host,
            pull_host=settings.pull_host,
            repository=settings.repository(namespace),
            image_name_template=settings.image_name_template(namespace),
            transport=decision,
            identity=ServiceAccountIdentity(account.name, account.create, annotations),
            credentials=credentials,
            pull="node",
            ready=ready,
        )


def _address(settings: Settings, registry: GoogleRegistry, namespace: Namespace) -> RepositoryAddress:
    address = registry.address(settings.repository(namespace))
    if address is None:
        raise ValueError(f"{settings.repository(namespace)} names no repository; the rules should have rejected it")
    return address


def _name(address: RepositoryAddress) -> str:
    # A project has no dot unless it has a colon, and a repository none unless it is a gcr.io one: two never become one.
    return f"{address.project.replace(':', '.')}.{address.repository_id}"


def _subject(namespace: Namespace) -> ServiceAccountArgs:
    return {"namespace": namespace.name, "name": namespace.service_account.name}


def _condition(authentication: WorkloadIdentity | Direct) -> IamCondition:
    given = authentication.condition
    return cast("IamCondition", given.model_dump(exclude_none=True) if given else {})


def _service_account_args(
    registry: GoogleRegistry, authentication: WorkloadIdentity, namespaces: list[Namespace]
) -> PushServiceAccountArgs:
    first = namespaces[0].name
    account_id = authentication.account_id(first)
    project = registry.account_project(authentication, first)
    args: PushServiceAccountArgs = {
        "project": project,
        "account_id": account_id,
        "workload_pool": registry.workload_pool,
        "service_accounts": [_subject(namespace) for namespace in namespaces],
        "repositories": [],
        "grant": authentication.grant,
    }
    email = authentication.email(first)
    if email and authentication.existing:
        args["existing_email"] = email
    elif email:
        args["import_id"] = f"projects/{project}/serviceAccounts/{email}"
    else:
        whose = f"namespace {first}" if authentication.shards is None else account_id
        args["display_name"] = f"Mendix builder of {whose}"
        args["description"] = "Pushes app images to Artifact Registry. Made by mendix-registry."
    if authentication.condition:
        args["condition"] = _condition(authentication)
    return args


def _repository_args(registry: GoogleRegistry, address: RepositoryAddress) -> ArtifactRegistryRepositoryArgs:
    given = registry.artifact_registry
    args: ArtifactRegistryRepositoryArgs = {
        "project": address.project,
        "location": address.location,
        "repository_id": address.repository_id,
        "existing": given.existing,
        "immutable_tags": given.immutable_tags,
        "vulnerability_scanning": given.vulnerability_scanning.upper(),
        "cleanup_policies": _cleanup_policies(given),
        "cleanup_dry_run": given.cleanup.dry_run,
        "deletion_protection": given.deletion_protection,
        "readers": list(registry.node_service_accounts),
    }
    if given.import_:
        args["import_id"] = address.name
    if given.description:
        args["description"] = given.description
    if given.labels:
        args["labels"] = given.labels
    if given.kms_key_name:
        args["kms_key_name"] = given.kms_key_name
    return args


def _cleanup_policies(given: ArtifactRegistry) -> list[ArtifactCleanupPolicy]:
    return [_cleanup_policy(policy) for policy in given.cleanup.policies]


def _cleanup_policy(policy: CleanupPolicy) -> ArtifactCleanupPolicy:
    made: dict[str, Any] = {"id": policy.id, "action": policy.action.upper()}
    if policy.condition:
        condition: dict[str, Any] = {"tag_state": policy.condition.tag_state.upper()}
        for name in ("older_than", "newer_than"):
            value = getattr(policy.condition, name)
            if value:
                condition[name] = f"{int(value[:-1]) * _SECONDS[value[-1]]}s"
        for name in ("tag_prefixes", "package_name_prefixes", "version_name_prefixes"):
            if getattr(policy.condition, name):
                condition[name] = list(getattr(policy.condition, name))
        made["condition"] = condition
    if policy.most_recent_versions:
        recent = policy.most_recent_versions
        newest: dict[str, Any] = {"keep_count": recent.keep_count}
        if recent.package_name_prefixes:
            newest["package_name_prefixes"] = list(recent.package_name_prefixes)
        made["most_recent_versions"] = newest
    return cast("ArtifactCleanupPolicy", made)

"""The kind ``microsoft-acr``: from a stack's settings to each namespace's access."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_azure_native.containerregistry import get_registry_output, list_registry_credentials_output

from mendix_registry.docker_config import docker_config
from mendix_registry.kinds.microsoft_acr.identity import AcrIdentity, AcrIdentityArgs
from mendix_registry.kinds.microsoft_acr.plan import identities
from mendix_registry.kinds.microsoft_acr.registry import AcrRegistry, AcrRegistryArgs
from mendix_registry.kinds.microsoft_acr.resource_ids import parse_resource_id
from mendix_registry.kinds.microsoft_acr.roles import AcrPull, AcrPush
from mendix_registry.kinds.microsoft_acr.settings import (
    AdminAuthentication,
    AzureRegistry,
    TokenAuthentication,
    WorkloadIdentityAuthentication,
)
from mendix_registry.kinds.microsoft_acr.token import AcrToken
from mendix_registry.mxpc import configuration_file
from mendix_registry.namespace_access import (
    Anonymous,
    Credentials,
    NamespaceAccess,
    NewPullSecret,
    Pull,
    ServiceAccountIdentity,
    WorkloadIdentity,
)
from mendix_registry.place import RegistryPlace
from mendix_registry.settings.stack import Namespace, Settings
from mendix_registry.settings.transport import TransportDecision
from mendix_registry.settings.values import SecretText

PULL_SECRET_NAME = "mendix-registry"  # noqa: S105 - the name of an object, not a secret

USE_WORKLOAD_IDENTITY = {"azure.workload.identity/use": "true"}
"""The label that the webhook looks for on pods; on a ServiceAccount it has no effect."""

_CLIENT_ENVIRONMENT = {"usgovernment": "AzureUSGovernmentCloud", "china": "AzureChinaCloud"}
"""How the push client's helper names the sovereign clouds (go-autorest, ``AZURE_ENVIRONMENT``)."""


@dataclass(frozen=True, slots=True)
class _Found:
    """The registry, whether it exists or is made here. ``made`` is what has to be there before anyone pushes."""

    group: pulumi.Input[str]
    name: pulumi.Output[str]
    id: pulumi.Output[str]
    login_server: pulumi.Output[str]
    made: tuple[pulumi.Resource, ...] = ()


class MicrosoftAcr(RegistryPlace):
    """A registry in Azure and the access of each namespace to it.

    Raises nothing: the stack file has been checked. ``access`` maps each namespace's name to its access.
    """

    def __init__(
        self, name: str, settings: Settings, registry: AzureRegistry, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("mendix-registry:azure:MicrosoftAcr", name, registry, opts)
        self._settings, self._registry = settings, registry
        self._decision = TransportDecision(
            False, "Azure Container Registry is reached by https only", registry.transport.ca_certificate
        )
        self._found = self._find_registry(name)
        self._before = (*self._found.made, *self._attach(name))
        match registry.authentication:
            case WorkloadIdentityAuthentication() as authentication:
                access = self._by_workload_identity(name, authentication)
            case AdminAuthentication() as authentication:
                access = self._by_admin(authentication)
            case TokenAuthentication() as authentication:
                access = self._by_token(name, authentication)
        host = self._found.login_server
        self.publish(host, host, self._decision, access, registryId=self._found.id)

    def _find_registry(self, name: str) -> _Found:
        registry = self._registry
        if registry.existing:
            place = parse_resource_id(registry.existing)
            login_server = (
                pulumi.Output.from_input(registry.login_server)
                if registry.login_server
                else get_registry_output(
                    resource_group_name=place.resource_group,
                    registry_name=place.name,
                    opts=pulumi.InvokeOutputOptions(parent=self),
                ).login_server
            )
            return _Found(
                place.resource_group,
                pulumi.Output.from_input(place.name),
                pulumi.Output.from_input(registry.existing),
                login_server,
            )
        place = parse_resource_id(registry.import_) if registry.import_ else None
        group = place.resource_group if place else registry.resource_group or ""
        made = AcrRegistry(
            name,
            registry_arguments(registry, group, place.name if place else registry.name or ""),
            opts=pulumi.ResourceOptions(parent=self),
        )
        # A role of one mode has no effect in the other, so nothing pushes before the mode is set.
        return _Found(group, made.registry_name, made.registry_id, made.login_server, (made,))

    def _attach(self, name: str) -> list[AcrPull]:
        # Not needed to push, but the proof also pulls.
        return [
            AcrPull(
                f"{name}-pull-{object_id}",
                {"registry_id": self._found.id, "principal_id": object_id, "abac": self._registry.abac},
                opts=pulumi.ResourceOptions(parent=self),
            )
            for object_id in self._registry.kubelet_object_ids
        ]

    def _by_workload_identity(
        self, name: str, authentication: WorkloadIdentityAuthentication
    ) -> dict[str, NamespaceAccess]:
        access: dict[str, NamespaceAccess] = {}
        for identity_name, members in identities(self._settings, authentication).items():
            logical = f"{name}-{identity_name.removeprefix(authentication.name_prefix + '-')}"
            identity = AcrIdentity(
                logical,
                self._identity_arguments(authentication, identity_name, members),
                opts=pulumi.ResourceOptions(parent=self),
            )
            push = AcrPush(
                logical,
                {
                    "registry_id": self._found.id,
                    "principal_id": identity.principal_id,
                    "repositories": [self._settings.repository(namespace) for namespace in members],
                    "abac": self._registry.abac,
                    "include_subrepositories": self._registry.include_subrepositories,
                },
                opts=pulumi.ResourceOptions(parent=self),
            )
            for namespace in members:
                account = namespace.service_account
                access[namespace.name] = self._access(
                    namespace,
                    ServiceAccountIdentity(
                        account.name,
                        account.create,
                        annotations={
                            "azure.workload.identity/client-id": identity.client_id,
                            "azure.workload.identity/tenant-id": identity.tenant_id,
                        },
                        pod_labels=USE_WORKLOAD_IDENTITY,
                    ),
                    WorkloadIdentity(f"managed identity {identity_name}"),
                    "node",
                    build_pod_labels=USE_WORKLOAD_IDENTITY,
                    ready=(push, *identity.credentials[namespace.name, account.name]),
                )
        return access

    def _identity_arguments(
        self, authentication: WorkloadIdentityAuthentication, identity_name: str, members: list[Namespace]
    ) -> AcrIdentityArgs:
        registry = self._registry
        arguments: AcrIdentityArgs = {
            "issuer_urls": authentication.issuer_urls,
            "audience": authentication.audience,
            "service_accounts": [{"namespace": n.name, "name": n.service_account.name} for n in members],
            "tags": registry.tags,
        }
        if authentication.existing:
            return {**arguments, "existing_id": authentication.existing}
        if authentication.import_:
            group: pulumi.Input[str] = parse_resource_id(authentication.import_).resource_group
            arguments["import_id"] = authentication.import_
        else:
            group = registry.resource_group or self._found.group
        arguments["resource_group"], arguments["identity_name"] = group, identity_name
        location = authentication.location or registry.location
        if location:
            arguments["location"] = location
        return arguments

    def _by_admin(self, authentication: AdminAuthentication) -> dict[str, NamespaceAccess]:
        found = list_registry_credentials_output(
            resource_group_name=self._found.group,
            registry_name=self._found.name,
            opts=pulumi.InvokeOutputOptions(parent=self, depends_on=self._before),
        )
        username = found.apply(lambda result: result.username or "")
        password = pulumi.Output.secret(found).apply(
            lambda result: next(
                (p.value or "" for p in result.passwords or () if p.name == authentication.password), ""
            )
        )
        return {
            namespace.name: self._with_password(namespace, username, password)
            for namespace in self._settings.namespaces
        }

    def _by_token(self, name: str, authentication: TokenAuthentication) -> dict[str, NamespaceAccess]:
        access: dict[str, NamespaceAccess] = {}
        for namespace in self._settings.namespaces:
            token = AcrToken(
                f"{name}-{namespace.name}",
                {
                    "resource_group": self._found.group,
                    "registry_name": self._found.name,
                    "token_name": authentication.token_name(namespace.name),
                    "repositories": [self._settings.repository(namespace)],
                    "include_subrepositories": self._registry.include_subrepositories,
                },
                opts=pulumi.ResourceOptions(parent=self),
            )
            password = authentication.passwords.get(namespace.name)
            if not isinstance(password, SecretText):
                access[namespace.name] = self._access(
                    namespace, _account(namespace), Anonymous(), "none", pending="its token has no password"
                )
                continue
            access[namespace.name] = self._with_password(
                namespace, token.username, pulumi.Output.secret(password.value), (token,)
            )
        return access

    def _with_password(
        self,
        namespace: Namespace,
        username: pulumi.Output[str],
        password: pulumi.Output[str],
        ready: tuple[pulumi.Resource, ...] = (),
    ) -> NamespaceAccess:
        link = self._registry.links_pull_secret
        repository = self._settings.repository(namespace)

        def config(values: list[str]) -> str:
            return docker_config((values[0],), values[1], values[2])

        def file(values: list[str]) -> str:
            return configuration_file(
                namespace.name, values[0], values[0], repository, (values[1], values[2]), link=link
            )

        values = pulumi.Output.all(self._found.login_server, username, password)
        return self._access(
            namespace,
            _account(namespace),
            NewPullSecret(PULL_SECRET_NAME, pulumi.Output.secret(values.apply(config)), username),
            "linked-secret" if link else "node",
            mxpc=pulumi.Output.secret(values.apply(file)),
            ready=ready,
        )

    def _access(
        self,
        namespace: Namespace,
        identity: ServiceAccountIdentity,
        credentials: Credentials,
        pull: Pull,
        *,
        mxpc: pulumi.Output[str] | None = None,
        build_pod_labels: Mapping[str, str] | None = None,
        ready: tuple[pulumi.Resource, ...] = (),
        pending: str | None = None,
    ) -> NamespaceAccess:
        cloud = _CLIENT_ENVIRONMENT.get(self._registry.azure_environment)
        return NamespaceAccess(
            namespace=namespace.name,
            kind=self._registry.type,
            push_host=self._found.login_server,
            pull_host=self._found.login_server,
            repository=self._settings.repository(namespace),
            image_name_template=self._settings.image_name_template(namespace),
            transport=self._decision,
            identity=identity,
            credentials=credentials,
            pull=pull,
            mxpc_configuration=mxpc,
            build_pod_labels=build_pod_labels or {},
            environment={"AZURE_ENVIRONMENT": cloud} if cloud else {},
            ready=(*ready, *self._before),
            pending=pending,
        )


def registry_arguments(registry: AzureRegistry, group: str, name: str) -> AcrRegistryArgs:
    """The arguments of the registry that a stack file asks for."""
    arguments: AcrRegistryArgs = {
        "resource_group": group,
        "registry_name": name,
        "sku": registry.sku,
        "abac": registry.abac,
        "admin_user": isinstance(registry.authentication, AdminAuthentication),
        "public_network_access": registry.public_network_access,
        "trusted_services": registry.trusted_services,
        "data_endpoints": registry.data_endpoints,
        "zone_redundancy": registry.zone_redundancy,
        "allow_export": registry.allow_export,
        "tags": registry.tags,
        "protect": registry.deletion_protection,
    }
    if registry.location:
        arguments["location"] = registry.location
    if registry.allowed_ip_ranges is not None:
        arguments["allowed_ip_ranges"] = registry.allowed_ip_ranges
    if registry.retention_days is not None:
        arguments["retention_days"] = registry.retention_days
    if registry.import_:
        arguments["import_id"] = registry.import_
    key = registry.customer_key
    if key:
        arguments["customer_key"] = {
            "key_identifier": key.key_identifier,
            "identity_id": key.identity,
            "client_id": key.client_id,
        }
    return arguments


def _account(namespace: Namespace) -> ServiceAccountIdentity:
    return ServiceAccountIdentity(namespace.service_account.name, namespace.service_account.create)

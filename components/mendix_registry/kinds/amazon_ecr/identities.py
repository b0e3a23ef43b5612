"""Who pushes for each namespace: a role by IRSA or EKS Pod Identity, or a user's access key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
from pulumi_aws.eks import PodIdentityAssociation
from pulumi_aws.iam import OpenIdConnectProvider, get_open_id_connect_provider_output

from mendix_registry.kinds.amazon_ecr import plan as ecr_plan
from mendix_registry.kinds.amazon_ecr.location import Location, import_id
from mendix_registry.kinds.amazon_ecr.plan import RolePlan
from mendix_registry.kinds.amazon_ecr.push_role import DEFAULT_AUDIENCE, EcrPushRoleArgs, PushRole, push_role
from mendix_registry.kinds.amazon_ecr.push_user import EcrPushUser, EcrPushUserArgs, credentials_file
from mendix_registry.kinds.amazon_ecr.settings import (
    AmazonEcrRegistry,
    Irsa,
    OidcProvider,
    PodIdentity,
    Roles,
    StaticKeys,
)
from mendix_registry.namespace_access import Credentials, NewCredentialFile, WorkloadIdentity
from mendix_registry.place import RegistryPlace
from mendix_registry.settings.stack import Namespace, Settings

CREDENTIALS_SECRET = "mendix-registry"  # noqa: S105 - the name of an object, not a secret
"""Name of the Secret with an access key in each namespace."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who pushes for a namespace: its ``credentials``, ``annotations`` of its ServiceAccount, the role's ARN where there is
    one, and the resources after whose creation it may push."""

    credentials: Credentials
    annotations: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])
    role_arn: pulumi.Output[str] | None = None
    ready: tuple[pulumi.Resource, ...] = ()


@dataclass(frozen=True, slots=True)
class _Trust:
    """What roles trust: OIDC providers with an audience, or EKS clusters."""

    providers: list[pulumi.Input[str]] = field(default_factory=list[pulumi.Input[str]])
    audience: str = DEFAULT_AUDIENCE
    clusters: list[pulumi.Input[str]] = field(default_factory=list[pulumi.Input[str]])


class Identities:
    """Registers the identities of all namespaces as children of ``parent``. ``by_namespace`` has them by the namespace's name."""

    def __init__(
        self,
        settings: Settings,
        registry: AmazonEcrRegistry,
        location: Location,
        repository_arns: Mapping[str, pulumi.Output[str]],
        parent: RegistryPlace,
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._location = location
        self._repository_arns = repository_arns
        self._parent = parent
        match registry.authentication:
            case Irsa() as method:
                self.by_namespace = self._irsa(method)
            case PodIdentity() as method:
                self.by_namespace = self._pod_identity(method)
            case StaticKeys() as method:
                self.by_namespace = self._static(method)

    def _irsa(self, method: Irsa) -> dict[str, Identity]:
        providers = [self._oidc_provider(method.oidc_provider, method.audience), *method.also_trust]
        roles = self._roles(method.roles, _Trust(providers=providers, audience=method.audience))
        audience = {} if method.audience == DEFAULT_AUDIENCE else {"eks.amazonaws.com/audience": method.audience}
        return {
            name: Identity(
                WorkloadIdentity(role_arn), {"eks.amazonaws.com/role-arn": role_arn, **audience}, role_arn, ready
            )
            for name, (role_arn, ready) in roles.items()
        }

    def _oidc_provider(self, options: OidcProvider, audience: str) -> pulumi.Input[str]:
        if options.existing:
            return options.existing
        if not options.create and not options.import_:
            return get_open_id_connect_provider_output(
                url=options.issuer, opts=pulumi.InvokeOptions(parent=self._parent)
            ).arn
        provider = OpenIdConnectProvider(
            f"{self._parent.prefix}cluster",
            url=options.issuer or "",
            client_id_lists=[audience],
            thumbprint_lists=list(options.thumbprints) or None,
            tags=self._registry.tags or None,
            opts=pulumi.ResourceOptions(parent=self._parent, import_=options.import_, protect=True)
            if options.import_
            else pulumi.ResourceOptions(parent=self._parent),
        )
        return provider.arn

    def _pod_identity(self, method: PodIdentity) -> dict[str, Identity]:
        cluster = method.cluster
        arn = pulumi.Output.concat(
            "arn:",
            self._location.partition,
            ":eks:",
            cluster.region or self._location.region,
            ":",
            cluster.account_id or self._location.account_id,
            ":cluster/",
            cluster.name,
        )
        roles = self._roles(method.roles, _Trust(clusters=[arn]))
        identities: dict[str, Identity] = {}
        for namespace in self._settings.namespaces:
            role_arn, ready = roles[namespace.name]
            if method.associate:
                ready = (*ready, self._association(method, namespace, role_arn))
            identities[namespace.name] = Identity(WorkloadIdentity(role_arn), {}, role_arn, ready)
        return identities

    def _association(
        self, method: PodIdentity, namespace: Namespace, role_arn: pulumi.Input[str]
    ) -> PodIdentityAssociation:
        exists = method.import_.get(namespace.name)
        region = method.cluster.region or self._location.given_region
        return PodIdentityAssociation(
            f"{self._parent.prefix}{namespace.name}",
            cluster_name=method.cluster.name,
            namespace=namespace.name,
            service_account=namespace.service_account.name,
            role_arn=role_arn,
            region=region,
            tags=self._registry.tags or None,
            opts=pulumi.ResourceOptions(parent=self._parent, import_=import_id(exists, region), protect=True)
            if exists
            else pulumi.ResourceOptions(parent=self._parent),
        )

    def _roles(self, roles: Roles, trust: _Trust) -> dict[str, tuple[pulumi.Output[str], tuple[pulumi.Resource, ...]]]:
        """Each namespace's role, and the resources after whose creation it may push."""
        found: dict[str, tuple[pulumi.Output[str], tuple[pulumi.Resource, ...]]] = {}
        for plan in ecr_plan.role_plans(roles, self._settings.namespaces):
            role = self._role(roles, plan, trust)
            found |= {namespace.name: (role.arn, role.attached) for namespace in plan.namespaces}
        for namespace in self._settings.namespaces:
            existing = ecr_plan.existing_role(roles, namespace.name)
            if existing is not None:
                found[namespace.name] = (pulumi.Output.from_input(existing), ())
        return found

    def _role(self, roles: Roles, plan: RolePlan, trust: _Trust) -> PushRole:
        repositories = dict.fromkeys(self._settings.repository(namespace) for namespace in plan.namespaces)
        args: EcrPushRoleArgs = {
            "service_accounts": [
                {"namespace": subject.namespace, "name": subject.service_account} for subject in plan.subjects
            ],
            "repository_arns": [self._repository_arns[name] for name in repositories],
            "oidc_provider_arns": trust.providers,
            "audience": trust.audience,
            "cluster_arns": trust.clusters,
            "permissions": list(self._registry.permissions),
            "create_below": self._registry.repositories.create_on_push,
            "name": ecr_plan.role_name(roles, plan, pulumi.get_stack()),
            "path": roles.path,
            "session_seconds": roles.session_seconds,
            "tags": self._registry.tags,
        }
        if roles.permissions_boundary:
            args["permissions_boundary"] = roles.permissions_boundary
        if plan.import_id:
            args["import_name"] = plan.import_id
        return push_role(f"{self._parent.prefix}{plan.key}", args, self._parent)

    def _static(self, method: StaticKeys) -> dict[str, Identity]:
        key = method.existing_key
        if key is not None:
            content = credentials_file(key.access_key_id, pulumi.Output.secret(key.secret_access_key.value))
            return {n.name: Identity(_file(content, key.access_key_id)) for n in self._settings.namespaces}
        users = {namespace.name: self._user(method, namespace) for namespace in self._settings.namespaces}
        return {name: Identity(_file(u.credentials_file, u.user_name), ready=(u,)) for name, u in users.items()}

    def _user(self, method: StaticKeys, namespace: Namespace) -> EcrPushUser:
        users = method.users
        args: EcrPushUserArgs = {
            "repository_arns": [self._repository_arns[self._settings.repository(namespace)]],
            "permissions": list(self._registry.permissions),
            "create_below": self._registry.repositories.create_on_push,
            "rotation": method.rotation,
            "name": ecr_plan.user_name(users, namespace.name, pulumi.get_stack()),
            "path": users.path,
            "tags": self._registry.tags,
        }
        if users.permissions_boundary:
            args["permissions_boundary"] = users.permissions_boundary
        if namespace.name in users.existing:
            args["existing_name"] = users.existing[namespace.name]
        if namespace.name in users.import_:
            args["import_name"] = users.import_[namespace.name]
        return EcrPushUser(
            f"{self._parent.prefix}{namespace.name}", args, opts=pulumi.ResourceOptions(parent=self._parent)
        )


def _file(content: pulumi.Output[str], username: pulumi.Input[str]) -> NewCredentialFile:
    return NewCredentialFile(
        name=CREDENTIALS_SECRET,
        file="credentials",
        content=content,
        variable="AWS_SHARED_CREDENTIALS_FILE",
        username=username,
    )

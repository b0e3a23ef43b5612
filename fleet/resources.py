"""How many resources of which type a stack has, told from its settings alone. A test compares this with what the program
registers."""

from __future__ import annotations

from collections import Counter

from mendix_registry.kinds.amazon_ecr import plan as ecr_plan
from mendix_registry.kinds.amazon_ecr.settings import AmazonEcrRegistry, Irsa, PodIdentity, Repositories, StaticKeys
from mendix_registry.kinds.generic.settings import GenericRegistry
from mendix_registry.kinds.google_gcr.settings import GoogleRegistry, WorkloadIdentity
from mendix_registry.kinds.microsoft_acr import plan as acr_plan
from mendix_registry.kinds.microsoft_acr.settings import (
    AdminAuthentication,
    AzureRegistry,
    TokenAuthentication,
    WorkloadIdentityAuthentication,
)
from mendix_registry.kinds.openshift.settings import OpenShift3Registry, OpenShift4Registry
from mendix_registry.settings.transport import decide
from mendix_registry.stack_file import Namespace, Settings

JOB = "kubernetes:batch/v1:Job"
"""What takes longest: a push, or a node's pull."""

IDENTITY_CREDENTIAL = "azure-native:managedidentity:FederatedIdentityCredential"
ROLE_ASSIGNMENT = "azure-native:authorization:RoleAssignment"
SERVICE_ACCOUNT = "gcp:serviceaccount/account:Account"
REPOSITORY_MEMBER = "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember"
ROLE = "aws:iam/role:Role"
USER = "aws:iam/user:User"
ECR_REPOSITORY = "aws:ecr/repository:Repository"


def count_resources(settings: Settings) -> Counter[str]:
    """Resources by Pulumi's type token, without providers and components."""
    counts: Counter[str] = Counter()
    match settings.registry:
        case AmazonEcrRegistry() as registry:
            counts += _aws(settings, registry)
        case AzureRegistry() as registry:
            counts += _azure(settings, registry)
        case GoogleRegistry() as registry:
            counts += _google(settings, registry)
        case _:
            pass
    copies = settings.copies()
    for namespace in settings.namespaces:
        counts += _kubernetes(settings, namespace, copied=bool(copies.get(namespace.name)))
    return +counts


def azure_identities(settings: Settings, authentication: WorkloadIdentityAuthentication) -> dict[str, int]:
    """How many namespaces each managed identity of the stack serves, by its name."""
    return {name: len(members) for name, members in acr_plan.identities(settings, authentication).items()}


def _aws(settings: Settings, registry: AmazonEcrRegistry) -> Counter[str]:
    counts: Counter[str] = Counter()
    options = registry.repositories
    managed = len(ecr_plan.managed(settings, registry))
    counts[ECR_REPOSITORY] += managed
    if _has_lifecycle(options):
        counts["aws:ecr/lifecyclePolicy:LifecyclePolicy"] += managed
    if options.create_on_push and managed:
        counts["aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate"] += managed
        if options.creation_role is None and (registry.tags or options.encryption.type != "AES256"):
            counts[ROLE] += 1
            counts["aws:iam/rolePolicy:RolePolicy"] += 1
    nodes = {role.rpartition("/")[2] for role in registry.node_roles}
    counts["aws:iam/rolePolicyAttachment:RolePolicyAttachment"] += len(nodes)
    match registry.authentication:
        case Irsa() | PodIdentity() as method:
            roles = len(ecr_plan.role_plans(method.roles, settings.namespaces))
            counts[ROLE] += roles
            counts["aws:iam/rolePolicy:RolePolicy"] += roles
            if isinstance(method, Irsa):
                provider = method.oidc_provider
                if not provider.existing and (provider.create or provider.import_):
                    counts["aws:iam/openIdConnectProvider:OpenIdConnectProvider"] += 1
            elif method.associate:
                counts["aws:eks/podIdentityAssociation:PodIdentityAssociation"] += len(settings.namespaces)
        case StaticKeys() as method:
            if method.existing_key is None:
                made = sum(1 for n in settings.namespaces if n.name not in method.users.existing)
                counts[USER] += made
                counts["aws:iam/userPolicy:UserPolicy"] += made
                counts["aws:iam/accessKey:AccessKey"] += len(settings.namespaces)
            counts["kubernetes:core/v1:Secret"] += len(settings.namespaces)
    return counts


def _has_lifecycle(options: Repositories) -> bool:
    rules = options.lifecycle
    return rules.policy is not None or rules.untagged_days is not None or rules.keep_tagged is not None


def _azure(settings: Settings, registry: AzureRegistry) -> Counter[str]:
    counts: Counter[str] = Counter()
    if not registry.existing:
        counts["azure-native:containerregistry:Registry"] += 1
        counts["azure-native:resources:Deployment"] += 0 if registry.import_ else 1
    counts[ROLE_ASSIGNMENT] += len(registry.kubelet_object_ids)
    match registry.authentication:
        case WorkloadIdentityAuthentication() as method:
            identities = len(azure_identities(settings, method))
            if not method.existing:
                counts["azure-native:managedidentity:UserAssignedIdentity"] += identities
            counts[IDENTITY_CREDENTIAL] += len(settings.namespaces) * len(method.issuer_urls)
            counts[ROLE_ASSIGNMENT] += identities
        case TokenAuthentication():
            counts["azure-native:containerregistry:ScopeMap"] += len(settings.namespaces)
            counts["azure-native:containerregistry:Token"] += len(settings.namespaces)
        case AdminAuthentication():
            pass
    return counts


def _google(settings: Settings, registry: GoogleRegistry) -> Counter[str]:
    counts: Counter[str] = Counter()
    addresses = {n.name: registry.address(settings.repository(n)) for n in settings.namespaces}
    if not registry.artifact_registry.existing:
        counts["gcp:artifactregistry/repository:Repository"] += len(set(addresses.values()))
    counts[REPOSITORY_MEMBER] += len(set(addresses.values())) * len(set(registry.node_service_accounts))
    method = registry.authentication
    if not isinstance(method, WorkloadIdentity):
        counts[REPOSITORY_MEMBER] += len(settings.namespaces) if method.grant else 0
        return counts
    accounts = {n.name: method.account(n.name) for n in settings.namespaces}
    if not method.existing:
        counts[SERVICE_ACCOUNT] += len(set(accounts.values()))
    if method.grant:
        counts["gcp:serviceaccount/iAMMember:IAMMember"] += len(settings.namespaces)
        counts[REPOSITORY_MEMBER] += len({(accounts[name], address) for name, address in addresses.items()})
    return counts


def _kubernetes(settings: Settings, namespace: Namespace, *, copied: bool) -> Counter[str]:
    counts: Counter[str] = Counter()
    registry, operator, builder = settings.registry, settings.operator_configuration, settings.builder
    if namespace.create:
        counts["kubernetes:core/v1:Namespace"] += 1
    if _creates_account(settings, namespace):
        counts["kubernetes:core/v1:ServiceAccount"] += 1
    secret, linked, pending = _pull_secret(settings, namespace)
    counts["kubernetes:core/v1:Secret"] += 1 if secret else 0
    # One reads the list, the other writes it.
    counts["kubernetes:core/v1:ServiceAccountPatch"] += 2 if linked else 0
    if isinstance(registry, OpenShift3Registry | OpenShift4Registry):
        counts["kubernetes:rbac.authorization.k8s.io/v1:RoleBinding"] += 1 if registry.create_role_binding else 0
        if isinstance(registry, OpenShift4Registry) and not _insecure(settings):
            counts["kubernetes:core/v1:ConfigMap"] += 1
    if operator.adopt != "none":
        kind = "OperatorConfiguration" if operator.adopt == "create" else "OperatorConfigurationPatch"
        counts[f"kubernetes:privatecloud.mendix.com/v1alpha1:{kind}"] += 1
        if operator.trust_ca_certificate and registry.transport.ca_certificate:
            counts["kubernetes:core/v1:Secret"] += 1
    if builder.mode == "none" or pending:
        return counts
    counts["kubernetes:core/v1:ConfigMap"] += 1
    counts[JOB] += 1
    if builder.mode == "build":
        counts["kubernetes:core/v1:Secret"] += 1 if builder.build and builder.build.mda.url else 0
    elif not (builder.mode == "mirror" and copied) and builder.prove_node_pull:
        counts[JOB] += 1
    return counts


def _creates_account(settings: Settings, namespace: Namespace) -> bool:
    if isinstance(settings.registry, OpenShift3Registry | OpenShift4Registry):
        # OpenShift makes its own; it is the stack's only where the stack file says so.
        return "service_account" in namespace.model_fields_set and namespace.service_account.create
    return namespace.service_account.create


def _pull_secret(settings: Settings, namespace: Namespace) -> tuple[bool, bool, bool]:
    """Whether the stack makes a pull secret, links it, and waits for a password that is not there yet."""
    registry = settings.registry
    link = bool(getattr(registry, "link_to_default_service_account", False))
    match registry:
        case GenericRegistry() if registry.authentication == "none":
            return False, False, False
        case GenericRegistry():
            return True, registry.link_to_default_service_account is not False, False
        case AzureRegistry() if isinstance(registry.authentication, AdminAuthentication | TokenAuthentication):
            if isinstance(registry.authentication, TokenAuthentication):
                password = registry.authentication.passwords.get(namespace.name, "pending")
                if password == "pending":  # noqa: S105 - the word, not a secret
                    return False, False, True
            if registry.link_to_default_service_account is None:
                link = not registry.kubelet_object_ids
            return True, link, False
        case AzureRegistry():
            return False, False, False
        case _:
            return False, link, False


def _insecure(settings: Settings) -> bool:
    registry = settings.registry
    return decide(settings.push_host, registry.transport, only_https=registry.only_https).insecure

"""The kind ``amazon-ecr`` of a stack: its repositories, its identities, and how each namespace uses them."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
from pulumi_aws.iam import RolePolicyAttachment

from mendix_registry.kinds.amazon_ecr import plan as ecr_plan
from mendix_registry.kinds.amazon_ecr.identities import Identities, Identity
from mendix_registry.kinds.amazon_ecr.lifecycle import lifecycle_policy
from mendix_registry.kinds.amazon_ecr.location import locate
from mendix_registry.kinds.amazon_ecr.mxpc import configuration_file
from mendix_registry.kinds.amazon_ecr.registry import EcrRegistry, EcrRegistryArgs
from mendix_registry.kinds.amazon_ecr.settings import AmazonEcrRegistry, Irsa, Repositories, StaticKeys
from mendix_registry.namespace_access import NamespaceAccess, ServiceAccountIdentity
from mendix_registry.place import RegistryPlace
from mendix_registry.settings.stack import Namespace, Settings
from mendix_registry.settings.transport import TransportDecision

PULL_POLICY = "policy/AmazonEC2ContainerRegistryPullOnly"
"""AWS's managed policy for nodes: pull from every repository of the account that lets them, nothing else."""


class AmazonEcr(RegistryPlace):
    """Amazon ECR for every namespace of a stack, pushed to by IRSA, EKS Pod Identity or access keys.

    ``access`` maps each namespace's name to its access.
    """

    def __init__(
        self, name: str, settings: Settings, registry: AmazonEcrRegistry, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("mendix-registry:aws:AmazonEcr", name, registry, opts)
        self._settings = settings
        self._registry = registry
        self._location = locate(registry, self)
        arns = {name: self._location.repository_arn(name) for name in ecr_plan.repositories(settings)}
        self._repositories = self._create_repositories(name, arns)
        identities = Identities(settings, registry, self._location, arns, self).by_namespace
        self._pull_by_nodes()
        decision = TransportDecision(False, "Amazon ECR is only reached by https", registry.transport.ca_certificate)
        access = {
            namespace.name: self._access(namespace, identities[namespace.name], decision)
            for namespace in settings.namespaces
        }
        self.publish(self._location.host, self._location.host, decision, access)

    def _create_repositories(self, name: str, arns: Mapping[str, pulumi.Output[str]]) -> EcrRegistry | None:
        names = ecr_plan.managed(self._settings, self._registry)
        options = self._registry.repositories
        # Builders may create below every repository, so the template must be there for those of others too.
        prefixes = ecr_plan.repositories(self._settings) if options.create_on_push else ()
        if not names and not prefixes:
            return None
        args: EcrRegistryArgs = {
            "repositories": list(names),
            "imports": list(options.import_),
            "immutable_tags": options.immutable_tags,
            "mutable_tags": list(options.mutable_tags),
            "scan_on_push": options.scan_on_push,
            "encryption_type": options.encryption.type,
            "deletion_protection": options.deletion_protection,
            "create_on_push": options.create_on_push,
            "creation_prefixes": list(prefixes),
            "creation_role_name": ecr_plan.creation_role_name(pulumi.get_stack()),
            "repository_arns": pulumi.Output.all(**arns),
            "tags": self._registry.tags,
        }
        identities = self._registry.authentication
        owners = identities.users if isinstance(identities, StaticKeys) else identities.roles
        args["creation_role_path"] = owners.path
        if owners.permissions_boundary:
            args["creation_role_boundary"] = owners.permissions_boundary
        if options.lifecycle_is_given:
            args["lifecycle_policy"] = _lifecycle(options)
        if options.encryption.key:
            args["kms_key"] = options.encryption.key
        if options.creation_role:
            args["creation_role_arn"] = options.creation_role
        if self._location.given_region:
            args["region"] = self._location.given_region
        return EcrRegistry(name, args, opts=pulumi.ResourceOptions(parent=self))

    def _pull_by_nodes(self) -> None:
        policy = pulumi.Output.concat("arn:", self._location.partition, ":iam::aws:", PULL_POLICY)
        for role in dict.fromkeys(text.rpartition("/")[2] for text in self._registry.node_roles):
            RolePolicyAttachment(
                f"{self.prefix}pull-{role}", role=role, policy_arn=policy, opts=pulumi.ResourceOptions(parent=self)
            )

    def _access(self, namespace: Namespace, identity: Identity, decision: TransportDecision) -> NamespaceAccess:
        repository = self._settings.repository(namespace)
        account = namespace.service_account
        return NamespaceAccess(
            namespace=namespace.name,
            kind=self._registry.type,
            push_host=self._location.host,
            pull_host=self._location.host,
            repository=repository,
            image_name_template=self._settings.image_name_template(namespace),
            transport=decision,
            identity=ServiceAccountIdentity(account.name, account.create, identity.annotations),
            credentials=identity.credentials,
            pull="node",
            mxpc_configuration=self._mxpc(namespace, repository, identity),
            environment=self._environment(),
            ready=(
                *identity.ready,
                *(self._repositories.ready(repository) if self._repositories is not None else ()),
            ),
        )

    def _environment(self) -> Mapping[str, pulumi.Input[str]]:
        environment: dict[str, pulumi.Input[str]] = {
            "AWS_REGION": self._location.region,
            # The client would keep the registry's token in a file, and the Job's root file system is read-only.
            "AWS_ECR_DISABLE_CACHE": "true",
        }
        if self._registry.endpoint.startswith("fips"):
            environment["AWS_USE_FIPS_ENDPOINT"] = "true"
        if self._registry.endpoint.endswith("dual-stack"):
            environment["AWS_USE_DUALSTACK_ENDPOINT"] = "true"
        return environment

    def _mxpc(self, namespace: Namespace, repository: str, identity: Identity) -> pulumi.Output[str] | None:
        if not isinstance(self._registry.authentication, Irsa) or identity.role_arn is None:
            return None
        return pulumi.Output.all(self._location.host, self._location.region, identity.role_arn).apply(
            lambda known: configuration_file(
                namespace.name, known[0], known[1], repository, known[2], namespace.service_account.name
            )
        )


def _lifecycle(options: Repositories) -> str:
    if options.lifecycle.policy is not None:
        return options.lifecycle.policy
    return lifecycle_policy(options.lifecycle.untagged_days, options.lifecycle.keep_tagged) or ""

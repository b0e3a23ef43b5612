"""Amazon ECR: ``amazon-ecr`` with the methods ``irsa``, ``pod-identity`` and ``static``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import Field

from mendix_registry.kinds.amazon_ecr.iam_documents import LARGEST_TRUST_POLICY, TRUST_POLICY_LIMIT, Permission
from mendix_registry.kinds.amazon_ecr.partitions import Endpoint, Partition, ecr_host, partition_of
from mendix_registry.kinds.amazon_ecr.values import (
    AccountId,
    Audience,
    ClusterName,
    IamPath,
    Issuer,
    KeyArn,
    NamePrefix,
    NodeRole,
    OidcProviderArn,
    PolicyArn,
    Region,
    RepositoryName,
    RoleArn,
    RoleName,
    TagFilter,
    Tags,
    Thumbprint,
    UserName,
)
from mendix_registry.settings.references import NamespaceName
from mendix_registry.settings.registry_kind import RegistryKind
from mendix_registry.settings.section import Section
from mendix_registry.settings.values import MaybeOutput, OrOutput, Secret, Text


class Encryption(Section):
    """How images are encrypted at rest. ECR cannot change it later: another value replaces the repository."""

    type: Literal["AES256", "KMS", "KMS_DSSE"] = "AES256"
    """``AES256``: ECR's own key; ``KMS``: a key of AWS KMS; ``KMS_DSSE``: two layers of it."""

    key: KeyArn | None = None
    """The KMS key's ARN. Default: AWS's own key for ECR."""


class Lifecycle(Section):
    """Which images ECR deletes by itself."""

    untagged_days: Annotated[int, Field(ge=1, le=3650)] | None = 14
    """Images without a tag are deleted after so many days; ``null`` keeps them. Where tags may be moved, one without a tag may
    still run."""

    keep_tagged: Annotated[int, Field(ge=1, le=10000)] | None = None
    """So many of the newest tagged images are kept, older ones are deleted, those of running apps too. Default: all."""

    policy: Text | None = None
    """A lifecycle policy in ECR's own JSON form, instead of the two keys above. AWS's rules for it are checked."""


class Repositories(Section):
    """The repositories: which this stack creates, and what protects them."""

    create: bool = True
    """Whether this stack creates them. ``false``: all exist, in this or another account, and are left as they are."""

    existing: tuple[RepositoryName, ...] = ()
    """Repositories that exist and are left as they are."""

    import_: tuple[RepositoryName, ...] = Field(default=(), alias="import")
    """Repositories that exist and that this stack takes over; always protected from deletion."""

    immutable_tags: bool = True
    """Whether a tag that was pushed can never be moved to another image."""

    mutable_tags: Annotated[tuple[TagFilter, ...], Field(max_length=5)] = ()
    """With ``immutableTags``: tags that may be moved nevertheless, such as ``dev-*``."""

    scan_on_push: bool = True
    """Whether each pushed image is scanned. A scanning configuration of the whole registry overrides it."""

    encryption: Encryption = Encryption()
    """How images are encrypted at rest."""

    lifecycle: Lifecycle = Lifecycle()
    """Which images ECR deletes by itself. Repositories under ``import`` keep the lifecycle policy they have, or have none,
    unless this key is given: it then replaces theirs."""

    deletion_protection: bool = True
    """Whether a repository that still has images cannot be deleted by this stack."""

    create_on_push: bool = False
    """Whether a push to ``<repository>/<anything>`` creates that repository, so that each app may have its own
    (``imageNameTemplate: '{repository}/{{.Name}}:…'``). The builder may then create repositories there. This also
    holds for repositories that are left as they are."""

    creation_role: RoleArn | None = None
    """With ``createOnPush``: the existing role with which ECR tags and encrypts what it creates. Default: one is created where
    tags or a KMS key need it, with path and permissions boundary of the roles (or users)."""

    @property
    def lifecycle_is_given(self) -> bool:
        """Whether the stack file itself sets what ECR deletes."""
        return "lifecycle" in self.model_fields_set


class OidcProvider(Section):
    """The cluster's OIDC provider in IAM: exactly one of ``existing`` and ``issuer``."""

    existing: OidcProviderArn | None = None
    """ARN of the provider that exists (eksctl and most modules create it)."""

    issuer: Issuer | None = None
    """URL of the cluster's issuer; the provider is looked up by it, or created."""

    create: bool = False
    """With ``issuer``: whether this stack creates the provider. An account has one for each issuer, shared by all stacks."""

    import_: OidcProviderArn | None = Field(default=None, alias="import")
    """With ``issuer``: the provider's ARN; this stack takes it over and protects it."""

    thumbprints: tuple[Thumbprint, ...] = ()
    """SHA-1 thumbprints of the issuer's authority, only for an issuer whose certificate no public authority signed."""


class Roles(Section):
    """The roles that builders assume: one for each namespace, unless they are shared."""

    name_prefix: NamePrefix | None = None
    """Beginning of the roles' names. Default: ``mendix-<stack>``."""

    path: IamPath = "/"
    """Path of the roles."""

    permissions_boundary: PolicyArn | None = None
    """Policy that bounds what the roles may do."""

    session_seconds: Annotated[int, Field(ge=3600, le=43200)] = 3600
    """Longest session, in seconds."""

    shared: Annotated[int, Field(ge=1, le=500)] | None = None
    """All namespaces share so many roles. A namespace's role depends on its name and this number alone: no namespace moves
    when another comes or goes. Namespaces of one role may push to each other's repositories."""

    trust_policy_limit: Annotated[int, Field(ge=TRUST_POLICY_LIMIT, le=LARGEST_TRUST_POLICY)] = TRUST_POLICY_LIMIT
    """Most characters of a trust policy: the account's quota 'Role trust policy length'."""

    existing: dict[NamespaceName, Annotated[MaybeOutput, OrOutput(RoleArn)]] = Field(
        default_factory=dict[str, MaybeOutput]
    )
    """Namespace → ARN of its role that exists and is left as it is, trust and permissions included."""

    existing_for_all: Annotated[MaybeOutput, OrOutput(RoleArn)] | None = None
    """ARN of one such role for all namespaces that are not under ``existing``."""

    import_: dict[NamespaceName, RoleName] = Field(default_factory=dict[str, str], alias="import")
    """Namespace → name of its role that exists and that this stack takes over and protects."""


class Irsa(Section):
    """IAM roles for ServiceAccounts: the builder's token is exchanged for the role (Mendix's recommended mode)."""

    method: Literal["irsa"]

    oidc_provider: OidcProvider
    """The cluster's OIDC provider."""

    also_trust: tuple[OidcProviderArn, ...] = ()
    """Providers of further clusters whose ServiceAccounts of the same namespaces and names may use the same roles."""

    audience: Audience = "sts.amazonaws.com"
    """What the token is made for. The same in all partitions, China included, unless your provider has another."""

    roles: Roles = Roles()
    """The roles."""


class EksCluster(Section):
    """The EKS cluster that the namespaces are in."""

    name: ClusterName
    """Its name."""

    region: Region | None = None
    """Its region. Default: the registry's."""

    account_id: AccountId | None = None
    """Its account, which is also the account of the roles. Default: the registry's."""


class PodIdentity(Section):
    """EKS Pod Identity: an association in EKS gives the role to a plain ServiceAccount. Not on Fargate."""

    method: Literal["pod-identity"]

    cluster: EksCluster
    """The EKS cluster; its Pod Identity Agent (an add-on) must run."""

    associate: bool = True
    """Whether this stack creates the associations. ``false``: they exist."""

    import_: dict[NamespaceName, str] = Field(default_factory=dict[str, str], alias="import")
    """Namespace → ``<cluster name>,<association id>`` that this stack takes over and protects."""

    roles: Roles = Roles()
    """The roles."""


class AccessKey(Section):
    """An access key that exists."""

    access_key_id: Text
    """Its id."""

    secret_access_key: Secret
    """Its secret part."""


class Users(Section):
    """The IAM users whose access keys builders have: one for each namespace."""

    name_prefix: NamePrefix | None = None
    """Beginning of the users' names. Default: ``mendix-<stack>``."""

    path: IamPath = "/"
    """Path of the users."""

    permissions_boundary: PolicyArn | None = None
    """Policy that bounds what the users may do."""

    existing: dict[NamespaceName, UserName] = Field(default_factory=dict[str, str])
    """Namespace → name of its user that exists and is left as it is; only its access key is created."""

    import_: dict[NamespaceName, UserName] = Field(default_factory=dict[str, str], alias="import")
    """Namespace → name of its user that exists and that this stack takes over and protects."""


class StaticKeys(Section):
    """Access keys in a Secret. Neither AWS nor Mendix recommends them; for clusters outside of EKS."""

    method: Literal["static"]

    users: Users = Users()
    """The users."""

    rotation: Annotated[int, Field(ge=1)] = 1
    """A counter; raising it by one creates new keys, proves them, and then deletes the old ones."""

    existing_key: AccessKey | None = None
    """A key that exists, for all namespaces. Then no user and no key is created."""


EcrAuthentication: TypeAlias = Annotated[Irsa | PodIdentity | StaticKeys, Field(discriminator="method")]


class AmazonEcrRegistry(RegistryKind):
    """Amazon ECR, the private registry of an AWS account in one region."""

    sdk: ClassVar[str | None] = "aws"
    authentication_keys: ClassVar[tuple[str, ...]] = ("irsa", "podIdentity", "roleArn")
    program_inputs: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "roleArn": ("authentication", "roles", "existingForAll"),
        "password": ("authentication", "existingKey", "secretAccessKey"),
    }
    cloud: ClassVar[bool] = True
    only_https: ClassVar[bool] = True

    type: Literal["amazon-ecr"]

    region: Region | None = None
    """The registry's region. Default: the provider's (``aws:region``, ``AWS_REGION``)."""

    account_id: AccountId | None = None
    """The registry's account. Default: the provider's. Given here, previews know the registry's host."""

    partition: Partition | None = None
    """Default: the one that the region belongs to."""

    endpoint: Endpoint = "standard"
    """Which of ECR's host names is used. Private endpoints (VPC) keep the standard ones."""

    authentication: EcrAuthentication
    """How builds authenticate: ``method`` is ``irsa``, ``pod-identity`` or ``static``."""

    repositories: Repositories = Repositories()
    """The repositories: which are created, and what protects them."""

    permissions: tuple[Permission, ...] = ()
    """What builders may do beside a push: ``pull`` layers, ``describe`` repositories, ``create`` a missing one,
    ``list`` images."""

    node_roles: tuple[NodeRole, ...] = ()
    """Names or ARNs of node roles that get the right to pull (AWS's AmazonEC2ContainerRegistryPullOnly). Managed node
    groups usually have it."""

    tags: Tags = Field(default_factory=dict[str, str])
    """Tags of everything that is created in AWS."""

    @property
    def known_partition(self) -> Partition | None:
        """The partition as far as the stack file determines it."""
        return self.partition or (partition_of(self.region) if self.region else None)

    @property
    def hosts(self) -> tuple[str, str]:
        partition = self.known_partition
        if self.account_id is None or self.region is None or partition is None:
            return "", ""
        try:
            host = ecr_host(self.account_id, self.region, partition, self.endpoint)
        except ValueError:  # a rule reports it
            return "", ""
        return host, host

"""Azure Container Registry: ``microsoft-acr`` with ``workload-identity``, ``admin`` or ``token``.

Sources: the models of ``azure-mgmt-containerregistry`` 15.0 and ``azure-mgmt-msi`` 7.1 (values), Microsoft's pages on workload
identity federation and on ABAC repository permissions (``reference/limits.md``, 2.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag

from mendix_registry.kinds.microsoft_acr.values import (
    ClientId,
    IdentityId,
    IpRange,
    IssuerUrl,
    KeyUrl,
    NamePrefix,
    ObjectId,
    RegistryId,
    RegistryName,
    ResourceGroup,
)
from mendix_registry.names import bounded, digest
from mendix_registry.settings.references import Host
from mendix_registry.settings.registry_kind import RegistryKind
from mendix_registry.settings.section import Section
from mendix_registry.settings.values import Secret

CREDENTIALS_PER_IDENTITY = 20
"""Most federated credentials of one managed identity (workload-identity-federation-considerations)."""

MOST_SHARED = 100

AUDIENCE = "api://AzureADTokenExchange"


class WorkloadIdentityAuthentication(Section):
    """The builder's ServiceAccount is a managed identity; there is no password. Needs Mendix Operator 2.13 or newer."""

    method: Literal["workload-identity"]

    issuer_urls: Annotated[tuple[IssuerUrl, ...], Field(min_length=1)]
    """The OIDC issuers of the clusters whose namespaces may push, usually one: ``az aks show --query
    oidcIssuerProfile.issuerUrl``. Compared as text with the tokens' ``iss``."""

    audience: Literal[
        "api://AzureADTokenExchange",
        "api://AzureADTokenExchangeUSGov",
        "api://AzureADTokenExchangeChina",
        "api://AzureADTokenExchangeUSNat",
        "api://AzureADTokenExchangeUSSec",
    ] = AUDIENCE
    """The audience of the trusted tokens. The workload identity webhook of AKS makes tokens for the default in every cloud; the
    others are for sovereign clouds whose clusters were set up for them."""

    shared_identities: Annotated[int, Field(ge=1, le=MOST_SHARED)] | None = None
    """How many managed identities the namespaces share, each trusted by at most 20. Default: one identity for each namespace,
    so that no namespace can push as another."""

    existing: IdentityId | None = None
    """Resource id of one managed identity for all namespaces, which exists and stays as it is; only credentials and role are
    added."""

    import_: Annotated[IdentityId | None, Field(alias="import")] = None
    """Resource id of one managed identity for all namespaces, which this stack takes over (and never deletes)."""

    name_prefix: NamePrefix = "mendix-registry"
    """Beginning of the identities' names. Two stacks in one resource group need different ones."""

    location: str | None = None
    """Region of the identities, where the registry's has no federated credentials. Default: ``registry.location``."""


class AdminAuthentication(Section):
    """The registry's one admin user: one password for everything in it."""

    method: Literal["admin"]

    password: Literal["password", "password2"] = "password"  # noqa: S105 - which of two, not a secret
    """Which of the admin user's two passwords: to rotate, regenerate the other one, then switch."""


def _password_form(value: Any) -> str:
    return "<pending>" if value == "pending" else "<secret>"


TokenPassword: TypeAlias = Annotated[
    Annotated[Literal["pending"], Tag("<pending>")] | Annotated[Secret, Tag("<secret>")], Discriminator(_password_form)
]


class TokenAuthentication(Section):
    """One token for each namespace, which may push to that namespace's repository and nowhere else."""

    method: Literal["token"]

    passwords: dict[str, TokenPassword]
    """For each namespace its token's password, which Azure shows only once, to whoever generates it: ``az acr token credential
    generate``. The token must exist before that, so a new namespace begins with the word ``pending``."""

    name_prefix: NamePrefix = "mendix"
    """Beginning of the names of tokens and scope maps."""

    def token_name(self, namespace: str) -> str:
        """The name of a namespace's token: readable, 5 to 50 letters, digits and dashes, never that of another namespace."""
        name = f"{self.name_prefix}-{namespace}"
        return bounded(name, 50) if len(name) >= 5 else f"{name}-{digest(name)}"


Authentication: TypeAlias = Annotated[
    WorkloadIdentityAuthentication | AdminAuthentication | TokenAuthentication, Field(discriminator="method")
]


class CustomerKey(Section):
    """Your own key that encrypts the registry. Cannot be removed again (Premium)."""

    key_identifier: KeyUrl
    """The key's URL in Key Vault; without a version the registry follows rotations."""

    identity: IdentityId
    """Resource id of a managed identity that may wrap and unwrap with the key."""

    client_id: ClientId
    """That identity's client id."""


class AzureRegistry(RegistryKind):
    """Azure Container Registry."""

    sdk: ClassVar[str | None] = "azure"
    authentication_keys: ClassVar[tuple[str, ...]] = ("workloadIdentity", "clientId")
    program_inputs: ClassVar[Mapping[str, tuple[str, ...]]] = {"tokenPasswords": ("authentication", "passwords")}
    cloud: ClassVar[bool] = True
    only_https: ClassVar[bool] = True

    type: Literal["microsoft-acr"]

    authentication: Authentication
    """How builds authenticate: ``{method: workload-identity, …}``, ``{method: admin}`` or ``{method: token}``."""

    name: RegistryName | None = None
    """Name of the registry that this stack creates: 5 to 50 letters and digits, unique in the world."""

    existing: RegistryId | None = None
    """Instead of ``name``: the resource id of a registry that exists and stays as it is."""

    import_: Annotated[RegistryId | None, Field(alias="import")] = None
    """Instead of ``name``: the resource id of a registry that this stack takes over. The settings here must be its own; it is
    never deleted."""

    login_server: Host | None = None
    """With ``existing``: its login server, where the deploying identity may not read it. Otherwise it is read, never built: its
    name can have a hash in it."""

    resource_group: ResourceGroup | None = None
    """The existing resource group of what this stack creates. Default: that of the existing or imported registry."""

    location: str | None = None
    """Region of what this stack creates. Default: the resource group's."""

    azure_environment: Literal["public", "usgovernment", "china"] = "public"
    """Which Azure, the same as ``azure-native:environment``. The builder Job's client gets this value."""

    sku: Literal["Basic", "Standard", "Premium"] = "Standard"
    """Service tier. Retention, customer keys, firewall, private endpoints and zone redundancy need Premium."""

    role_assignment_mode: Literal["abac", "classic"] | None = None
    """``abac``: roles hold for single repositories; ``classic``: AcrPush, for the whole registry. Default for a new registry:
    ``abac``. Must be given for an existing and an imported one, whose mode stays as it is: Azure ignores the roles of the other
    mode without a word."""

    include_subrepositories: bool = False
    """Whether a namespace may also push below its repository (``mendixapps/orders/…``), for image name templates that give each
    app its own repository."""

    kubelet_object_ids: tuple[ObjectId, ...] = ()
    """Object ids of the clusters' kubelet identities, which then may pull (what ``az aks update --attach-acr`` does). Without
    any, the cluster is attached already, or pulls with the linked Secret."""

    link_to_default_service_account: bool | None = None
    """With ``admin`` and ``token``: whether nodes pull with the pull secret, linked to ServiceAccount ``default``. Default: only
    where no ``kubeletObjectIds`` are given."""

    deletion_protection: bool = True
    """Whether a registry that this stack created is protected from deletion. To delete it and all images, first set ``false``."""

    tags: dict[str, str] = Field(default_factory=dict[str, str])
    """Tags of the registry and the identities."""

    public_network_access: bool = True
    """Whether the registry can be reached without a private endpoint (``false`` needs Premium)."""

    allowed_ip_ranges: tuple[IpRange, ...] | None = None
    """IPv4 ranges that may reach the registry, all others may not (Premium). Default: no firewall."""

    trusted_services: bool = False
    """Whether Azure's own services may pass the firewall."""

    data_endpoints: bool = False
    """Whether layers come from the registry's own hosts instead of Azure's shared storage, so that an egress rule can name them
    (Premium)."""

    zone_redundancy: bool = False
    """Whether the registry survives the loss of a zone (Premium)."""

    retention_days: Annotated[int, Field(ge=0, le=365)] | None = None
    """Days after which manifests without a tag are deleted (Premium). Default: never."""

    allow_export: bool = True
    """Whether artifacts may leave the registry by export (``false`` needs Premium and no public access)."""

    customer_key: CustomerKey | None = None
    """Your own key that encrypts the registry (Premium). Default: Azure's keys."""

    @property
    def hosts(self) -> tuple[str, str]:
        host = self.login_server or ""
        return host, host

    @property
    def links_pull_secret(self) -> bool:
        if isinstance(self.authentication, WorkloadIdentityAuthentication):
            return False
        link = self.link_to_default_service_account
        return not self.kubelet_object_ids if link is None else link

    @property
    def abac(self) -> bool:
        """Whether roles hold for single repositories."""
        return self.role_assignment_mode != "classic"

    @property
    def per_repository(self) -> bool:
        """Whether builders may push to their own repositories only, not to the whole registry."""
        match self.authentication:
            case TokenAuthentication():
                return True
            case WorkloadIdentityAuthentication():
                return self.abac
            case AdminAuthentication():
                return False

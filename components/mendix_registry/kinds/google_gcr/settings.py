"""Google's registry: ``google-gcr``, which today is Artifact Registry under its own host names or under the ``gcr.io`` ones.

Sources: the discovery documents ``artifactregistry.v1`` and ``iam.v1``; Google's pages "Transition from Container Registry"
(the ``gcr.io`` names) and "About Workload Identity Federation for GKE" (members and principals).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import Field

from mendix_registry.kinds.google_gcr.values import (
    MAXIMUM_ACCOUNT_ID,
    SHARD_PLACEHOLDER,
    AccountIdPattern,
    Duration,
    EmailAddress,
    EmailPattern,
    KmsKeyName,
    Labels,
    ProjectId,
    ProjectNumber,
    WorkloadPool,
)
from mendix_registry.names import bounded
from mendix_registry.settings.references import NAMESPACE_PLACEHOLDER, Host, split_host
from mendix_registry.settings.registry_kind import RegistryKind
from mendix_registry.settings.section import Section
from mendix_registry.sharding import shard

GCR_LOCATIONS = {"gcr.io": "us", "us.gcr.io": "us", "eu.gcr.io": "europe", "asia.gcr.io": "asia"}
"""Where Artifact Registry keeps the repository that serves a ``gcr.io`` name; the repository is called as the host is."""

_PROJECT_OF_ADDRESS = re.compile(r"[^@]+@([a-z][a-z0-9-]*)\.iam\.gserviceaccount\.com")
_DOMAIN_OF_ACCOUNTS = ".iam.gserviceaccount.com"
_HOST_OF_LOCATION = re.compile(r"([a-z][a-z0-9-]*)-docker\.[a-z0-9.-]+")


class CleanupCondition(Section):
    """Which versions a clean-up policy is about. Several keys must all hold."""

    tag_state: Literal["tagged", "untagged", "any"] = "any"
    """Whether only tagged or only untagged versions are meant."""

    tag_prefixes: tuple[str, ...] = ()
    """Beginnings of tags, one of which must fit; only with ``tagState: tagged``."""

    older_than: Duration | None = None
    """Least age, such as ``30d``."""

    newer_than: Duration | None = None
    """Greatest age."""

    package_name_prefixes: tuple[str, ...] = ()
    """Beginnings of image names below the repository, one of which must fit."""

    version_name_prefixes: tuple[str, ...] = ()
    """Beginnings of digests, one of which must fit."""


class MostRecentVersions(Section):
    """How many of the newest versions of each image are kept."""

    keep_count: Annotated[int, Field(ge=1)]
    """How many."""

    package_name_prefixes: tuple[str, ...] = ()
    """Beginnings of image names that this is about; none: every image."""


class CleanupPolicy(Section):
    """One clean-up policy. What a policy keeps, no other deletes."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,126}$")]
    """Its name, unique within the repository."""

    action: Literal["delete", "keep"]
    """``delete`` or ``keep``."""

    condition: CleanupCondition | None = None
    """Which versions it is about."""

    most_recent_versions: MostRecentVersions | None = None
    """Instead of ``condition``, with ``action: keep``."""


class Cleanup(Section):
    """Clean-up policies of the repositories. Without any, nothing is ever deleted."""

    policies: tuple[CleanupPolicy, ...] = ()
    """The policies."""

    dry_run: bool = True
    """Whether they only write to the audit log what they would delete. Look there before you set ``false``."""


class ArtifactRegistry(Section):
    """The Artifact Registry repositories: made here, or taken as they are."""

    existing: bool = False
    """Whether the repositories exist and this stack only grants access to them, managing nothing else about them."""

    import_: Annotated[bool, Field(alias="import")] = False
    """Whether the repositories exist and this stack takes them over; they are then protected against deletion."""

    immutable_tags: bool = True
    """Whether a tag, once pushed, can neither be moved nor deleted."""

    kms_key_name: KmsKeyName | None = None
    """The Cloud KMS key that encrypts the images; none: a key of Google's. Cannot be changed later."""

    vulnerability_scanning: Literal["inherited", "disabled"] = "inherited"
    """``inherited``: images are scanned if the project has the Container Scanning API enabled."""

    cleanup: Cleanup = Cleanup()
    """What is deleted by itself."""

    deletion_protection: bool = True
    """Whether deleting a repository, with every image in it, is refused. To delete one: set ``false`` and run an update first."""

    description: Annotated[str, Field(max_length=1024)] | None = None
    """The repositories' description."""

    labels: Labels = Field(default_factory=dict[str, str])
    """Labels of the repositories."""


class Condition(Section):
    """An IAM condition on the permission to push."""

    title: Annotated[str, Field(min_length=1, max_length=100)]
    """Its short name."""

    expression: Annotated[str, Field(min_length=1)]
    """When the permission holds, in Common Expression Language."""

    description: str | None = None
    """What it is for."""


class GoogleAuthentication(Section):
    """What both methods have in common."""

    workload_pool: WorkloadPool | None = None
    """The cluster's workload identity pool, or its fleet's: ``PROJECT.svc.id.goog``. Default: that of the repository's project."""

    condition: Condition | None = None
    """A condition on the permission to push."""

    grant: bool = True
    """Whether this stack grants what is needed. ``false``: someone else has, because the deploying identity may not."""


class WorkloadIdentity(GoogleAuthentication):
    """A Google service account per namespace (or per shard), which exactly the namespace's builder may act as."""

    method: Literal["workload-identity"]

    service_account: AccountIdPattern | None = None
    """Id of the service accounts, with ``{namespace}`` or, with ``shards``, ``{shard}`` in it; longer than 30 characters, its end
    becomes a hash. Default: ``mendix-{namespace}``, or ``mendix-builder-{shard}``."""

    shards: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Over how many service accounts the namespaces are spread. Namespaces of one shard can push to each other's repositories.
    Default: each namespace has its own."""

    project: ProjectId | None = None
    """Project of the service accounts. Default: the repository's."""

    service_account_quota: Annotated[int, Field(ge=1)] = 100
    """How many service accounts the project may have; Google's default is 100 and can be raised on request."""

    existing: EmailPattern | None = None
    """E-mail address of a service account that exists and is only granted what is needed; ``{namespace}`` may stand in it."""

    import_: Annotated[EmailPattern | None, Field(alias="import")] = None
    """E-mail address of a service account that exists and is taken over by this stack, and then protected against deletion;
    ``{namespace}`` may stand in it."""

    def account_id(self, namespace: str) -> str:
        """Id of the service account that ``namespace`` uses."""
        given = self.existing or self.import_
        if given:
            return given.split("@", 1)[0].replace(NAMESPACE_PLACEHOLDER, namespace)
        if self.shards is not None:
            pattern = self.service_account or f"mendix-builder-{SHARD_PLACEHOLDER}"
            return pattern.replace(SHARD_PLACEHOLDER, str(shard(namespace, self.shards)))
        pattern = self.service_account or f"mendix-{NAMESPACE_PLACEHOLDER}"
        return bounded(pattern.replace(NAMESPACE_PLACEHOLDER, namespace), MAXIMUM_ACCOUNT_ID)

    def email(self, namespace: str) -> str | None:
        """Address of the given service account of ``namespace``; None where this stack makes one."""
        given = self.existing or self.import_
        return given.replace(NAMESPACE_PLACEHOLDER, namespace) if given else None

    def account(self, namespace: str) -> str:
        """What distinguishes the service account of ``namespace`` from others: its given address, else the id it is created with.
        An id alone does not, as accounts of several projects may have the same."""
        return self.email(namespace) or self.account_id(namespace)

    def account_project(self, namespace: str) -> str | None:
        """Project of the service account of ``namespace``, as far as it is known here: by a given address, or by ``project``."""
        match = _PROJECT_OF_ADDRESS.fullmatch(self.email(namespace) or "")
        return match.group(1) if match else self.project

    def resource_name(self, namespace: str) -> str:
        """Name of the service account's resources in the stack: its id, with a suffix if another project may have the same id."""
        account_id, address = self.account_id(namespace), self.existing or self.import_ or ""
        name, _, domain = address.partition("@")
        if NAMESPACE_PLACEHOLDER in name or NAMESPACE_PLACEHOLDER not in domain:
            return account_id
        # This depends on the address's form, not on which namespaces there are: another namespace must not rename anything.
        return f"{account_id}.{domain.replace(NAMESPACE_PLACEHOLDER, namespace).removesuffix(_DOMAIN_OF_ACCOUNTS)}"


class Direct(GoogleAuthentication):
    """No service account: the permission is the Kubernetes ServiceAccount's own."""

    method: Literal["direct"]

    project_number: ProjectNumber
    """Number of the project that the workload identity pool belongs to."""

    principal_domain: Literal["iam.googleapis.com"] | Annotated[str, Field(pattern=r"^iam\.[a-z0-9.-]+$")] = (
        "iam.googleapis.com"
    )
    """Host in the principal's name; another one only in a sovereign cloud that documents it."""


Authentication: TypeAlias = Annotated[WorkloadIdentity | Direct, Field(discriminator="method")]


@dataclass(frozen=True, slots=True, order=True)
class RepositoryAddress:
    """An Artifact Registry repository: ``project`` is an id, ``location`` a region or multi-region."""

    project: str
    location: str
    repository_id: str

    @property
    def name(self) -> str:
        """The name that the API and an import use."""
        return f"projects/{self.project}/locations/{self.location}/repositories/{self.repository_id}"


class GoogleRegistry(RegistryKind):
    """Google Artifact Registry, under ``LOCATION-docker.pkg.dev`` or under a ``gcr.io`` name.

    ``repository`` is ``PROJECT/REPOSITORY/IMAGE``; under a ``gcr.io`` name ``PROJECT/IMAGE``.
    """

    sdk: ClassVar[str | None] = "gcp"
    authentication_keys: ClassVar[tuple[str, ...]] = ("workloadIdentity", "gcpServiceAccount")
    cloud: ClassVar[bool] = True
    only_https: ClassVar[bool] = True

    type: Literal["google-gcr"]

    push_host: Host
    """Registry URL: ``europe-west4-docker.pkg.dev``, or one of ``gcr.io``, ``us.gcr.io``, ``eu.gcr.io``, ``asia.gcr.io``."""

    pull_host: Host | None = None
    """The host as nodes reach it. Default: the push host."""

    project: ProjectId | None = None
    """Project of the repositories, where its id has a colon in it (``example.com:project``), which image names write as a slash.
    Default: the first part of ``repository``."""

    location: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")] | None = None
    """Region or multi-region of the repositories, where the push host is your own domain name, which does not contain it."""

    authentication: Authentication
    """``{method: workload-identity}`` or ``{method: direct, projectNumber: …}``."""

    artifact_registry: ArtifactRegistry = ArtifactRegistry()
    """The repositories and how they are kept."""

    node_service_accounts: tuple[EmailAddress, ...] = ()
    """Service accounts of the clusters' nodes; each may then read the repositories. Leave out where they can already."""

    @property
    def hosts(self) -> tuple[str, str]:
        return self.push_host, self.pull_host or self.push_host

    @property
    def effective_location(self) -> str | None:
        """``location``, or the one in the push host's name; None where neither gives one."""
        name = split_host(self.push_host)[0]
        if name in GCR_LOCATIONS:
            return GCR_LOCATIONS[name]
        match = _HOST_OF_LOCATION.fullmatch(name)
        return self.location or (match.group(1) if match else None)

    @property
    def serves_gcr_name(self) -> bool:
        """Whether the host is a ``gcr.io`` one, whose repository is not part of the path."""
        return split_host(self.push_host)[0] in GCR_LOCATIONS

    @property
    def home_project(self) -> str | None:
        """Project of the repositories, from which the other projects default; None where each namespace has its own."""
        if self.project:
            return self.project
        first = self.repository.split("/", 1)[0]
        return None if NAMESPACE_PLACEHOLDER in first else first

    def account_project(self, authentication: WorkloadIdentity, namespace: str) -> str:
        """Project of the service account that ``namespace`` uses; empty where nothing determines it."""
        return authentication.account_project(namespace) or self.home_project or ""

    def account_email(self, authentication: WorkloadIdentity, namespace: str) -> str:
        """Address of the service account that ``namespace`` uses: the given one, or the one that Google gives to what this stack
        makes. An id of a project under a domain, ``example.com:project``, stands there as ``project.example.com``."""
        domain, _, project = self.account_project(authentication, namespace).rpartition(":")
        host = f"{project}.{domain}" if domain else project
        return authentication.email(namespace) or f"{authentication.account_id(namespace)}@{host}{_DOMAIN_OF_ACCOUNTS}"

    @property
    def workload_pool(self) -> str:
        """The workload identity pool that the cluster's ServiceAccounts belong to."""
        return self.authentication.workload_pool or f"{self.home_project}.svc.id.goog"

    def address(self, path: str) -> RepositoryAddress | None:
        """The Artifact Registry repository that serves ``path``, which is what stands between host and tag. None where ``path``
        has too few parts, does not begin with ``project``, or the location is not known."""
        start = self.project.replace(":", "/") if self.project else path.split("/", 1)[0]
        location = self.effective_location
        if location is None or not path.startswith(f"{start}/"):
            return None
        rest = path.removeprefix(f"{start}/").split("/")
        if self.serves_gcr_name:
            return RepositoryAddress(self.project or start, location, split_host(self.push_host)[0])
        return RepositoryAddress(self.project or start, location, rest[0]) if len(rest) > 1 else None

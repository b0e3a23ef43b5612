"""An Artifact Registry repository for container images."""

# Pulumi's analyzer of components reads annotations as they are: they must not be strings.
from typing import Any, NotRequired, TypedDict

import pulumi
from pulumi_gcp.artifactregistry import Repository, RepositoryIamMember

from mendix_registry.component_inputs import component_inputs
from mendix_registry.kinds.google_gcr.principals import READER


class ArtifactCleanupCondition(TypedDict):
    """Which versions a clean-up policy is about; every key that is given must hold."""

    tag_state: NotRequired[pulumi.Input[str]]
    """``TAGGED``, ``UNTAGGED`` or ``ANY``."""

    tag_prefixes: NotRequired[pulumi.Input[list[str]]]
    """Beginnings of tags, one of which must fit."""

    older_than: NotRequired[pulumi.Input[str]]
    """Least age in seconds, such as ``2592000s``."""

    newer_than: NotRequired[pulumi.Input[str]]
    """Greatest age in seconds."""

    package_name_prefixes: NotRequired[pulumi.Input[list[str]]]
    """Beginnings of image names, one of which must fit."""

    version_name_prefixes: NotRequired[pulumi.Input[list[str]]]
    """Beginnings of digests, one of which must fit."""


class ArtifactMostRecentVersions(TypedDict):
    """How many of the newest versions of each image are kept."""

    keep_count: pulumi.Input[int]
    """How many."""

    package_name_prefixes: NotRequired[pulumi.Input[list[str]]]
    """Beginnings of image names that this is about."""


class ArtifactCleanupPolicy(TypedDict):
    """One clean-up policy."""

    id: pulumi.Input[str]
    """Its name, unique within the repository, at most 127 characters."""

    action: pulumi.Input[str]
    """``DELETE`` or ``KEEP``. What one policy keeps, no other deletes."""

    condition: NotRequired[ArtifactCleanupCondition]
    """Which versions it is about."""

    most_recent_versions: NotRequired[ArtifactMostRecentVersions]
    """Instead of ``condition``, with ``KEEP``."""


class ArtifactRegistryRepositoryArgs(TypedDict):
    """Inputs of :class:`ArtifactRegistryRepository`."""

    project: pulumi.Input[str]
    """Id of the project."""

    location: pulumi.Input[str]
    """Region or multi-region (``us``, ``europe``, ``asia``)."""

    repository_id: pulumi.Input[str]
    """The repository's name; ``gcr.io``, ``us.gcr.io``, ``eu.gcr.io`` or ``asia.gcr.io`` for one that serves such a host."""

    existing: NotRequired[bool]
    """Whether it exists and is left alone. Default: false."""

    import_id: NotRequired[str]
    """``projects/PROJECT/locations/LOCATION/repositories/NAME`` of one that exists and is taken over, and then protected."""

    description: NotRequired[pulumi.Input[str]]
    """What it is for."""

    labels: NotRequired[pulumi.Input[dict[str, str]]]
    """At most 64 labels."""

    kms_key_name: NotRequired[pulumi.Input[str]]
    """The Cloud KMS key that encrypts the images; cannot be changed later. Default: a key of Google's."""

    immutable_tags: NotRequired[pulumi.Input[bool]]
    """Whether tags can neither be moved nor deleted. Default: true."""

    vulnerability_scanning: NotRequired[pulumi.Input[str]]
    """``INHERITED`` (default) or ``DISABLED``."""

    cleanup_policies: NotRequired[list[ArtifactCleanupPolicy]]
    """Clean-up policies. Default: none."""

    cleanup_dry_run: NotRequired[pulumi.Input[bool]]
    """Whether they only log what they would delete. Default: true."""

    deletion_protection: NotRequired[bool]
    """Whether deleting it is refused. Default: true."""

    readers: NotRequired[list[str]]
    """E-mail addresses of service accounts that may pull: those of the clusters' nodes."""


class ArtifactRegistryRepository(pulumi.ComponentResource):
    """A Docker repository of Artifact Registry, made with secure defaults, taken over or taken as it is; and who may pull."""

    project: pulumi.Output[str]
    """Id of its project."""

    location: pulumi.Output[str]
    """Its region or multi-region."""

    repository_id: pulumi.Output[str]
    """Its name."""

    registry_uri: pulumi.Output[str | None]
    """``HOST/PROJECT/NAME``, as Google gives it; none for an existing one."""

    def __init__(
        self, name: str, args: ArtifactRegistryRepositoryArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(
            "mendix-registry:index:ArtifactRegistryRepository",
            name,
            component_inputs(args, ArtifactRegistryRepositoryArgs),
            opts,
        )
        if args.get("existing"):
            self.project = pulumi.Output.from_input(args["project"])
            self.location = pulumi.Output.from_input(args["location"])
            self.repository_id = pulumi.Output.from_input(args["repository_id"])
            self.registry_uri = pulumi.Output.from_input(None)
        else:
            repository = self._repository(name, args)
            self.project, self.location = repository.project, repository.location
            self.repository_id = repository.repository_id
            self.registry_uri = repository.registry_uri.apply(lambda uri: uri)
        for email in dict.fromkeys(args.get("readers", ())):
            RepositoryIamMember(
                f"{name}.{email}",
                project=self.project,
                location=self.location,
                repository=self.repository_id,
                role=READER,
                member=f"serviceAccount:{email}",
                opts=pulumi.ResourceOptions(parent=self),
            )
        self.register_outputs(
            {
                "project": self.project,
                "location": self.location,
                "repositoryId": self.repository_id,
                "registryUri": self.registry_uri,
            }
        )

    def _repository(self, name: str, args: ArtifactRegistryRepositoryArgs) -> Repository:
        import_id = args.get("import_id")
        protected = args.get("deletion_protection", True)
        return Repository(
            name,
            project=args["project"],
            location=args["location"],
            repository_id=args["repository_id"],
            format="DOCKER",
            mode="STANDARD_REPOSITORY",
            description=args.get("description"),
            labels=args.get("labels"),
            kms_key_name=args.get("kms_key_name"),
            docker_config={"immutable_tags": args.get("immutable_tags", True)},
            vulnerability_scanning_config={"enablement_config": args.get("vulnerability_scanning", "INHERITED")},
            cleanup_policies=[_policy(policy) for policy in args.get("cleanup_policies", ())] or None,
            cleanup_policy_dry_run=args.get("cleanup_dry_run", True),
            deletion_policy="PREVENT" if protected else "DELETE",
            opts=pulumi.ResourceOptions(
                parent=self,
                import_=import_id,
                protect=True if import_id else None,
                # The provider keeps this one in the state only, so what is imported cannot have it.
                ignore_changes=["deletionPolicy"] if import_id else None,
            ),
        )


def _policy(policy: ArtifactCleanupPolicy) -> Any:
    # The SDK has its own types for what is the same dictionary.
    return policy

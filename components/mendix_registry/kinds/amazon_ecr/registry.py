"""Repositories of Amazon ECR with secure defaults."""

# No `from __future__ import annotations` here: Pulumi reads the annotations of a component for its schema as they are.

from collections.abc import Mapping
from typing import NotRequired, TypedDict

import pulumi
from pulumi_aws.ecr import LifecyclePolicy, Repository, RepositoryCreationTemplate
from pulumi_aws.iam import Role, RolePolicy

from mendix_registry.component_inputs import component_inputs
from mendix_registry.kinds.amazon_ecr.iam_documents import creation_template_policy, creation_template_trust
from mendix_registry.kinds.amazon_ecr.lifecycle import lifecycle_policy
from mendix_registry.kinds.amazon_ecr.location import import_id


class EcrRegistryArgs(TypedDict):
    """What the repositories are and what protects them."""

    repositories: list[str]
    """Names of the repositories."""

    imports: NotRequired[list[str]]
    """Those of them that exist and are taken over; always protected from deletion."""

    region: NotRequired[str]
    """Region of the repositories. Default: the provider's."""

    immutable_tags: NotRequired[bool]
    """Whether a pushed tag can never be moved to another image. Default: true."""

    mutable_tags: NotRequired[list[str]]
    """With immutable tags: at most five filters, such as `dev-*`, of tags that may be moved nevertheless."""

    scan_on_push: NotRequired[bool]
    """Whether each pushed image is scanned. Default: true."""

    encryption_type: NotRequired[str]
    """`AES256` (default), `KMS` or `KMS_DSSE`. Another value later replaces the repositories."""

    kms_key: NotRequired[pulumi.Input[str]]
    """ARN of the KMS key. Default: AWS's own key for ECR."""

    lifecycle_policy: NotRequired[str]
    """ECR's JSON text of what it deletes by itself; an empty text for nothing. Default: untagged images after 14 days, but
    nothing in repositories that are taken over: only where this is given, it replaces the policy that they have."""

    deletion_protection: NotRequired[bool]
    """Whether a repository that still has images cannot be deleted. Default: true."""

    create_on_push: NotRequired[bool]
    """Whether a push to a name below one of the repositories creates that repository. Default: false."""

    creation_prefixes: NotRequired[list[str]]
    """With `create_on_push`: names below which a push creates, whether or not a repository of that name is this
    component's. Default: the repositories."""

    repository_arns: NotRequired[pulumi.Input[Mapping[str, str]]]
    """With `create_on_push` and tags or a KMS key: ARNs of the repositories by name, for the permissions of the role with
    which ECR creates. Default: those of the created repositories."""

    creation_role_arn: NotRequired[pulumi.Input[str]]
    """With `create_on_push`: an existing role with which ECR tags and encrypts what it creates."""

    creation_role_name: NotRequired[str]
    """With `create_on_push`: name of the role that is created for that, where tags or a KMS key need one."""

    creation_role_path: NotRequired[str]
    """Path of that role. Default: /."""

    creation_role_boundary: NotRequired[pulumi.Input[str]]
    """ARN of the policy that bounds what that role may do."""

    tags: NotRequired[Mapping[str, str]]
    """Tags of all of it."""


class EcrRegistry(pulumi.ComponentResource):
    """Repositories of Amazon ECR: immutable tags, scanned on push, encrypted, untagged images deleted, no deletion while
    there are images."""

    repository_urls: pulumi.Output[Mapping[str, str]]
    """URL of each repository, by its name."""

    repository_arns: pulumi.Output[Mapping[str, str]]
    """ARN of each repository, by its name."""

    def __init__(self, name: str, args: EcrRegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mendix-registry:index:EcrRegistry", name, component_inputs(args, EcrRegistryArgs), opts)
        repositories = {repository: self._repository(name, args, repository) for repository in args["repositories"]}
        self.repository_urls = _by_name({n: r.repository_url for n, r in repositories.items()})
        self.repository_arns = _by_name({n: r.arn for n, r in repositories.items()})
        prefixes = args.get("creation_prefixes", args["repositories"]) if args.get("create_on_push", False) else []
        role_arn = self._creation_role(name, args, self.repository_arns) if prefixes else None
        templates = {prefix: self._template(name, args, prefix, role_arn) for prefix in prefixes}
        self._ready = (repositories, templates)
        self.register_outputs({"repositoryUrls": self.repository_urls, "repositoryArns": self.repository_arns})

    def ready(self, repository: str) -> tuple[pulumi.Resource, ...]:
        """The resources after whose creation ``repository``, and what lies below it, take a push; none if this component
        makes nothing for it."""
        return tuple(made[repository] for made in self._ready if repository in made)

    def _repository(self, name: str, args: EcrRegistryArgs, repository: str) -> Repository:
        imported = repository in args.get("imports", ())
        # Two registries of one program may have repositories of one name, in two regions.
        resource = Repository(
            f"{name}/{repository}",
            name=repository,
            region=args.get("region"),
            image_tag_mutability=_mutability(args),
            image_tag_mutability_exclusion_filters=[
                {"filter": text, "filter_type": "WILDCARD"} for text in args.get("mutable_tags", ())
            ]
            or None,
            image_scanning_configuration={"scan_on_push": args.get("scan_on_push", True)},
            encryption_configurations=[{"encryption_type": _encryption(args), "kms_key": args.get("kms_key")}],
            # Left out rather than false: an import compares with what exists, where this is nothing.
            force_delete=None if args.get("deletion_protection", True) else True,
            tags=args.get("tags") or None,
            opts=pulumi.ResourceOptions(parent=self, import_=import_id(repository, args.get("region")), protect=True)
            if imported
            else pulumi.ResourceOptions(parent=self),
        )
        # ECR replaces a lifecycle policy without a word: a default of ours would start to delete images of a repository that is
        # taken over, some of which may run by their digest.
        policy = _lifecycle(args)
        if policy and not (imported and args.get("lifecycle_policy") is None):
            LifecyclePolicy(
                f"{name}/{repository}",
                repository=resource.name,
                region=args.get("region"),
                policy=policy,
                opts=pulumi.ResourceOptions(parent=self),
            )
        return resource

    def _creation_role(
        self, name: str, args: EcrRegistryArgs, repository_arns: pulumi.Output[Mapping[str, str]]
    ) -> pulumi.Input[str] | None:
        """The role with which ECR creates: it needs one only to tag and to use a KMS key."""
        given = args.get("creation_role_arn")
        if given is not None:
            return given
        if not args.get("tags") and _encryption(args) == "AES256":
            return None
        role = Role(
            f"{name}-creation",
            name=args.get("creation_role_name"),
            path=args.get("creation_role_path"),
            description="Amazon ECR creates repositories on push by it",
            assume_role_policy=creation_template_trust(),
            # Who deploys is often allowed to create roles with the boundary only.
            permissions_boundary=args.get("creation_role_boundary"),
            tags=args.get("tags") or None,
            opts=pulumi.ResourceOptions(parent=self),
        )
        arns = args.get("repository_arns", repository_arns)
        policy = RolePolicy(
            f"{name}-creation",
            name="create",
            role=role.name,
            policy=pulumi.Output.all(arns=arns, key=args.get("kms_key")).apply(
                lambda known: creation_template_policy(known["arns"].values(), known["key"])
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        # The template may be used as soon as it exists, and by then the role must be allowed to create.
        return pulumi.Output.all(role.arn, policy.id).apply(lambda known: str(known[0]))

    def _template(
        self, name: str, args: EcrRegistryArgs, repository: str, role_arn: pulumi.Input[str] | None
    ) -> RepositoryCreationTemplate:
        return RepositoryCreationTemplate(
            f"{name}/{repository}",
            prefix=repository,
            applied_fors=["CREATE_ON_PUSH"],
            description="Repositories of the apps of one namespace of Mendix for Private Cloud",
            region=args.get("region"),
            image_tag_mutability=_mutability(args),
            image_tag_mutability_exclusion_filters=[
                {"filter": text, "filter_type": "WILDCARD"} for text in args.get("mutable_tags", ())
            ]
            or None,
            encryption_configurations=[{"encryption_type": _encryption(args), "kms_key": args.get("kms_key")}],
            lifecycle_policy=_lifecycle(args) or None,
            resource_tags=args.get("tags") or None,
            custom_role_arn=role_arn,
            opts=pulumi.ResourceOptions(parent=self),
        )


def _encryption(args: EcrRegistryArgs) -> str:
    return args.get("encryption_type", "AES256")


def _mutability(args: EcrRegistryArgs) -> str:
    if not args.get("immutable_tags", True):
        return "MUTABLE"
    return "IMMUTABLE_WITH_EXCLUSION" if args.get("mutable_tags") else "IMMUTABLE"


def _lifecycle(args: EcrRegistryArgs) -> str | None:
    policy = args.get("lifecycle_policy")
    return lifecycle_policy(14, None) if policy is None else policy


def _by_name(outputs: Mapping[str, pulumi.Output[str]]) -> pulumi.Output[Mapping[str, str]]:
    # Of nothing, `all` makes a list.
    return pulumi.Output.all(**outputs) if outputs else pulumi.Output.from_input({})

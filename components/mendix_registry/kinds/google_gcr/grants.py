"""Permission to push, given by IAM *member* resources: each adds one member to a policy and leaves everybody else's alone.

Bindings and policies, which are authoritative, are never used here: they would delete what other stacks and people have granted.
"""

# Pulumi's analyzer of components reads annotations as they are: they must not be strings.
from typing import Any, NotRequired, TypedDict

import pulumi
from pulumi_gcp.artifactregistry import RepositoryIamMember

from mendix_registry.kinds.google_gcr.principals import WRITER


class ArtifactRepositoryReference(TypedDict):
    """A repository of Artifact Registry."""

    name: str
    """A name for it within this program, which becomes part of resource names."""

    project: pulumi.Input[str]
    """Id of its project."""

    location: pulumi.Input[str]
    """Its region or multi-region."""

    repository_id: pulumi.Input[str]
    """Its name at Google."""


class IamCondition(TypedDict):
    """When a permission holds."""

    title: pulumi.Input[str]
    """Its short name."""

    expression: pulumi.Input[str]
    """The condition, in Common Expression Language."""

    description: NotRequired[pulumi.Input[str]]
    """What it is for."""


def writers(
    parent: pulumi.Resource,
    name: str,
    member: pulumi.Input[str],
    repositories: list[ArtifactRepositoryReference],
    condition: IamCondition | None,
) -> dict[str, pulumi.Resource]:
    """Lets ``member`` push to (and read) each of ``repositories`` and nothing else; by the reference's ``name``."""
    # The SDK has its own type for what is the same dictionary.
    sdk_condition: Any = condition
    return {
        repository["name"]: RepositoryIamMember(
            f"{name}.{repository['name']}",
            project=repository["project"],
            location=repository["location"],
            repository=repository["repository_id"],
            role=WRITER,
            member=member,
            condition=sdk_condition,
            opts=pulumi.ResourceOptions(parent=parent),
        )
        for repository in repositories
    }

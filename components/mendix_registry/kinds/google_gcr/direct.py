"""Direct federation: a Kubernetes ServiceAccount pushes as itself, without a Google service account."""

# Pulumi's analyzer of components reads annotations as they are: they must not be strings.
from typing import NotRequired, TypedDict

import pulumi

from mendix_registry.component_inputs import component_inputs
from mendix_registry.kinds.google_gcr.grants import (
    ArtifactRepositoryReference,
    IamCondition,
    writers,
)
from mendix_registry.kinds.google_gcr.principals import principal
from mendix_registry.service_account import ServiceAccountArgs


class DirectPushAccessArgs(TypedDict):
    """Inputs of :class:`DirectPushAccess`."""

    project_number: str
    """Number of the project that the pool belongs to."""

    workload_pool: str
    """The cluster's workload identity pool, ``PROJECT.svc.id.goog``, with the project's id."""

    service_account: ServiceAccountArgs
    """Exactly who may push."""

    repositories: list[ArtifactRepositoryReference]
    """Where it may push."""

    condition: NotRequired[IamCondition]
    """A condition on that."""

    principal_domain: NotRequired[str]
    """Host in the principal's name. Default: ``iam.googleapis.com``."""

    grant: NotRequired[bool]
    """Whether the permission is granted here. Default: true."""


class DirectPushAccess(pulumi.ComponentResource):
    """Lets one Kubernetes ServiceAccount push (``roles/artifactregistry.writer`` on each repository, never on the project)."""

    principal: pulumi.Output[str]
    """The ServiceAccount as Google's policies and audit logs name it."""

    def __init__(self, name: str, args: DirectPushAccessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(
            "mendix-registry:index:DirectPushAccess", name, component_inputs(args, DirectPushAccessArgs), opts
        )
        member = principal(
            args["project_number"],
            args["workload_pool"],
            args["service_account"]["namespace"],
            args["service_account"]["name"],
            args.get("principal_domain", "iam.googleapis.com"),
        )
        self.principal = pulumi.Output.from_input(member)
        if args.get("grant", True):
            writers(self, name, member, args["repositories"], args.get("condition"))
        self.register_outputs({"principal": self.principal})

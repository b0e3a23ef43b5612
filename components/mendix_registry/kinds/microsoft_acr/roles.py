# No "from __future__ import annotations": Pulumi's analyzer of multi-language components reads the annotations as objects.
"""Who may push to and pull from a registry: role assignments, in classic and in ABAC registries.

A registry honours the roles of its mode and ignores the others without an error. In a classic one AcrPush and AcrPull hold for
everything in it; in an ABAC one (``roleAssignmentMode: AbacRepositoryPermissions``) a condition narrows a repository role to
repositories. Sources: Microsoft's page "container-registry-rbac-abac-repository-permissions", the list of built-in roles.
"""

import uuid
from collections.abc import Iterable, Sequence
from typing import NotRequired, TypedDict

import pulumi
from pulumi_azure_native.authorization import RoleAssignment

from mendix_registry.component_inputs import component_inputs
from mendix_registry.kinds.microsoft_acr.resource_ids import subscription_of

ACR_PUSH = "8311e382-0749-4cb8-b61a-304f252e45ec"
ACR_PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
REPOSITORY_READER = "b93aa761-3e63-49ed-ac28-beffa264f7ac"
REPOSITORY_WRITER = "2a1e307c-b015-4ebd-883e-5b7698a07328"

WRITER_ACTIONS = ("content/read", "content/write", "metadata/read", "metadata/write")
"""The data actions of Container Registry Repository Writer; the condition must name all of them, or the role would hold everywhere
for the one it leaves out."""

_ASSIGNMENTS = uuid.UUID("6f1d7b9e-53c8-4f0e-9d2a-2b0a6e3f4c11")


def role_definition_id(scope: str, role: str) -> str:
    """The id of a built-in role in the subscription of ``scope``, in the form in which Azure gives it back."""
    return f"/subscriptions/{subscription_of(scope)}/providers/Microsoft.Authorization/roleDefinitions/{role}"


def assignment_name(scope: str, principal_id: str, role: str) -> str:
    """The GUID that names an assignment: the same for the same three, another if one differs. Azure cannot give an assignment
    another principal, and has only one for the three."""
    return str(uuid.uuid5(_ASSIGNMENTS, "\n".join((scope.lower(), principal_id.lower(), role))))


def repository_condition(repositories: Iterable[str], *, below: bool = False) -> str:
    """The condition that narrows Repository Writer to exactly ``repositories`` (and, with ``below``, to what has their path before
    a slash). Repositories are lower case, and so are compared as they are."""
    attribute = "@Request[Microsoft.ContainerRegistry/registries/repositories:name]"
    others = " AND ".join(
        f"!(ActionMatches{{'Microsoft.ContainerRegistry/registries/repositories/{action}'}})"
        for action in WRITER_ACTIONS
    )
    tests: list[str] = []
    for repository in sorted(set(repositories)):
        tests.append(f"{attribute} StringEquals '{repository}'")
        if below:
            # The slash belongs to it: without one, mendixapps/orders would also open mendixapps/orders-archive.
            tests.append(f"{attribute} StringStartsWith '{repository}/'")
    return f"(({others}) OR ({' OR '.join(tests)}))"


class AcrPushArgs(TypedDict):
    """Who may push where."""

    registry_id: pulumi.Input[str]
    """Resource id of the registry."""

    principal_id: pulumi.Input[str]
    """Object id of the managed identity."""

    repositories: Sequence[str]
    """The repositories. A classic registry cannot distinguish them: there the role holds for all."""

    abac: NotRequired[bool]
    """Whether the registry is in ABAC mode. Default: true."""

    include_subrepositories: NotRequired[bool]
    """Whether what lies below the repositories is included. Default: false."""


class AcrPush(pulumi.ComponentResource):
    """Lets one managed identity push to (and read back from) repositories of a registry.

    All repositories of an identity are in one assignment, because Azure has only one for an identity, a role and a scope.
    """

    assignment_id: pulumi.Output[str]
    """Resource id of the role assignment."""

    def __init__(self, name: str, args: AcrPushArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mendix-registry:index:AcrPush", name, component_inputs(args, AcrPushArgs), opts)
        abac = args.get("abac", True)
        below = args.get("include_subrepositories", False)
        self.assignment_id = _assign(
            name,
            args["registry_id"],
            args["principal_id"],
            REPOSITORY_WRITER if abac else ACR_PUSH,
            "Mendix builds push app images",
            repository_condition(args["repositories"], below=below) if abac else None,
            pulumi.ResourceOptions(parent=self),
        ).id
        self.register_outputs({"assignmentId": self.assignment_id})


class AcrPullArgs(TypedDict):
    """Who may pull."""

    registry_id: pulumi.Input[str]
    """Resource id of the registry."""

    principal_id: pulumi.Input[str]
    """Object id of the kubelet's managed identity."""

    abac: NotRequired[bool]
    """Whether the registry is in ABAC mode. Default: true."""


class AcrPull(pulumi.ComponentResource):
    """Lets a cluster's nodes pull from a registry, as ``az aks update --attach-acr`` does."""

    assignment_id: pulumi.Output[str]
    """Resource id of the role assignment."""

    def __init__(self, name: str, args: AcrPullArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mendix-registry:index:AcrPull", name, component_inputs(args, AcrPullArgs), opts)
        self.assignment_id = _assign(
            name,
            args["registry_id"],
            args["principal_id"],
            REPOSITORY_READER if args.get("abac", True) else ACR_PULL,
            "Nodes pull app images",
            None,
            pulumi.ResourceOptions(parent=self),
        ).id
        self.register_outputs({"assignmentId": self.assignment_id})


def _assign(
    name: str,
    scope: pulumi.Input[str],
    principal_id: pulumi.Input[str],
    role: str,
    description: str,
    condition: str | None,
    opts: pulumi.ResourceOptions,
) -> RoleAssignment:
    def guid(values: list[str]) -> str:
        return assignment_name(values[0], values[1], role)

    return RoleAssignment(
        name,
        scope=scope,
        role_assignment_name=pulumi.Output.all(scope, principal_id).apply(guid),
        role_definition_id=pulumi.Output.from_input(scope).apply(lambda value: role_definition_id(value, role)),
        principal_id=principal_id,
        # Without the type Azure looks the principal up, and a new one is not there yet (PrincipalNotFound).
        principal_type="ServicePrincipal",
        description=description,
        condition=condition,
        condition_version="2.0" if condition else None,
        opts=opts,
    )

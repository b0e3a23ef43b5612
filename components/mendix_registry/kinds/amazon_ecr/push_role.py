"""A role with which ServiceAccounts push to repositories of Amazon ECR, and nothing else."""

# No `from __future__ import annotations` here: Pulumi reads the annotations of a component for its schema as they are.

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict, cast

import pulumi
from pulumi_aws.iam import Role, RolePolicy

from mendix_registry.component_inputs import component_inputs
from mendix_registry.kinds.amazon_ecr.iam_documents import (
    Permission,
    Subject,
    pod_identity_trust,
    push_policy,
    web_identity_trust,
)
from mendix_registry.service_account import ServiceAccountArgs

DEFAULT_AUDIENCE = "sts.amazonaws.com"
"""What EKS makes tokens for. The same in every partition."""


class EcrPushRoleArgs(TypedDict):
    """Who may assume the role, and where it may push. Give `oidc_provider_arns` (IRSA) or `cluster_arns` (EKS Pod
    Identity)."""

    service_accounts: list[ServiceAccountArgs]
    """Exactly who may assume it."""

    oidc_provider_arns: NotRequired[list[pulumi.Input[str]]]
    """IRSA: the OIDC providers of the clusters."""

    audience: NotRequired[pulumi.Input[str]]
    """IRSA: what the token is made for. Default: sts.amazonaws.com."""

    cluster_arns: NotRequired[list[pulumi.Input[str]]]
    """EKS Pod Identity: the EKS clusters."""

    repository_arns: list[pulumi.Input[str]]
    """The repositories that it may push to."""

    permissions: NotRequired[list[str]]
    """What it may do there beside a push: `pull`, `describe`, `create`."""

    create_below: NotRequired[bool]
    """Whether it may also create and push to repositories below them (creation template). Default: false."""

    name: NotRequired[str]
    """Name of the role in IAM, at most 64 characters. Default: made by the provider."""

    path: NotRequired[str]
    """Its path. Default: /."""

    permissions_boundary: NotRequired[pulumi.Input[str]]
    """ARN of the policy that bounds what it may do."""

    session_seconds: NotRequired[int]
    """Longest session, 3600 (default) to 43200 seconds."""

    import_name: NotRequired[str]
    """Name of the role where it exists and is taken over; it is then protected."""

    tags: NotRequired[Mapping[str, str]]
    """Its tags."""


class EcrPushRole(pulumi.ComponentResource):
    """A role that exactly the given ServiceAccounts may assume, with what a push to exactly the given repositories needs."""

    role_arn: pulumi.Output[str]
    """ARN of the role."""

    role_name: pulumi.Output[str]
    """Its name."""

    def __init__(self, name: str, args: EcrPushRoleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mendix-registry:index:EcrPushRole", name, component_inputs(args, EcrPushRoleArgs), opts)
        made = push_role(name, args, self)
        self.role_arn = made.arn
        self.role_name = made.name
        self.register_outputs({"roleArn": self.role_arn, "roleName": self.role_name})


@dataclass(frozen=True, slots=True)
class PushRole:
    """What :func:`push_role` has made. ``attached`` are the resources after whose creation the role may push."""

    arn: pulumi.Output[str]
    name: pulumi.Output[str]
    attached: tuple[pulumi.Resource, ...]


def push_role(name: str, args: EcrPushRoleArgs, parent: pulumi.Resource) -> PushRole:
    """The resources of :class:`EcrPushRole` as children of ``parent``, without their own component: a self-managed backend
    writes the whole state three times for one."""
    import_name = args.get("import_name")
    role = Role(
        name,
        name=import_name or args.get("name"),
        path=args.get("path"),
        description="Pushes the images of Mendix for Private Cloud to Amazon ECR",
        assume_role_policy=_trust(name, args),
        max_session_duration=args.get("session_seconds", 3600),
        permissions_boundary=args.get("permissions_boundary"),
        tags=args.get("tags") or None,
        # An import must find what it describes; the description is the one thing that the caller cannot choose.
        opts=pulumi.ResourceOptions(parent=parent, import_=import_name, protect=True, ignore_changes=["description"])
        if import_name
        else pulumi.ResourceOptions(parent=parent),
    )
    policy = RolePolicy(
        name,
        name="push",
        role=role.name,
        policy=_push(args),
        opts=pulumi.ResourceOptions(parent=parent),
    )
    return PushRole(role.arn, role.name, (policy,))


def _trust(name: str, args: EcrPushRoleArgs) -> pulumi.Output[str]:
    providers, clusters = args.get("oidc_provider_arns"), args.get("cluster_arns")
    if bool(providers) == bool(clusters):
        raise ValueError(
            f"EcrPushRole {name}: give oidc_provider_arns (IRSA) or cluster_arns (EKS Pod Identity), one of them"
        )

    def text(known: Mapping[str, Any]) -> str:
        accounts = cast("Sequence[Mapping[str, str]]", known["accounts"])
        subjects = [Subject(account["namespace"], account["name"]) for account in accounts]
        if clusters:
            return pod_identity_trust(known["trusted"], subjects)
        return web_identity_trust(known["trusted"], known["audience"], subjects)

    return pulumi.Output.all(
        trusted=providers or clusters,
        audience=args.get("audience", DEFAULT_AUDIENCE),
        accounts=args["service_accounts"],
    ).apply(text)


def _push(args: EcrPushRoleArgs) -> pulumi.Output[str]:
    permissions = cast("list[Permission]", args.get("permissions", []))
    create_below = args.get("create_below", False)
    return pulumi.Output.all(*args["repository_arns"]).apply(
        lambda arns: push_policy(arns, permissions, create_below=create_below)
    )

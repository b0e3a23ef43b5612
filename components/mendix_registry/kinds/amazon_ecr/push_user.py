"""An IAM user whose access key pushes to repositories of Amazon ECR, and does nothing else."""

# No `from __future__ import annotations` here: Pulumi reads the annotations of a component for its schema as they are.

from collections.abc import Mapping
from typing import NotRequired, TypedDict, cast

import pulumi
from pulumi_aws.iam import AccessKey, User, UserPolicy

from mendix_registry.component_inputs import component_inputs
from mendix_registry.kinds.amazon_ecr.iam_documents import Permission, push_policy


class EcrPushUserArgs(TypedDict):
    """The user, and where it may push."""

    repository_arns: list[pulumi.Input[str]]
    """The repositories that it may push to."""

    permissions: NotRequired[list[str]]
    """What it may do there beside a push: `pull`, `describe`, `create`."""

    create_below: NotRequired[bool]
    """Whether it may also create and push to repositories below them (creation template). Default: false."""

    rotation: NotRequired[int]
    """A counter; raising it makes a new key, and deletes the old one at the end of the update. Default: 1."""

    name: NotRequired[str]
    """Name of the user in IAM, at most 64 characters. Default: made by the provider."""

    path: NotRequired[str]
    """Its path. Default: /."""

    permissions_boundary: NotRequired[pulumi.Input[str]]
    """ARN of the policy that bounds what it may do."""

    existing_name: NotRequired[str]
    """Name of a user that exists and is left as it is, permissions included; only its key is created."""

    import_name: NotRequired[str]
    """Name of the user where it exists and is taken over; it is then protected."""

    tags: NotRequired[Mapping[str, str]]
    """Its tags."""


class EcrPushUser(pulumi.ComponentResource):
    """A user with what a push to exactly the given repositories needs, and one access key.

    IAM allows a user two keys, so that one rotation at a time overlaps: the new key is made and used while the old one still
    works. No one else should create keys of this user.
    """

    user_name: pulumi.Output[str]
    """Name of the user."""

    access_key_id: pulumi.Output[str]
    """Id of its access key."""

    credentials_file: pulumi.Output[str]
    """AWS's shared credentials file with the key as its default profile; a secret."""

    def __init__(self, name: str, args: EcrPushUserArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mendix-registry:index:EcrPushUser", name, component_inputs(args, EcrPushUserArgs), opts)
        existing = args.get("existing_name")
        self.user_name = pulumi.Output.from_input(existing) if existing else self._user(name, args)
        # The counter is part of the resource's name: the new key is created first, and the old one, no longer in the program, is
        # deleted last, after the Secret was replaced and the push was proved.
        key = AccessKey(
            f"{name}-{args.get('rotation', 1)}", user=self.user_name, opts=pulumi.ResourceOptions(parent=self)
        )
        self.access_key_id = key.id
        self.credentials_file = credentials_file(key.id, key.secret)
        self.register_outputs(
            {
                "userName": self.user_name,
                "accessKeyId": self.access_key_id,
                "credentialsFile": self.credentials_file,
            }
        )

    def _user(self, name: str, args: EcrPushUserArgs) -> pulumi.Output[str]:
        import_name = args.get("import_name")
        user = User(
            name,
            name=import_name or args.get("name"),
            path=args.get("path"),
            permissions_boundary=args.get("permissions_boundary"),
            tags=args.get("tags") or None,
            opts=pulumi.ResourceOptions(parent=self, import_=import_name, protect=True)
            if import_name
            else pulumi.ResourceOptions(parent=self),
        )
        permissions = cast("list[Permission]", args.get("permissions", []))
        create_below = args.get("create_below", False)
        UserPolicy(
            name,
            name="push",
            user=user.name,
            policy=pulumi.Output.all(*args["repository_arns"]).apply(
                lambda arns: push_policy(arns, permissions, create_below=create_below)
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        return user.name


def credentials_file(access_key_id: pulumi.Input[str], secret: pulumi.Input[str]) -> pulumi.Output[str]:
    """AWS's shared credentials file (docs.aws.amazon.com/sdkref/latest/guide/file-format.html), a secret."""
    return pulumi.Output.secret(
        pulumi.Output.all(access_key_id, secret).apply(
            lambda known: f"[default]\naws_access_key_id = {known[0]}\naws_secret_access_key = {known[1]}\n"
        )
    )

# No "from __future__ import annotations": Pulumi's analyzer of multi-language components reads the annotations as objects.
"""A token that may push to named repositories of a registry, for builds that cannot use workload identity.

Source: Microsoft's page "container-registry-repository-scoped-permissions". Azure shows a token's password once, to whoever
generates it (``generateCredentials``), and azure-native has no resource for that (pulumi-azure-native#3099): the password
comes from outside.
"""

from collections.abc import Iterable, Sequence
from typing import NotRequired, TypedDict

import pulumi
from pulumi_azure_native.containerregistry import ScopeMap, Token

from mendix_registry.component_inputs import component_inputs

ACTIONS = ("content/read", "content/write", "metadata/read")
"""What a push needs: to see what is there, to write, to read back by tag."""


class AcrTokenArgs(TypedDict):
    """A token and where it may push."""

    resource_group: pulumi.Input[str]
    """Name of the registry's resource group."""

    registry_name: pulumi.Input[str]
    """Name of the registry."""

    token_name: str
    """Name of the token and of its scope map, and the user that it authenticates as: 5 to 50 letters, digits and dashes."""

    repositories: Sequence[str]
    """The repositories that it may push to."""

    include_subrepositories: NotRequired[bool]
    """Whether what lies below the repositories is included. Default: false."""


class AcrToken(pulumi.ComponentResource):
    """Creates a scope map for exactly the repositories, and a token with it."""

    token_id: pulumi.Output[str]
    """Resource id, for ``az acr token credential generate``."""

    username: pulumi.Output[str]
    """The user that clients give: the token's name."""

    def __init__(self, name: str, args: AcrTokenArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mendix-registry:index:AcrToken", name, component_inputs(args, AcrTokenArgs), opts)
        scope_map = ScopeMap(
            name,
            resource_group_name=args["resource_group"],
            registry_name=args["registry_name"],
            scope_map_name=args["token_name"],
            description="Mendix builds push app images",
            actions=scope_actions(args["repositories"], below=args.get("include_subrepositories", False)),
            opts=pulumi.ResourceOptions(parent=self),
        )
        token = Token(
            name,
            resource_group_name=args["resource_group"],
            registry_name=args["registry_name"],
            token_name=args["token_name"],
            scope_map_id=scope_map.id,
            status="enabled",
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.token_id = token.id
        self.username = token.name
        self.register_outputs({"tokenId": self.token_id, "username": self.username})


def scope_actions(repositories: Iterable[str], *, below: bool = False) -> list[str]:
    """The actions of a scope map for exactly ``repositories`` (and, with ``below``, for what is below them)."""
    paths = [path for repository in sorted(set(repositories)) for path in (repository, f"{repository}/*")]
    return [f"repositories/{path}/{action}" for path in paths if below or not path.endswith("/*") for action in ACTIONS]

"""A whole stack file as one component, for programs in Python and, as a Pulumi package, in other languages."""

from typing import Any, NotRequired, TypedDict

import pulumi

from mendix_registry.deployment import deploy
from mendix_registry.stack_file import PROJECT, parse

# No ``from __future__ import annotations``: the SDK's schema analyzer reads these annotations as types.


class MendixRegistryArgs(TypedDict):
    """The keys of a stack file, each in the stack file's own form."""

    registry: dict[str, Any]
    """Which registry: `type` and what belongs to it."""

    namespaces: list[dict[str, Any]]
    """The namespaces that get access to it."""

    cluster: NotRequired[dict[str, Any]]
    """Which cluster they are in. Default: the ambient one."""

    operator_configuration: NotRequired[dict[str, Any]]
    """What Mendix's Operator is told."""

    builder: NotRequired[dict[str, Any]]
    """How the push is proved."""


class MendixRegistry(pulumi.ComponentResource):
    """Gives namespaces of Mendix for Private Cloud their registry, and proves a push. Takes what a stack file says."""

    registry: pulumi.Output[dict[str, Any]]
    """Kind, hosts, transport and why it was chosen."""

    namespaces: pulumi.Output[dict[str, Any]]
    """For each namespace: repository, ServiceAccount, pull secret, who pushed, what was pushed, pulled and mirrored."""

    mxpc_configuration: pulumi.Output[dict[str, Any]]
    """For each namespace mxpc-cli's configuration file; empty for kinds whose form is not public."""

    def __init__(self, name: str, args: MendixRegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raises :class:`mendix_registry.stack_file.ConfigurationError` with every problem, before anything is registered.

        A password is given as in a stack file, ``{"environment": NAME}`` or ``{"file": path}``, never as text.
        """
        reading = parse({f"{PROJECT}:{_KEYS.get(key, key)}": value for key, value in args.items() if value is not None})
        super().__init__("mendix-registry:index:MendixRegistry", name, None, opts)
        for warning in reading.warnings:
            pulumi.log.warn(str(warning), self)
        outputs = deploy(reading.settings, self, name)
        self.registry = pulumi.Output.from_input(outputs["registry"])
        self.namespaces = pulumi.Output.from_input(outputs["namespaces"])
        self.mxpc_configuration = pulumi.Output.from_input(outputs.get("mxpcConfiguration", {}))
        self.register_outputs(
            {
                "registry": self.registry,
                "namespaces": self.namespaces,
                "mxpcConfiguration": self.mxpc_configuration,
            }
        )


_KEYS = {"operator_configuration": "operatorConfiguration"}

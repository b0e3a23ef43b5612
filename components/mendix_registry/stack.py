"""A registry and its namespaces as one component, for programs in Python and, as a Pulumi package, in other languages."""

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict

import pulumi

from mendix_registry.component_inputs import component_inputs
from mendix_registry.deployment import deploy
from mendix_registry.stack_args import BuilderArgs, ClusterArgs, NamespaceArgs, OperatorConfigurationArgs
from mendix_registry.stack_file.program import read_inputs, with_secrets

# No ``from __future__ import annotations``: the SDK's schema analyzer reads these annotations as types.


class MendixRegistryArgs(TypedDict):
    """A stack file's keys, and the values that may be outputs of other resources.

    `registry` has no named type: which keys it has depends on its `type`, and a schema of Pulumi has no such unions. One
    type with the keys of all kinds would accept what a kind rejects.
    """

    registry: Mapping[str, Any]
    """Which registry: `type`, and the keys that its page describes, spelled as in a stack file: docs/kinds has
    `generic.md`, `docker-secret.md`, `amazon-ecr.md`, `microsoft-acr.md`, `google-gcr.md`, `openshift.md`. Plain values: they
    decide what there is and what it is called. They are checked before anything is registered."""

    namespaces: Sequence[NamespaceArgs]
    """The namespaces that get access to it. A namespace has one registry. Plain values, as in `registry`."""

    password: NotRequired[pulumi.Input[str]]
    """The registry's password (kind `generic`), or the secret part of an access key (`amazon-ecr` with `existingKey`): an output or
    a secret of the program's configuration, instead of `{environment: NAME}` or `{file: path}` within `registry`."""

    role_arn: NotRequired[pulumi.Input[str]]
    """Kind `amazon-ecr`: ARN of the program's own role, which all builders use to push."""

    token_passwords: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Kind `microsoft-acr` with the method `token`: each namespace's password."""

    cluster: NotRequired[ClusterArgs]
    """Which cluster. Default: the Kubernetes provider among the component's `providers`, else the ambient one."""

    operator_configuration: NotRequired[OperatorConfigurationArgs]
    """How Mendix's Operator is configured. Plain values. Null as a value reaches the component from Python without the package
    only: Pulumi drops it between languages."""

    builder: NotRequired[BuilderArgs]
    """How the push is proved. Plain values: they decide which Jobs there are."""


class NamespaceOutputs(TypedDict):
    """What a namespace got, in the names that every language sees."""

    repository: str
    """Its repository."""

    serviceAccount: str
    """Who builds."""

    pushedAs: str
    """Who pushed, as the registry sees it."""

    pullSecret: NotRequired[str]
    """The Secret with the credentials, where there is one."""

    pushed: NotRequired[str]
    """What was pushed and read back."""

    digest: NotRequired[str]
    """Its digest."""

    pulled: NotRequired[str]
    """What a node has pulled and started."""

    mirrored: NotRequired[list[str]]
    """What was copied into the registry."""


class MendixRegistry(pulumi.ComponentResource):
    """Gives namespaces of Mendix on Kubernetes their registry, and proves a push. Any number of them fit into a program: children
    are named after it."""

    push_host: pulumi.Output[str]
    """The host that builds push to."""

    pull_host: pulumi.Output[str]
    """The host that nodes pull from."""

    transport: pulumi.Output[str]
    """`https` or `http`."""

    transport_reason: pulumi.Output[str]
    """Why."""

    access: pulumi.Output[dict[str, NamespaceOutputs]]
    """For each namespace: repository, ServiceAccount, pull secret, who pushed, what was pushed, pulled and mirrored."""

    mxpc_configuration: pulumi.Output[dict[str, str]]
    """For each namespace mxpc-cli's configuration file; empty for kinds whose form is not public."""

    def __init__(self, name: str, args: MendixRegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raises :class:`mendix_registry.stack_file.ConfigurationError` with every problem, before anything is registered."""
        inputs = with_secrets(component_inputs(args, MendixRegistryArgs))
        reading = read_inputs(inputs)
        super().__init__("mendix-registry:index:MendixRegistry", name, inputs, opts)
        for warning in reading.warnings:
            pulumi.log.warn(str(warning), self)
        outputs = deploy(reading.settings, self, f"{name}-")
        registry = outputs["registry"]
        self.push_host = pulumi.Output.from_input(registry["pushHost"])
        self.pull_host = pulumi.Output.from_input(registry["pullHost"])
        self.transport = pulumi.Output.from_input(registry["transport"])
        self.transport_reason = pulumi.Output.from_input(registry["transportReason"])
        self.access = pulumi.Output.from_input(outputs["namespaces"])
        self.mxpc_configuration = pulumi.Output.from_input(outputs.get("mxpcConfiguration", {}))
        self.register_outputs(
            {
                "pushHost": self.push_host,
                "pullHost": self.pull_host,
                "transport": self.transport,
                "transportReason": self.transport_reason,
                "access": self.access,
                "mxpcConfiguration": self.mxpc_configuration,
            }
        )

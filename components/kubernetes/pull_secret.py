"""The Secret that authenticates pushes and pulls: made here, or an existing one that is checked."""

from __future__ import annotations

import base64
from typing import Any

import pulumi
from pulumi_kubernetes.core.v1 import Secret, SecretInitArgs
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from components.existing_secret import fault, remedy
from components.kubernetes.names import MANAGED_BY
from components.registry_access import ExistingPullSecret, NewPullSecret

DOCKER_CONFIG_JSON = "kubernetes.io/dockerconfigjson"
DOCKER_CONFIG_KEY = ".dockerconfigjson"


class PullSecret(pulumi.ComponentResource):
    """A ``kubernetes.io/dockerconfigjson`` Secret in one namespace.

    With :class:`ExistingPullSecret` it only reads the Secret, and the update fails, before anything is pushed, if its
    type, its JSON or its hosts do not serve.
    """

    secret_name: pulumi.Output[str]
    """The Secret's name; of an existing one only once it has passed the check."""

    revision: pulumi.Output[str]
    """Changes whenever the Secret's content does: its uid and resource version."""

    def __init__(
        self,
        name: str,
        namespace: pulumi.Input[str],
        source: NewPullSecret | ExistingPullSecret,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mendix-registry:kubernetes:PullSecret", name, None, opts)
        if isinstance(source, NewPullSecret):
            secret = Secret(
                name,
                metadata={"name": source.name, "namespace": namespace, "labels": MANAGED_BY},
                type=DOCKER_CONFIG_JSON,
                data={
                    DOCKER_CONFIG_KEY: source.docker_config.apply(lambda text: base64.b64encode(text.encode()).decode())
                },
                opts=pulumi.ResourceOptions(parent=self),
            )
            self.secret_name = secret.metadata.apply(lambda metadata: metadata.name or source.name)
        else:
            secret = _existing(name, namespace, source.name, self)
            # The name depends on the check, so that nothing uses the Secret before it has passed; it is no secret
            # itself.
            self.secret_name = pulumi.Output.unsecret(
                pulumi.Output.all(namespace, secret.type, secret.data).apply(
                    lambda values: _checked(source, values[0], values[1], values[2])
                )
            )
        self.revision = secret.metadata.apply(lambda metadata: f"{metadata.uid}/{metadata.resource_version}")
        self.register_outputs({"secretName": self.secret_name, "revision": self.revision})


def _existing(name: str, namespace: pulumi.Input[str], secret: str, parent: pulumi.Resource) -> Secret:
    """Reads a Secret, as ``Secret.get`` does, but with the inputs that the provider sees in it. Without them the first refresh
    after each update reports it as updated."""
    metadata = ObjectMetaArgs(name=secret, namespace=namespace)
    inputs = SecretInitArgs(api_version="v1", kind="Secret", metadata=metadata)
    # What the program wants to know of it.
    inputs.__dict__.update(data=None, type=None)
    identity = pulumi.Output.concat(namespace, "/", secret)
    return Secret(name, opts=pulumi.ResourceOptions(parent=parent, id=identity), __props__=inputs)


def _checked(source: ExistingPullSecret, namespace: str, secret_type: str | None, data: Any) -> str:
    problem = fault(secret_type, data, source.push, source.pull)
    if problem:
        command = remedy(source.name, namespace, (source.push[0], source.pull[0]))
        raise pulumi.RunError(
            f"The Secret {source.name} in namespace {namespace} cannot be used for the registry: {problem}. "
            "Mendix's build or the nodes would be refused. "
            f"Make it again: {command}; or name another Secret in the stack file."
        )
    return source.name

"""The Secret that the builder logs in with: a docker config, with which nodes pull as well, or a file of credentials that only
the builder's client reads; made here, or an existing one that is checked."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes.core.v1 import Secret, SecretInitArgs
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from mendix_registry.existing_secret import fault, remedy
from mendix_registry.kubernetes.names import MANAGED_BY
from mendix_registry.namespace_access import ExistingPullSecret, NewCredentialFile, NewPullSecret

DOCKER_CONFIG_JSON = "kubernetes.io/dockerconfigjson"
DOCKER_CONFIG_KEY = ".dockerconfigjson"


@dataclass(frozen=True, slots=True)
class LoginSecret:
    """The Secret that the builder logs in with.

    ``name`` is its name; of an existing one known only once it has passed the check. ``revision`` changes whenever its
    content does: its uid and resource version.
    """

    name: pulumi.Output[str]
    revision: pulumi.Output[str]


def login_secret(
    name: str,
    namespace: pulumi.Input[str],
    source: NewPullSecret | ExistingPullSecret | NewCredentialFile,
    parent: pulumi.Resource,
) -> LoginSecret:
    """Makes the Secret that ``source`` describes, as a child of ``parent``.

    An :class:`ExistingPullSecret` is only read, and the update fails, before anything is pushed, if its type, its JSON or
    its hosts do not serve.
    """
    match source:
        case NewPullSecret():
            secret = _secret(
                name, namespace, source.name, DOCKER_CONFIG_JSON, DOCKER_CONFIG_KEY, source.docker_config, parent
            )
        case NewCredentialFile():
            content = pulumi.Output.secret(source.content)
            secret = _secret(name, namespace, source.name, "Opaque", source.file, content, parent)
        case ExistingPullSecret():
            secret = _existing(name, namespace, source.name, parent)
            # The name depends on the check, so that nothing uses the Secret before it has passed; it is no secret
            # itself.
            checked = pulumi.Output.all(namespace, secret.type, secret.data).apply(
                lambda values: _checked(source, values[0], values[1], values[2])
            )
            return LoginSecret(pulumi.Output.unsecret(checked), _revision(secret))
    return LoginSecret(secret.metadata.apply(lambda metadata: metadata.name or source.name), _revision(secret))


def _revision(secret: Secret) -> pulumi.Output[str]:
    return secret.metadata.apply(lambda metadata: f"{metadata.uid}/{metadata.resource_version}")


def _secret(
    name: str,
    namespace: pulumi.Input[str],
    secret: str,
    secret_type: str,
    key: str,
    content: pulumi.Output[str],
    parent: pulumi.Resource,
) -> Secret:
    return Secret(
        name,
        metadata={"name": secret, "namespace": namespace, "labels": MANAGED_BY},
        type=secret_type,
        data={key: content.apply(lambda text: base64.b64encode(text.encode()).decode())},
        opts=pulumi.ResourceOptions(parent=parent),
    )


def _existing(name: str, namespace: pulumi.Input[str], secret: str, parent: pulumi.Resource) -> Secret:
    """Reads a Secret, as ``Secret.get`` does, but with the inputs that the provider sees in it. Without them the first refresh
    after each update reports it as updated."""
    metadata = ObjectMetaArgs(name=secret, namespace=namespace)
    inputs = SecretInitArgs(api_version="v1", kind="Secret", metadata=metadata)
    # What the program has to know of it.
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

"""The kind ``generic``: no cloud resource is made. The component exists so that the kind stands in the tree, and gives its outputs,
as every other kind does."""

from __future__ import annotations

import pulumi

from mendix_registry.docker_config import docker_config
from mendix_registry.kinds.generic.settings import GenericRegistry
from mendix_registry.mxpc import configuration_file
from mendix_registry.namespace_access import Anonymous, NamespaceAccess, NewPullSecret, ServiceAccountIdentity
from mendix_registry.place import RegistryPlace
from mendix_registry.settings.stack import Namespace, Settings
from mendix_registry.settings.transport import TransportDecision, decide

PULL_SECRET_NAME = "mendix-registry"  # noqa: S105 - the name of an object, not a secret
"""Name of the Secret that ``generic`` makes in each namespace. It never changes, so that the link in ServiceAccount
``default`` does not have to."""


class Generic(RegistryPlace):
    """Any registry with one user and password for all namespaces, or with none.

    Raises nothing: the stack file has been checked. ``access`` maps each namespace's name to its access.
    """

    def __init__(
        self, name: str, settings: Settings, registry: GenericRegistry, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("mendix-registry:generic:Generic", name, registry, opts)
        decision = decide(settings.push_host, registry.transport)
        access = {n.name: _access(settings, registry, n, decision) for n in settings.namespaces}
        self.publish(settings.push_host, settings.pull_host, decision, access)


def _access(
    settings: Settings, registry: GenericRegistry, namespace: Namespace, decision: TransportDecision
) -> NamespaceAccess:
    push_host, pull_host = settings.push_host, settings.pull_host
    repository = settings.repository(namespace)
    link = registry.links_pull_secret
    if registry.authentication == "none":
        credentials = Anonymous()
        file = configuration_file(namespace.name, push_host, pull_host, repository, None, link=link)
        mxpc = pulumi.Output.from_input(file)
    else:
        username = registry.authentication.username
        password = pulumi.Output.secret(registry.authentication.password.value)
        config = password.apply(lambda known: docker_config((push_host, pull_host), username, known))
        credentials = NewPullSecret(PULL_SECRET_NAME, config, username)
        mxpc = password.apply(
            lambda known: configuration_file(
                namespace.name, push_host, pull_host, repository, (username, known), link=link
            )
        )
    return NamespaceAccess(
        namespace=namespace.name,
        kind=registry.type,
        push_host=push_host,
        pull_host=pull_host,
        repository=repository,
        image_name_template=settings.image_name_template(namespace),
        transport=decision,
        identity=ServiceAccountIdentity(namespace.service_account.name, namespace.service_account.create),
        credentials=credentials,
        pull="linked-secret" if link else "none",
        mxpc_configuration=mxpc,
    )

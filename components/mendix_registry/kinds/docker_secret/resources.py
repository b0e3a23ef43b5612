"""The kind ``docker-secret``: nothing is made, the Secret that each namespace has is used."""

from __future__ import annotations

import pulumi

from mendix_registry.kinds.docker_secret.settings import DockerSecretRegistry
from mendix_registry.namespace_access import ExistingPullSecret, NamespaceAccess, ServiceAccountIdentity
from mendix_registry.place import RegistryPlace
from mendix_registry.settings.stack import Namespace, Settings
from mendix_registry.settings.transport import TransportDecision, decide


class DockerSecret(RegistryPlace):
    """A registry whose credentials stand in a Secret of each namespace already.

    ``access`` maps each namespace's name to its access.
    """

    def __init__(
        self, name: str, settings: Settings, registry: DockerSecretRegistry, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("mendix-registry:generic:DockerSecret", name, registry, opts)
        decision = decide(settings.push_host, registry.transport)
        access = {n.name: _access(settings, registry, n, decision) for n in settings.namespaces}
        self.publish(settings.push_host, settings.pull_host, decision, access)


def _access(
    settings: Settings, registry: DockerSecretRegistry, namespace: Namespace, decision: TransportDecision
) -> NamespaceAccess:
    repository = settings.repository(namespace)
    return NamespaceAccess(
        namespace=namespace.name,
        kind=registry.type,
        push_host=settings.push_host,
        pull_host=settings.pull_host,
        repository=repository,
        image_name_template=settings.image_name_template(namespace),
        transport=decision,
        identity=ServiceAccountIdentity(namespace.service_account.name, namespace.service_account.create),
        credentials=ExistingPullSecret(
            settings.secret_name(namespace) or "", (settings.push_host, repository), (settings.pull_host, repository)
        ),
        pull="linked-secret" if registry.links_pull_secret else "none",
    )

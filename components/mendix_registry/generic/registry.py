"""Registries that nothing has to be created for: ``generic`` and ``docker-secret``.

Neither makes a cloud resource. The components exist so that these kinds stand in the tree, and give their outputs, as
every other kind does.
"""

from __future__ import annotations

import pulumi

from mendix_registry.docker_config import docker_config
from mendix_registry.generic.mxpc import configuration_file
from mendix_registry.place import RegistryPlace
from mendix_registry.registry_access import (
    Anonymous,
    ExistingPullSecret,
    NewPullSecret,
    RegistryAccess,
    ServiceAccountIdentity,
)
from mendix_registry.stack_file.kinds import DockerSecretRegistry, GenericRegistry
from mendix_registry.stack_file.settings import Namespace, Settings
from mendix_registry.stack_file.transport import TransportDecision, decide

PULL_SECRET_NAME = "mendix-registry"  # noqa: S105 - the name of an object, not a secret
"""Name of the Secret that ``generic`` makes in each namespace. It never changes, so that the link in ServiceAccount
``default`` does not have to."""


class Generic(RegistryPlace):
    """Any registry with one user and password for all namespaces, or with none.

    Raises nothing: the stack file has been checked. ``access`` maps each namespace's name to its access.
    """

    def __init__(self, name: str, settings: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mendix-registry:generic:Generic", name, None, opts)
        registry = settings.registry
        if not isinstance(registry, GenericRegistry):
            raise TypeError(f"Generic serves the kind generic, not {registry.type}")
        decision = decide(settings.push_host, registry.transport)
        access = {n.name: _generic_access(settings, registry, n, decision) for n in settings.namespaces}
        self.publish(settings.push_host, settings.pull_host, decision, access)


class DockerSecret(RegistryPlace):
    """A registry whose credentials stand in a Secret of each namespace already.

    ``access`` maps each namespace's name to its access.
    """

    def __init__(self, name: str, settings: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mendix-registry:generic:DockerSecret", name, None, opts)
        registry = settings.registry
        if not isinstance(registry, DockerSecretRegistry):
            raise TypeError(f"DockerSecret serves the kind docker-secret, not {registry.type}")
        decision = decide(settings.push_host, registry.transport)
        access = {n.name: _docker_secret_access(settings, registry, n, decision) for n in settings.namespaces}
        self.publish(settings.push_host, settings.pull_host, decision, access)


def _generic_access(
    settings: Settings, registry: GenericRegistry, namespace: Namespace, decision: TransportDecision
) -> RegistryAccess:
    push_host, pull_host = settings.push_host, settings.pull_host
    repository = settings.repository(namespace)
    if registry.authentication == "none":
        credentials, link = Anonymous(), False
        file = configuration_file(namespace.name, push_host, pull_host, repository, None, link=False)
        mxpc = pulumi.Output.from_input(file)
    else:
        username, password = registry.authentication.username, registry.authentication.password.value
        link = registry.link_to_default_service_account is not False
        config = docker_config((push_host, pull_host), username, password)
        credentials = NewPullSecret(PULL_SECRET_NAME, pulumi.Output.secret(config), username)
        file = configuration_file(namespace.name, push_host, pull_host, repository, (username, password), link=link)
        mxpc = pulumi.Output.secret(file)
    return RegistryAccess(
        namespace=namespace.name,
        kind=registry.type,
        push_host=push_host,
        pull_host=pull_host,
        repository=repository,
        image_name_template=settings.image_name_template(namespace),
        transport=decision,
        identity=_identity(namespace),
        credentials=credentials,
        pull="linked-secret" if link else "none",
        mxpc_configuration=mxpc,
    )


def _docker_secret_access(
    settings: Settings, registry: DockerSecretRegistry, namespace: Namespace, decision: TransportDecision
) -> RegistryAccess:
    repository = settings.repository(namespace)
    return RegistryAccess(
        namespace=namespace.name,
        kind=registry.type,
        push_host=settings.push_host,
        pull_host=settings.pull_host,
        repository=repository,
        image_name_template=settings.image_name_template(namespace),
        transport=decision,
        identity=_identity(namespace),
        credentials=ExistingPullSecret(
            settings.secret_name(namespace) or "", (settings.push_host, repository), (settings.pull_host, repository)
        ),
        pull="linked-secret" if registry.link_to_default_service_account else "none",
    )


def _identity(namespace: Namespace) -> ServiceAccountIdentity:
    return ServiceAccountIdentity(namespace.service_account.name, namespace.service_account.create)

"""The kind ``toy``: a box."""

from __future__ import annotations

import pulumi
from mendix_registry.kinds.toy.settings import ToyRegistry
from pulumi_kubernetes.core.v1 import ConfigMap

from mendix_registry.namespace_access import Anonymous, NamespaceAccess, ServiceAccountIdentity
from mendix_registry.place import RegistryPlace
from mendix_registry.settings.stack import Settings
from mendix_registry.settings.transport import decide


class Toy(RegistryPlace):
    """A box, and everyone's access to it."""

    def __init__(
        self, name: str, settings: Settings, registry: ToyRegistry, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("mendix-registry:index:Toy", name, registry, opts)
        ConfigMap(f"{self.prefix}box", data={"colour": registry.colour}, opts=pulumi.ResourceOptions(parent=self))
        decision = decide(settings.push_host, registry.transport)
        access = {
            namespace.name: NamespaceAccess(
                namespace=namespace.name,
                kind=registry.type,
                push_host=settings.push_host,
                pull_host=settings.pull_host,
                repository=settings.repository(namespace),
                image_name_template=settings.image_name_template(namespace),
                transport=decision,
                identity=ServiceAccountIdentity(namespace.service_account.name, namespace.service_account.create),
                credentials=Anonymous(),
                pull="none",
            )
            for namespace in settings.namespaces
        }
        self.publish(settings.push_host, settings.pull_host, decision, access)

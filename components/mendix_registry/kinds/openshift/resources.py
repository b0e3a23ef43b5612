"""Kinds ``openshift3`` and ``openshift4``: nothing is created but what lets ServiceAccount ``builder`` push.

Every project's ServiceAccount ``builder`` pushes with its own projected token as the password: OpenShift since 4.16 makes
no lasting token Secrets any more. Nodes pull without credentials of ours: OpenShift gives each ServiceAccount of a project
its own pull secret.
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
from pulumi_kubernetes.core.v1 import Service

from mendix_registry.kinds.openshift.mxpc import configuration_file
from mendix_registry.kinds.openshift.settings import (
    OPENSHIFT3_SERVICE,
    OpenShift3Registry,
    OpenShift4Registry,
    OpenShiftRegistry,
)
from mendix_registry.namespace_access import (
    CaBundle,
    NamespaceAccess,
    PushRole,
    ServiceAccountIdentity,
    ServiceAccountToken,
)
from mendix_registry.place import RegistryPlace
from mendix_registry.settings.stack import Namespace, Settings
from mendix_registry.settings.transport import TransportDecision, decide

REGISTRY_USER = "serviceaccount"
"""The user name of OpenShift's own builds. The registry looks at the password only, which is the token."""

OPERATOR_TYPE = "openshift"
"""``spec.registry.type`` in Mendix's OperatorConfiguration, which is not mxpc-cli's word."""

PUSH_ROLE = PushRole("mendix-registry-image-builder", "system:image-builder")
"""OpenShift's ClusterRole of those who may push to the ImageStreams of a project, in a RoleBinding of this stack's own:
OpenShift's RoleBinding ``system:image-builders`` is left alone."""

SERVICE_CA = CaBundle(
    "mendix-registry-service-ca", "service-ca.crt", {"service.beta.openshift.io/inject-cabundle": "true"}
)
"""Its content is written by OpenShift's service CA operator."""


class OpenShift4(RegistryPlace):
    """The registry of OpenShift 4. ``access`` maps each namespace's name to its access."""

    def __init__(
        self, name: str, settings: Settings, registry: OpenShift4Registry, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("mendix-registry:openshift:OpenShift4", name, registry, opts)
        decision = decide(settings.push_host, registry.transport, only_https=registry.only_https)
        access = {
            namespace.name: _access(
                settings,
                registry,
                namespace,
                decision,
                pull_host=settings.pull_host,
                bundle=None if decision.insecure else SERVICE_CA,
                mxpc=pulumi.Output.from_input(configuration_file(namespace.name)),
            )
            for namespace in settings.namespaces
        }
        self.publish(settings.push_host, settings.pull_host, decision, access)


class OpenShift3(RegistryPlace):
    """The registry of OpenShift 3. ``access`` maps each namespace's name to its access.

    Without a pull host in the stack file, the registry's Service is read, and its address and port are the pull host.
    """

    def __init__(
        self, name: str, settings: Settings, registry: OpenShift3Registry, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("mendix-registry:openshift:OpenShift3", name, registry, opts)
        decision = decide(settings.push_host, registry.transport, only_https=registry.only_https)
        if registry.pull_host:
            pull_host = pulumi.Output.from_input(registry.pull_host)
        else:
            service = Service.get(
                f"{name}-service", "/".join(OPENSHIFT3_SERVICE), opts=pulumi.ResourceOptions(parent=self)
            )
            pull_host = service.spec.apply(
                lambda spec: _address(spec.cluster_ip, [port.port for port in spec.ports or ()])
            )
        access = {
            namespace.name: _access(settings, registry, namespace, decision, pull_host=pull_host)
            for namespace in settings.namespaces
        }
        self.publish(settings.push_host, pull_host, decision, access)


def _address(address: str | None, ports: Sequence[int]) -> str:
    if not address or address == "None" or not ports:
        namespace, name = OPENSHIFT3_SERVICE
        raise pulumi.RunError(
            f"The Service {name} in namespace {namespace} has no cluster address or no port, so nodes have no pull host. "
            "Set registry.pullHost in the stack file to the address that nodes reach the registry by."
        )
    host = f"[{address}]" if ":" in address else address
    return f"{host}:{ports[0]}"


def _access(
    settings: Settings,
    registry: OpenShiftRegistry,
    namespace: Namespace,
    decision: TransportDecision,
    *,
    pull_host: pulumi.Input[str],
    bundle: CaBundle | None = None,
    mxpc: pulumi.Output[str] | None = None,
) -> NamespaceAccess:
    builder = settings.service_account(namespace)
    return NamespaceAccess(
        namespace=namespace.name,
        kind=settings.registry.type,
        push_host=settings.push_host,
        pull_host=pull_host,
        repository=settings.repository(namespace),
        image_name_template=settings.image_name_template(namespace),
        transport=decision,
        identity=ServiceAccountIdentity(builder.name, create=builder.create),
        credentials=ServiceAccountToken(REGISTRY_USER),
        pull="node",
        mxpc_configuration=mxpc,
        push_role=PUSH_ROLE if registry.create_role_binding else None,
        ca_bundle=bundle,
        operator_type=OPERATOR_TYPE,
        platform_assigns_user=True,
    )

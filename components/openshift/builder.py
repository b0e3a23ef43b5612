"""What a namespace needs before its ServiceAccount ``builder`` can push to OpenShift's registry."""

from typing import TypedDict

import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap
from pulumi_kubernetes.rbac.v1 import RoleBinding

from components.kubernetes.names import MANAGED_BY
from components.kubernetes.object_identity import keep_identity

# No ``from __future__ import annotations``: the SDK's schema analyzer reads these annotations as types.

IMAGE_BUILDER = "system:image-builder"
"""OpenShift's ClusterRole of those who may push to the ImageStreams of a project."""

ROLE_BINDING_NAME = "mendix-registry-image-builder"
SERVICE_CA_CONFIG_MAP = "mendix-registry-service-ca"
SERVICE_CA_KEY = "service-ca.crt"
_INJECT = "service.beta.openshift.io/inject-cabundle"


class OpenShiftBuilderArgs(TypedDict):
    """Arguments of :class:`OpenShiftBuilder`."""

    namespace: pulumi.Input[str]
    """The namespace (project)."""

    service_account: pulumi.Input[str]
    """Who builds there: ``builder`` on any ordinary OpenShift."""

    bind_role: bool
    """Whether to bind it to ``system:image-builder``."""

    inject_service_ca: bool
    """Whether to ask OpenShift 4 for a ConfigMap with the authority of its services."""


class OpenShiftBuilder(pulumi.ComponentResource):
    """Allows a ServiceAccount to push to its project's ImageStreams and lays the registry's authority beside it.

    Both objects are this stack's own and small: OpenShift's RoleBinding ``system:image-builders`` is left alone, and the
    ConfigMap's content is written by OpenShift's service CA operator.
    """

    role_binding: pulumi.Output[str | None]
    """Name of the RoleBinding; None where none was asked for."""

    config_map: pulumi.Output[str | None]
    """Name of the ConfigMap with the key ``service-ca.crt``; None where none was asked for."""

    def __init__(self, name: str, args: OpenShiftBuilderArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        keep = pulumi.ResourceOptions(transformations=[keep_identity])
        super().__init__(
            "mendix-registry:openshift:OpenShiftBuilder", name, None, pulumi.ResourceOptions.merge(opts, keep)
        )
        made: list[pulumi.Resource] = []
        self.role_binding = self.config_map = pulumi.Output.from_input(None)
        if args["bind_role"]:
            binding = RoleBinding(
                f"{name}-image-builder",
                metadata={"name": ROLE_BINDING_NAME, "namespace": args["namespace"], "labels": MANAGED_BY},
                role_ref={"api_group": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": IMAGE_BUILDER},
                subjects=[
                    {"kind": "ServiceAccount", "name": args["service_account"], "namespace": args["namespace"]},
                ],
                opts=pulumi.ResourceOptions(parent=self),
            )
            self.role_binding = binding.metadata.apply(lambda metadata: metadata.name)
            made.append(binding)
        if args["inject_service_ca"]:
            bundle = ConfigMap(
                f"{name}-service-ca",
                metadata={
                    "name": SERVICE_CA_CONFIG_MAP,
                    "namespace": args["namespace"],
                    "labels": MANAGED_BY,
                    "annotations": {_INJECT: "true"},
                },
                opts=pulumi.ResourceOptions(parent=self),
            )
            self.config_map = bundle.metadata.apply(lambda metadata: metadata.name)
            made.append(bundle)
        self._made = tuple(made)
        self.register_outputs({"roleBinding": self.role_binding, "configMap": self.config_map})

    def ready(self) -> tuple[pulumi.Resource, ...]:
        """The resources after whose creation the ServiceAccount may push."""
        return self._made

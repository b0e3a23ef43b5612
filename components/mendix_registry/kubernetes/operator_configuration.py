"""What this stack configures for Mendix's Operator about the registry: the ``OperatorConfiguration`` of a namespace.

Only ``type``, ``pullURL``, ``pushURL`` and ``imageNameTemplate`` are publicly known under ``spec.registry``;
``trust.customCASecretName`` and ``customPodLabels.general`` are documented neighbours. Nothing else is written unless
the stack file's overlay has it. By server-side apply this stack owns exactly those fields; a field that mxpc-cli or a
person owns is a conflict that fails the update, until ``force`` is set.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, cast

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource, CustomResourcePatch
from pulumi_kubernetes.core.v1 import Secret

from mendix_registry.kubernetes.names import MANAGED_BY
from mendix_registry.namespace_access import NamespaceAccess
from mendix_registry.settings import credentials
from mendix_registry.settings.stack import OPERATOR_CONFIGURATION
from mendix_registry.settings.stack import OperatorConfiguration as Options

API_VERSION = "privatecloud.mendix.com/v1alpha1"
KIND = "OperatorConfiguration"
CA_SECRET_NAME = "mendix-registry-ca"  # noqa: S105 - the name of an object, not a secret
CA_SECRET_KEY = "custom.crt"  # noqa: S105 - the key that Mendix documents


def operator_configuration(
    name: str, namespace: pulumi.Input[str], access: NamespaceAccess, options: Options, parent: pulumi.Resource
) -> None:
    """Patches (or creates) ``mendix-operator-configuration`` in one namespace, as a child of ``parent``."""
    trusted = None
    if options.trust_ca_certificate and access.transport.ca_certificate:
        trusted = Secret(
            f"{name}-ca",
            metadata={"name": CA_SECRET_NAME, "namespace": namespace, "labels": MANAGED_BY},
            data={CA_SECRET_KEY: base64.b64encode(access.transport.ca_certificate.encode()).decode()},
            opts=pulumi.ResourceOptions(parent=parent),
        ).metadata.apply(lambda metadata: metadata.name or CA_SECRET_NAME)
    metadata: dict[str, Any] = {"name": OPERATOR_CONFIGURATION, "namespace": namespace}
    if options.force:
        metadata["annotations"] = {"pulumi.com/patchForce": "true"}
    resource = CustomResource if options.adopt == "create" else CustomResourcePatch
    spec = specification(access, options, trusted)
    resource(name, API_VERSION, KIND, spec=spec, metadata=metadata, opts=pulumi.ResourceOptions(parent=parent))


def specification(
    access: NamespaceAccess, options: Options, trusted_secret: pulumi.Input[str] | None = None
) -> dict[str, Any]:
    """``spec`` as this stack sets it; the overlay is merged below, never over, the managed fields."""
    registry: dict[str, Any] = {"pushURL": access.push_host, "pullURL": access.pull_host}
    if access.image_name_template is not None:
        registry["imageNameTemplate"] = access.image_name_template
    kind = options.type or access.operator_type
    if kind is not None:
        registry["type"] = kind
    spec: dict[str, Any] = {"registry": registry}
    if access.build_pod_labels:
        spec["customPodLabels"] = {"general": dict(access.build_pod_labels)}
    if trusted_secret is not None:
        spec["trust"] = {"customCASecretName": trusted_secret}
    return _merged(_with_secrets(options.overlay), spec)


def _with_secrets(overlay: Any) -> Any:
    """The overlay with its credentials, which were encrypted in the stack file, as secrets of the stack's state."""
    if isinstance(overlay, Mapping):
        fields = cast("Mapping[str, Any]", overlay)
        return {
            key: pulumi.Output.secret(value)
            if isinstance(value, str) and credentials.in_tree(value, key)
            else _with_secrets(value)
            for key, value in fields.items()
        }
    if isinstance(overlay, list):
        return [_with_secrets(item) for item in cast("list[Any]", overlay)]
    return pulumi.Output.secret(overlay) if credentials.in_tree(overlay) else overlay


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(below)
    for key, value in above.items():
        old = result.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            value = _merged(cast("Mapping[str, Any]", old), cast("Mapping[str, Any]", value))
        result[key] = value
    return result

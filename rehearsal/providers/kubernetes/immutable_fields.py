"""Which fields cannot be changed on a live object, so that a change of them replaces the resource.

The table is pulumi-kubernetes' (``provider/pkg/provider/diff.go``), because a rehearsal must plan what production
plans, with additions where the API's own validation refuses the change (named on the line); those would fail in the API
otherwise, after a preview that promised an update. ``tests/rehearsal/providers`` asks a real API server about each
addition.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from .kinds import Kind
from .properties import Unknown, mapping_at

PathElement: TypeAlias = str | int

_IDENTITY: Final = ("metadata.name", "metadata.namespace")
_SELECTOR: Final = ("spec.selector",)
_WORKLOAD: Final = {
    "Deployment": _SELECTOR,
    "DaemonSet": _SELECTOR,
    "ReplicaSet": _SELECTOR,
}  # ReplicaSet: apps validation
_STATEFUL_SET: Final = (
    "spec.podManagementPolicy",
    "spec.revisionHistoryLimit",
    "spec.selector",
    "spec.serviceName",
    "spec.volumeClaimTemplates",
)
# Mutable in the pod template of a Deployment, but not in a Pod: core validation allows only a few fields to change.
_POD: Final = tuple(
    f"spec.{name}"
    for name in (
        "affinity",
        "automountServiceAccountToken",
        "dnsConfig",
        "dnsPolicy",
        "enableServiceLinks",
        "hostAliases",
        "hostIPC",
        "hostNetwork",
        "hostPID",
        "hostname",
        "imagePullSecrets",
        "nodeName",
        "nodeSelector",
        "overhead",
        "preemptionPolicy",
        "priority",
        "priorityClassName",
        "readinessGates",
        "restartPolicy",
        "runtimeClassName",
        "schedulerName",
        "securityContext",
        "serviceAccount",
        "serviceAccountName",
        "shareProcessNamespace",
        "subdomain",
        "terminationGracePeriodSeconds",
        "volumes",
        "containers",
        "initContainers",
    )
)
_VOLUME_SOURCES: Final = tuple(
    f"spec.{name}"
    for name in (
        "awsElasticBlockStore",
        "azureDisk",
        "azureFile",
        "cephfs",
        "cinder",
        "csi",
        "fc",
        "flexVolume",
        "flocker",
        "gcePersistentDisk",
        "glusterfs",
        "hostPath",
        "iscsi",
        "local",
        "nfs",
        "photonPersistentDisk",
        "portworxVolume",
        "quobyte",
        "rbd",
        "scaleIO",
        "storageos",
        "vsphereVolume",
    )
)
_JOB: Final = (
    "spec.completions",
    "spec.parallelism",
    "spec.selector",
    "spec.template",
    "spec.completionMode",  # batch validation: immutable
    "spec.podFailurePolicy",  # batch validation: immutable
    "spec.backoffLimitPerIndex",  # batch validation: immutable
    "spec.successPolicy",  # batch validation: immutable
    "spec.managedBy",  # batch validation: immutable
)
_CLAIM: Final = ("spec",)
_ROLE_BINDING: Final = ("roleRef",)

# Keyed by group and kind: a field's mutability does not depend on the version it is written in.
_FIELDS: Final[dict[tuple[str, str], Sequence[str]]] = {
    **{("apps", kind): fields for kind, fields in _WORKLOAD.items()},
    ("apps", "StatefulSet"): _STATEFUL_SET,
    ("batch", "Job"): _JOB,
    ("", "PersistentVolume"): _VOLUME_SOURCES,
    ("", "PersistentVolumeClaim"): _CLAIM,
    ("", "Pod"): _POD,
    ("", "ResourceQuota"): ("spec.scopes",),
    ("", "Service"): ("spec.clusterIP",),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): _ROLE_BINDING,
    ("rbac.authorization.k8s.io", "RoleBinding"): _ROLE_BINDING,
    ("storage.k8s.io", "StorageClass"): (
        "parameters",
        "provisioner",
        "reclaimPolicy",  # storage validation: immutable
        "volumeBindingMode",  # storage validation: immutable
    ),
    ("storage.k8s.io", "CSIDriver"): ("spec.attachRequired",),  # storage validation: immutable
    ("scheduling.k8s.io", "PriorityClass"): ("value", "preemptionPolicy"),  # scheduling validation: immutable
    ("networking.k8s.io", "IngressClass"): ("spec.controller",),  # networking validation: immutable
    ("node.k8s.io", "RuntimeClass"): ("handler",),  # node validation: immutable
    ("apiextensions.k8s.io", "CustomResourceDefinition"): ("spec.scope", "spec.names.kind"),  # of an established CRD
}


@dataclass(frozen=True, slots=True)
class MutabilityOptions:
    """Provider settings that decide whether data is changed in place; off as in pulumi-kubernetes.

    Off means that changed data makes a new object, so that a rollout which refers to the auto-named new object
    happens and the old one stays until then.
    """

    config_maps: bool = False
    secrets: bool = False


def immutable_paths(
    kind: Kind, inputs: Any, *, patch: bool = False, mutability: MutabilityOptions | None = None
) -> tuple[str, ...]:
    """Dotted paths under which a change replaces a resource of that kind with those new inputs.

    A ``*Patch`` resource is only ever replaced when it is to patch another object.
    """
    if patch:
        return _IDENTITY
    allowed = mutability or MutabilityOptions()
    fields: Iterable[str] = _FIELDS.get((kind.group, kind.kind), ())
    frozen = mapping_at(inputs).get("immutable") is True
    if (kind.group, kind.kind) == ("", "Secret"):
        # The type is immutable by core validation even where data is not.
        fields = ("type", "stringData", "data") if frozen or not allowed.secrets else ("type",)
    elif (kind.group, kind.kind) == ("", "ConfigMap"):
        fields = ("binaryData", "data") if frozen or not allowed.config_maps else ()
    return (*_IDENTITY, *fields)


def forces_replacement(path: Sequence[PathElement], old: Any, new: Any, immutable: Iterable[str]) -> bool:
    """Whether a change at ``path`` from ``old`` to ``new`` (None: absent) touches an immutable path.

    That is a change at such a path, below it, or above it where the value that came or went holds the path.
    """
    names = [element for element in path if isinstance(element, str)]
    for dotted in immutable:
        parts = dotted.split(".")
        if len(names) >= len(parts):
            if names[: len(parts)] == parts:
                return True
        elif parts[: len(names)] == names and any(_holds(value, parts[len(names) :]) for value in (old, new)):
            return True
    return False


def _holds(value: Any, parts: Sequence[str]) -> bool:
    """Whether the path is set in the value; what is unknown may set it."""
    for index, part in enumerate(parts):
        if isinstance(value, Unknown):
            return True
        fields = mapping_at(value)
        if part not in fields:
            return False
        if index == len(parts) - 1:
            return True
        value = fields[part]
    return False

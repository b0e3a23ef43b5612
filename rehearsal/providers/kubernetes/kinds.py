"""Type tokens and kinds: which API object a Pulumi resource stands for.

Tokens are those of the pulumi-kubernetes SDK: ``kubernetes:<group>/<version>:<Kind>`` with ``core`` for the group
without a name, ``<Kind>Patch`` for a resource that owns only some fields of an object somebody else creates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PACKAGE: Final = "kubernetes"

# Groups that Kubernetes itself serves. Only in these may a kind's name be read as a pattern (…List, …Patch), because
# there the SDK's names are known; a custom resource may be called AllowList.
BUILT_IN_GROUPS: Final = frozenset(
    {
        "",
        "apps",
        "autoscaling",
        "batch",
        "extensions",
        "policy",
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "apiregistration.k8s.io",
        "auditregistration.k8s.io",
        "authentication.k8s.io",
        "authorization.k8s.io",
        "certificates.k8s.io",
        "coordination.k8s.io",
        "discovery.k8s.io",
        "events.k8s.io",
        "flowcontrol.apiserver.k8s.io",
        "internal.apiserver.k8s.io",
        "lifecycle.k8s.io",
        "meta",
        "networking.k8s.io",
        "node.k8s.io",
        "rbac.authorization.k8s.io",
        "resource.k8s.io",
        "scheduling.k8s.io",
        "settings.k8s.io",
        "storage.k8s.io",
        "storagemigration.k8s.io",
    }
)

# Scope of the built-in kinds, so that an update that changes nothing needs no discovery request. Everything else of a
# built-in group is namespaced. The test suite compares this with a real API server's discovery.
_CLUSTER_SCOPED: Final = frozenset(
    {
        ("", "ComponentStatus"),
        ("", "Namespace"),
        ("", "Node"),
        ("", "PersistentVolume"),
        ("admissionregistration.k8s.io", "MutatingAdmissionPolicy"),
        ("admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding"),
        ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"),
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"),
        ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
        ("apiregistration.k8s.io", "APIService"),
        ("auditregistration.k8s.io", "AuditSink"),
        ("authentication.k8s.io", "SelfSubjectReview"),
        ("authentication.k8s.io", "TokenReview"),
        ("authorization.k8s.io", "SelfSubjectAccessReview"),
        ("authorization.k8s.io", "SelfSubjectRulesReview"),
        ("authorization.k8s.io", "SubjectAccessReview"),
        ("certificates.k8s.io", "CertificateSigningRequest"),
        ("certificates.k8s.io", "ClusterTrustBundle"),
        ("extensions", "PodSecurityPolicy"),
        ("flowcontrol.apiserver.k8s.io", "FlowSchema"),
        ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"),
        ("internal.apiserver.k8s.io", "StorageVersion"),
        ("networking.k8s.io", "ClusterCIDR"),
        ("networking.k8s.io", "IPAddress"),
        ("networking.k8s.io", "IngressClass"),
        ("networking.k8s.io", "ServiceCIDR"),
        ("node.k8s.io", "RuntimeClass"),
        ("policy", "PodSecurityPolicy"),
        ("rbac.authorization.k8s.io", "ClusterRole"),
        ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
        ("resource.k8s.io", "DeviceClass"),
        ("resource.k8s.io", "DeviceTaintRule"),
        ("resource.k8s.io", "ResourceClass"),
        ("resource.k8s.io", "ResourceSlice"),
        ("scheduling.k8s.io", "PriorityClass"),
        ("storage.k8s.io", "CSIDriver"),
        ("storage.k8s.io", "CSINode"),
        ("storage.k8s.io", "StorageClass"),
        ("storage.k8s.io", "VolumeAttachment"),
        ("storage.k8s.io", "VolumeAttributesClass"),
        ("storagemigration.k8s.io", "StorageVersionMigration"),
    }
)

# Resources and components of the SDK that render manifests on the client; there is no API object behind them.
_RENDERED: Final = {
    "helm.sh/v3": "Helm charts and releases",
    "helm.sh/v4": "Helm charts",
    "helm.sh/v2": "Helm charts",
    "kustomize": "Kustomize directories",
    "kustomize/v2": "Kustomize directories",
    "yaml": "YAML files",
    "yaml/v2": "YAML files and groups",
}


class UnsupportedTypeError(ValueError):
    """The type token names nothing that this provider can make; the message says what to use instead."""


@dataclass(frozen=True, slots=True, order=True)
class Kind:
    """Group, version and kind of an API object; the group of ``v1`` objects is empty."""

    group: str
    version: str
    kind: str

    @property
    def api_version(self) -> str:
        """As in an object's ``apiVersion``."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def built_in(self) -> bool:
        return self.group in BUILT_IN_GROUPS

    @property
    def namespaced(self) -> bool | None:
        """Whether objects live in a namespace; None where only the API server can tell."""
        if not self.built_in:
            return None
        return (self.group, self.kind) not in _CLUSTER_SCOPED

    def __str__(self) -> str:
        return f"{self.api_version}/{self.kind}"

    @classmethod
    def of(cls, api_version: str, kind: str) -> Kind:
        """The kind of an object with these two fields (``core/v1`` is accepted for ``v1``)."""
        group, _, version = api_version.rpartition("/")
        return cls("" if group == "core" else group, version, kind)


@dataclass(frozen=True, slots=True)
class ResourceType:
    """What a type token says: the kind, and whether the resource is a ``*Patch``."""

    kind: Kind
    patch: bool


def parse_token(token: str, object_kind: str | None = None) -> ResourceType:
    """Read a type token of the SDK.

    ``object_kind`` is the ``kind`` that the resource's inputs or state give, where they do: a custom resource's kind
    may itself end in ``Patch``.

    Raises UnsupportedTypeError for other packages, for client-side components (helm, kustomize, yaml) and for list
    kinds.
    """
    package, _, rest = token.partition(":")
    module, _, name = rest.partition(":")
    if package != PACKAGE or not module or not name:
        raise UnsupportedTypeError(
            f"{token!r} is no type of the kubernetes package (kubernetes:<group>/<version>:<Kind>)"
        )
    if rendered := _RENDERED.get(module):
        raise UnsupportedTypeError(unsupported_rendering(token, rendered))
    group, _, version = module.rpartition("/")
    if not group or not version:
        raise UnsupportedTypeError(
            f"{token!r} names no API group and version before the kind, as in kubernetes:batch/v1:Job"
        )
    kind = Kind("" if group == "core" else group, version, name)
    if name.endswith("Patch") and name not in ("Patch", object_kind):
        return ResourceType(Kind(kind.group, kind.version, name.removesuffix("Patch")), patch=True)
    if kind.built_in and name.endswith("List"):
        raise UnsupportedTypeError(
            f"{token!r}: list kinds exist to read manifests and cannot be created; declare each "
            f"{name.removesuffix('List')} on its own"
        )
    return ResourceType(kind, patch=False)


def type_of_urn(urn: str) -> str:
    """The resource's own type token from its URN (the part after the last ``$``)."""
    parts = urn.split("::")
    return parts[2].rpartition("$")[2] if len(parts) >= 4 else ""


def unsupported_rendering(token: str, what: str) -> str:
    """Why client-side rendering is refused, and the way out."""
    return (
        f"{token}: {what} are rendered on the client, which this provider does not do. Use the resources of "
        f"pulumi_kubernetes.core.v1, batch.v1, …, or apiextensions.CustomResource for anything else"
    )

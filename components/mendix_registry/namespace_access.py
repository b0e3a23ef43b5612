"""The one value that every kind of registry produces and the Kubernetes side consumes.

A place's component (``mendix_registry.kinds.generic``, later ``aws``, ``azure``, ``gcp``, ``openshift``) makes one
:class:`NamespaceAccess` per namespace. ``mendix_registry.kubernetes`` turns it into a ServiceAccount, a pull secret, an
``OperatorConfiguration`` and a proven push without knowing which kind it came from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, TypeAlias

import pulumi

from mendix_registry.settings.transport import TransportDecision


@dataclass(frozen=True, slots=True)
class ServiceAccountIdentity:
    """Who the builder Job runs as, and the subject that a cloud's trust names.

    ``create``: whether this stack makes the ServiceAccount. ``annotations`` go on it, ``pod_labels`` on the pods that
    run as it (the cloud's webhooks look there). ``automount_token``: whether pods get the ServiceAccount's own token.
    """

    name: str
    create: bool = True
    annotations: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])
    pod_labels: Mapping[str, str] = field(default_factory=dict[str, str])
    automount_token: bool = False


@dataclass(frozen=True, slots=True)
class Anonymous:
    """No one authenticates: the registry lets everyone push."""

    kind: ClassVar[str] = "anonymous"


@dataclass(frozen=True, slots=True)
class NewPullSecret:
    """A ``kubernetes.io/dockerconfigjson`` Secret that this stack makes. ``docker_config`` is its JSON text, a secret;
    ``username`` is who it authenticates as."""

    kind: ClassVar[str] = "pull-secret"
    name: str
    docker_config: pulumi.Output[str]
    username: pulumi.Input[str]


@dataclass(frozen=True, slots=True)
class ExistingPullSecret:
    """A ``kubernetes.io/dockerconfigjson`` Secret that exists; it must serve the push client for ``push`` and nodes for ``pull``,
    each a host and a repository."""

    kind: ClassVar[str] = "existing-pull-secret"
    name: str
    push: tuple[str, str]
    pull: tuple[str, str]


@dataclass(frozen=True, slots=True)
class NewCredentialFile:
    """An Opaque Secret that this stack makes, with one file in it that the client reads for itself (AWS's shared credentials
    file). ``variable`` is the environment variable that holds the file's path for the client; ``content`` is a secret;
    ``username`` is who it authenticates as."""

    kind: ClassVar[str] = "credential-file"
    name: str
    file: str
    content: pulumi.Output[str]
    variable: str
    username: pulumi.Input[str]


@dataclass(frozen=True, slots=True)
class ServiceAccountToken:
    """The ServiceAccount's own projected token is the registry's password (OpenShift). ``username`` is what stands beside it;
    ``audience`` what the token is made for, None for the API server's own; ``expiration_seconds`` its life."""

    kind: ClassVar[str] = "service-account-token"
    username: str
    audience: str | None = None
    expiration_seconds: int = 3600


@dataclass(frozen=True, slots=True)
class WorkloadIdentity:
    """The ServiceAccount itself is the credential: the client exchanges its token at the cloud (or at the registry).

    ``description`` is who it becomes there, which often only the cloud knows.
    """

    kind: ClassVar[str] = "workload-identity"
    description: pulumi.Input[str]


Credentials: TypeAlias = (
    Anonymous | NewPullSecret | ExistingPullSecret | NewCredentialFile | ServiceAccountToken | WorkloadIdentity
)
"""``kind`` is how the component of a namespace names it in its inputs."""


@dataclass(frozen=True, slots=True)
class CaBundle:
    """A ConfigMap of the namespace with the authority's PEM certificates under ``key``, filled by the cluster (OpenShift's service
    CA), where their text is unknown to the program. This stack makes it, empty, with the ``annotations`` that ask for them."""

    config_map: str
    key: str
    annotations: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PushRole:
    """A RoleBinding ``name`` of this stack that gives the ServiceAccount the ClusterRole ``cluster_role`` in its namespace."""

    name: str
    cluster_role: str


Pull: TypeAlias = Literal["linked-secret", "node", "none"]
"""How nodes authenticate a pull: by the Secret linked to ServiceAccount ``default``, by the nodes' own identity, or
not at all as far as this stack knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamespaceAccess:
    """How one namespace pushes to and pulls from its registry.

    ``kind``: the registry kind, spelled as mxpc-cli spells it. ``push_host`` is what pods reach, ``pull_host`` what
    nodes reach. ``image_name_template`` is None where the Operator's field is left alone. ``mxpc_configuration`` is
    mxpc-cli's configuration file for the registry where its form is public, a secret if it holds one, else None.
    ``build_pod_labels`` are labels that Mendix's own build pods need (the Operator's ``customPodLabels.general``).
    ``environment`` are further variables of the builder Job's client, none of them secret (a cloud's region or authority).
    ``ready`` are the resources after whose creation the identity may push (attached policies, role assignments):
    nothing pushes before them. They are resources, not an output made from them, so that waiting does not make previews
    of the Job unknown.
    ``push_role`` is what the ServiceAccount needs in the namespace before it may push. ``ca_bundle`` is where the
    cluster itself puts the registry's authority. ``operator_type`` is the Operator's own word for the kind
    (``spec.registry.type``), None where no public source has it. ``platform_assigns_user`` is whether pods must
    leave their user to the platform (OpenShift).
    ``pending`` is what is missing before anyone can push, where something must be brought from outside first; then no proof is
    tried in this namespace.
    """

    namespace: str
    kind: str
    push_host: pulumi.Input[str]
    pull_host: pulumi.Input[str]
    repository: pulumi.Input[str]
    image_name_template: pulumi.Input[str] | None
    transport: TransportDecision
    identity: ServiceAccountIdentity
    credentials: Credentials
    pull: Pull
    mxpc_configuration: pulumi.Output[str] | None = None
    build_pod_labels: Mapping[str, str] = field(default_factory=dict[str, str])
    environment: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])
    ready: tuple[pulumi.Resource, ...] = ()
    push_role: PushRole | None = None
    ca_bundle: CaBundle | None = None
    operator_type: str | None = None
    platform_assigns_user: bool = False
    pending: str | None = None

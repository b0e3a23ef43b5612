"""What a program gives to :class:`mendix_registry.MendixRegistry` besides ``registry``: the stack file's keys.

Written by ``python -m mendix_registry.stack_file.schema`` from the types of the stack file.
"""

# No ``from __future__ import annotations``: the SDK's schema analyzer reads these annotations as types.

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict


class ServiceAccountReferenceArgs(TypedDict):
    """The ServiceAccount that the builder Job runs as, and that cloud identities trust."""

    name: NotRequired[str]
    """Mendix recommends `mendix-builder`. Default: `mendix-builder`."""

    create: NotRequired[bool]
    """Whether this stack creates it. `false`: it exists, for instance because mxpc-cli created it. Default: `true`."""


class NamespaceArgs(TypedDict):
    """One namespace of Mendix for Private Cloud, and what differs in it from the rest of the stack."""

    name: str
    """The namespace's name."""

    create: NotRequired[bool]
    """Whether this stack creates it (and deletes it, with everything inside, when the stack is destroyed). Default:
    `false`."""

    pod_security: NotRequired[str]
    """The Pod Security Standard that a created namespace enforces. One of `restricted`, `baseline`, `privileged`.
    Default: `restricted`."""

    labels: NotRequired[Mapping[str, str]]
    """Further labels of a created namespace. What it enforces of the Pod Security Standards is `podSecurity`; another
    level for `pod-security.kubernetes.io/audit` or `warn` may stand here."""

    repository: NotRequired[str]
    """The namespace's own repository, instead of `registry.repository`."""

    secret_name: NotRequired[str]
    """With `docker-secret`: the namespace's own Secret, instead of `registry.secretName`."""

    service_account: NotRequired[ServiceAccountReferenceArgs]
    """Who the builder Job runs as."""


class ClusterArgs(TypedDict):
    """Which Kubernetes cluster. Without either key: the ambient one (`KUBECONFIG`, else `~/.kube/config`)."""

    kubeconfig: NotRequired[Any]
    """A kubeconfig: its text, or `{file: path}`, `{environment: NAME}`. Kept as a secret. In plain text only without
    credentials (a plug-in has them); one with a token, password or key, also in a plug-in's arguments or variables,
    must be encrypted or stand elsewhere."""

    context: NotRequired[str]
    """The context of the kubeconfig; default: its current one."""


class OperatorConfigurationArgs(TypedDict):
    """What this stack writes to `mendix-operator-configuration` in each namespace."""

    adopt: NotRequired[str]
    """`patch`: Mendix's installer created it, own only the fields set here; `create`: this stack owns the object;
    `none`: leave it alone (for example because mxpc-cli writes it). Default: `patch`."""

    type: NotRequired[str]
    """`spec.registry.type`. Written only if given: no public source lists the values except `openshift`."""

    image_name_template: NotRequired[str | None]
    """`spec.registry.imageNameTemplate`: Mendix's variables `{{.Name}}`, `{{.Generation}}`, `{{.Version}}`,
    `{{.UnixTimestamp}}`, `{{.Timestamp}}`; and `{repository}`, `{namespace}` of this stack. `null` leaves the field
    alone. Default: `{repository}:{{.Name}}-{{.Timestamp}}`."""

    trust_ca_certificate: NotRequired[bool]
    """Whether `registry.transport.caCertificate` is also given to the Operator (`spec.trust.customCASecretName`), so
    that Mendix's own build trusts the registry as the builder Job does. Default: `true`."""

    overlay: NotRequired[Mapping[str, Any]]
    """Anything else below `spec`, merged as it is. It cannot repeat the four fields of `spec.registry` above."""

    force: NotRequired[bool]
    """Whether to take over fields that another tool (mxpc-cli, kubectl) owns, instead of failing with the conflict.
    Default: `false`."""


class AppSourceArgs(TypedDict):
    """The MDA: exactly one place, and the digest of exactly one file."""

    sha256: str
    """The file's SHA-256 in hexadecimal digits. A new app is a new digest, hence a new image."""

    url: NotRequired[Any]
    """Where the Job downloads it. Kept as a secret, since such URLs often carry a token. In plain text only without
    one: a URL with a user or a token must be encrypted or stand elsewhere."""

    config_map: NotRequired[str]
    """A ConfigMap of the namespace that has it as binary data (at most 1 MiB)."""

    persistent_volume_claim: NotRequired[str]
    """A PersistentVolumeClaim of the namespace that has it as a file. Mounted read-only."""

    path: NotRequired[str]
    """The ConfigMap's key, or the file's path in the volume. Default: `app.mda`."""


class BuildArgs(TypedDict):
    """Mode `build`: an app as one layer on a base image."""

    base_image: str
    """The base image, by digest."""

    mda: AppSourceArgs
    """The app."""

    directory: str
    """Where the app's files go in the image. No public source states where Mendix's own base images look for them."""

    unpack: NotRequired[bool]
    """Whether the MDA, which is a ZIP file, is unpacked there; else it goes there as `app.mda`. Default: `true`."""

    tag: NotRequired[str]
    """Beginning of the image's tag; `-` and 12 digits follow, of a digest of everything that goes into the image.
    Default: `mendix-app`."""

    labels: NotRequired[Mapping[str, str]]
    """Labels of the image."""

    work_size: NotRequired[str]
    """Size limit of the Job's writable volume, which holds the MDA, its files and the layer. Default: `2Gi`."""


class MirrorImageArgs(TypedDict):
    """One image (or index of images) that mode `mirror` copies."""

    source: str
    """What is copied: `host/repository:tag`, `host/repository@sha256:…`, or with both."""

    destination: NotRequired[str]
    """`repository:tag` in this stack's registry, `{repository}` and `{namespace}` filled in. Default: the namespace's
    own repository, with the source's last path part and tag (or 12 digits of its digest) as the tag."""

    platforms: NotRequired[Sequence[str]]
    """Which platforms of an index are copied. Default: the index as it is. One: that image alone, with its digest.
    Several: a smaller index, whose images keep their digests."""


class QuantitiesArgs(TypedDict):
    """CPU, memory and ephemeral storage, as Kubernetes writes quantities."""

    cpu: NotRequired[str]
    """CPU. Default: `250m`."""

    memory: NotRequired[str]
    """Memory. Default: `128Mi`."""

    ephemeral_storage: NotRequired[str]
    """Left out by default: the Job's one writable volume has its own size limit, and nodes that do not measure local
    storage would not run the pod."""


class ResourcesArgs(TypedDict):
    """Requests and limits of the Job's container; equal by default, as GKE Autopilot expects them."""

    requests: NotRequired[QuantitiesArgs]
    """What the container requests."""

    limits: NotRequired[QuantitiesArgs]
    """The most that it may use."""


class BuilderArgs(TypedDict):
    """The builder Job, which proves that a push works."""

    mode: NotRequired[str]
    """`verify`: push a tiny image and read it back by digest; `build`: push an app's image; `mirror`: copy images into
    the registry; `none`: prove nothing. Default: `verify`."""

    build: NotRequired[BuildArgs]
    """With mode `build`: the app and its base image."""

    mirror: NotRequired[Sequence[MirrorImageArgs]]
    """With mode `mirror`: what is copied. An image whose destination is the same for several namespaces is copied by
    the first of them; a namespace with nothing to copy proves its push as with `verify`."""

    image: NotRequired[str]
    """The client image: krane with a busybox shell. Pin it by digest (`…@sha256:…`). Default:
    `gcr.io/go-containerregistry/krane:debug`."""

    prove_node_pull: NotRequired[bool]
    """With mode `verify`: whether a pod of the pushed image is then started from the pull host under ServiceAccount
    `default`, as app pods are. Default: `true`."""

    tag: NotRequired[str]
    """Beginning of the proof image's tag; `-` and 12 digits of its digest follow. Default: `mendix-registry-verify`."""

    architecture: NotRequired[str]
    """Architecture of the proof image and of the nodes that must pull it (label `kubernetes.io/arch`); with mode
    `build` the one that is taken of the base image. One of `amd64`, `arm64`. Default: `amd64`."""

    attempts: NotRequired[int]
    """How often a Job tries a push that fails for a passing reason, waiting 1, 2, 4 … 30 seconds in between (8 tries: a
    minute and a half). With mode `mirror` a try that has brought a layer does not count. Default: `8`."""

    timeout_seconds: NotRequired[int]
    """Seconds that each Job may take in all, from its start: waiting for a node and pulling the client image included.
    What keeps its pod from starting (quota, admission, no node, an image that cannot be pulled) fails the update after
    this time. Default: `300`."""

    rerun: NotRequired[str]
    """Any text; changing it makes the Jobs run again."""

    run_as_user: NotRequired[int | None]
    """User id of the containers; `null` where the platform assigns one (on OpenShift's kinds that is the default).
    Default: `65532`."""

    node_selector: NotRequired[Mapping[str, str]]
    """Labels of the nodes that may run the Jobs. `kubernetes.io/os: linux` is always among them."""

    tolerations: NotRequired[Sequence[Mapping[str, Any]]]
    """Tolerations of the Jobs' pods, in Kubernetes' own form."""

    resources: NotRequired[ResourcesArgs]
    """What the push container requests and may use."""

"""The key ``mendix-registry:builder``: what the builder Job does in each namespace, and how."""

from __future__ import annotations

import re
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field

from mendix_registry.settings.labels import Labels, Toleration
from mendix_registry.settings.problems import Rule, raises
from mendix_registry.settings.references import ImageReference, ObjectName, PinnedImageReference, tag_fault
from mendix_registry.settings.section import Section
from mendix_registry.settings.values import MaybeSecret, OriginText, Text, known

_SHA256 = re.compile(r"[0-9a-f]{64}")
_PLATFORM = re.compile(r"[a-z0-9]+/[a-z0-9_]+(?:/[a-z0-9.]+)?")
_LABEL_TEXT = re.compile(r"""[^\s"',=\\][^\n"',=\\]*""")


class Quantities(Section):
    """CPU, memory and ephemeral storage, as Kubernetes writes quantities."""

    cpu: str = "250m"
    """CPU."""

    memory: str = "128Mi"
    """Memory."""

    ephemeral_storage: str | None = None
    """Left out by default: the Job's one writable volume has its own size limit, and nodes that do not measure
    local storage would not run the pod."""


class Resources(Section):
    """Requests and limits of the Job's container; equal by default, as GKE Autopilot expects them."""

    requests: Quantities = Quantities()
    """What the container requests."""

    limits: Quantities = Quantities()
    """The most that it may use."""


STK030 = Rule(
    "STK030",
    "the tag {value!r} (with 13 characters of digest after it) {fault}",
    "the registry would reject it",
    "use at most 115 letters, digits, '.', '_' and '-', beginning with a letter, digit or '_'",
)


@raises(STK030)
def _tag(value: str) -> str:
    fault = tag_fault(value + "-" + 12 * "0")
    if fault:
        raise STK030.error(value=value, fault=fault)
    return value


STK031 = Rule(
    "STK031",
    "{value!r} is not a SHA-256",
    "an app is built only from exactly the file that is meant",
    "give its 64 hexadecimal digits; 'sha256sum app.mda' prints them",
)


@raises(STK031)
def _sha256(value: str) -> str:
    text = value.removeprefix("sha256:").lower()
    if not _SHA256.fullmatch(text):
        raise STK031.error(value=value)
    return text


STK032 = Rule(
    "STK032",
    "this is no http or https URL",
    "the Job downloads the app from it",
    "write it as https://host/path; a file in the cluster goes under configMap or persistentVolumeClaim",
)


@raises(STK032)
def _url(value: OriginText) -> OriginText:
    if not re.fullmatch(r"https?://[^\s/]+/\S*", value):
        raise STK032.error()
    return value


STK033 = Rule(
    "STK033",
    "{value!r} is no directory of an image",
    "the app's files get their path from it",
    "write an absolute path of letters, digits, '.', '_' and '-', not the root",
)


@raises(STK033)
def _directory(value: str) -> str:
    if not re.fullmatch(r"(/[A-Za-z0-9_][A-Za-z0-9._-]*)+", value):
        raise STK033.error(value=value)
    return value


STK034 = Rule(
    "STK034",
    "{value!r} is no path inside a volume",
    "the file is looked for below the volume's root only",
    "write it relative, such as apps/orders.mda",
)


@raises(STK034)
def _file_path(value: str) -> str:
    if value.startswith("/") or ".." in value.split("/") or not re.fullmatch(r"[A-Za-z0-9._/ -]+", value):
        raise STK034.error(value=value)
    return value


STK035 = Rule(
    "STK035",
    "{value!r} is no platform",
    "images are distinguished by their platform",
    "write os/architecture, such as linux/amd64",
)


@raises(STK035)
def _platform(value: str) -> str:
    if not _PLATFORM.fullmatch(value):
        raise STK035.error(value=value)
    return value


STK036 = Rule(
    "STK036",
    "the label {key!r} is empty or has a quote, comma, equals sign, backslash or line break",
    "the client would split it in two",
    "leave these characters out",
)


@raises(STK036)
def _image_labels(value: dict[str, str]) -> dict[str, str]:
    for key, text in value.items():
        if not _LABEL_TEXT.fullmatch(key) or not _LABEL_TEXT.fullmatch(text):
            raise STK036.error(key=key)
    return value


class AppSource(Section):
    """The MDA: exactly one place, and the digest of exactly one file."""

    sha256: Annotated[str, AfterValidator(_sha256)]
    """The file's SHA-256 in hexadecimal digits. A new app is a new digest, hence a new image."""

    url: Annotated[MaybeSecret, known(_url)] | None = None
    """Where the Job downloads it. Kept as a secret, since such URLs often carry a token. In plain text only without one: a
    URL with a user or a token must be encrypted or stand elsewhere."""

    config_map: ObjectName | None = None
    """A ConfigMap of the namespace that has it as binary data (at most 1 MiB)."""

    persistent_volume_claim: ObjectName | None = None
    """A PersistentVolumeClaim of the namespace that has it as a file. Mounted read-only."""

    path: Annotated[str, AfterValidator(_file_path)] = "app.mda"
    """The ConfigMap's key, or the file's path in the volume."""


class Build(Section):
    """Mode ``build``: an app as one layer on a base image."""

    base_image: PinnedImageReference
    """The base image, by digest."""

    mda: AppSource
    """The app."""

    directory: Annotated[str, AfterValidator(_directory)]
    """Where the app's files go in the image. No public source states where Mendix's own base images look for them."""

    unpack: bool = True
    """Whether the MDA, which is a ZIP file, is unpacked there; else it goes there as ``app.mda``."""

    tag: Annotated[str, AfterValidator(_tag)] = "mendix-app"
    """Beginning of the image's tag; ``-`` and 12 digits follow, of a digest of everything that goes into the image."""

    labels: Annotated[dict[str, str], AfterValidator(_image_labels)] = Field(default_factory=dict[str, str])
    """Labels of the image."""

    work_size: str = "2Gi"
    """Size limit of the Job's writable volume, which holds the MDA, its files and the layer."""


class MirrorImage(Section):
    """One image (or index of images) that mode ``mirror`` copies."""

    source: ImageReference
    """What is copied: ``host/repository:tag``, ``host/repository@sha256:…``, or with both."""

    destination: str | None = None
    """``repository:tag`` in this stack's registry, ``{repository}`` and ``{namespace}`` filled in. Default: the namespace's own
    repository, with the source's last path part and tag (or 12 digits of its digest) as the tag."""

    platforms: Annotated[tuple[Annotated[str, AfterValidator(_platform)], ...], Field(min_length=1)] | None = None
    """Which platforms of an index are copied. Default: the index as it is. One: that image alone, with its digest. Several:
    a smaller index, whose images keep their digests."""


Mode: TypeAlias = Literal["verify", "build", "mirror", "none"]


class Builder(Section):
    """The builder Job, which proves that a push works."""

    mode: Mode = "verify"
    """``verify``: push a tiny image and read it back by digest; ``build``: push an app's image; ``mirror``: copy images into
    the registry; ``none``: prove nothing."""

    build: Build | None = None
    """With mode ``build``: the app and its base image."""

    mirror: tuple[MirrorImage, ...] = ()
    """With mode ``mirror``: what is copied. An image whose destination is the same for several namespaces is copied by the
    first of them; a namespace with nothing to copy proves its push as with ``verify``."""

    image: Text = "gcr.io/go-containerregistry/krane:debug"
    """The client image: krane with a busybox shell. Pin it by digest (``…@sha256:…``)."""

    prove_node_pull: bool = True
    """With mode ``verify``: whether a pod of the pushed image is then started from the pull host under ServiceAccount
    ``default``, as app pods are."""

    tag: Annotated[str, AfterValidator(_tag)] = "mendix-registry-verify"
    """Beginning of the proof image's tag; ``-`` and 12 digits of its digest follow."""

    architecture: Literal["amd64", "arm64"] = "amd64"
    """Architecture of the proof image and of the nodes that must pull it (label ``kubernetes.io/arch``); with mode ``build``
    the one that is taken of the base image."""

    attempts: Annotated[int, Field(ge=1, le=50)] = 8
    """How often a Job tries a push that fails for a passing reason, waiting 1, 2, 4 … 30 seconds in between (8 tries: a
    minute and a half). With mode ``mirror`` a try that has brought a layer does not count."""

    timeout_seconds: Annotated[int, Field(ge=30, le=3600)] = 300
    """Seconds that each Job may take in all, from its start: waiting for a node and pulling the client image included. What keeps
    its pod from starting (quota, admission, no node, an image that cannot be pulled) fails the update after this time."""

    rerun: Text | None = None
    """Any text; changing it makes the Jobs run again."""

    run_as_user: Annotated[int, Field(ge=1)] | None = 65532
    """User id of the containers; ``null`` where the platform assigns one (on OpenShift's kinds that is the default)."""

    node_selector: Labels = Field(default_factory=dict[str, str])
    """Labels of the nodes that may run the Jobs. ``kubernetes.io/os: linux`` is always among them."""

    tolerations: tuple[Toleration, ...] = ()
    """Tolerations of the Jobs' pods, in Kubernetes' own form."""

    resources: Resources = Resources()
    """What the push container requests and may use."""

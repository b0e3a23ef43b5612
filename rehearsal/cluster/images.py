"""The images a rehearsal brings with it: the pods' pause image and the builder Job's client image."""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import asdict, dataclass
from pathlib import Path

from rehearsal.cluster import oci_image
from rehearsal.cluster.containerd import PAUSE_IMAGE
from rehearsal.cluster.errors import ClusterError, Report
from rehearsal.cluster.oci_image import File, ImageConfig, Link
from rehearsal.cluster.packages import locate
from rehearsal.cluster.paths import write_atomically
from rehearsal.toolchain.commands import run
from rehearsal.toolchain.go_program import ensure_program
from rehearsal.toolchain.lock import exclusive
from rehearsal.toolchain.programs import CLIENT, PAUSE

CLIENT_REPOSITORY = "mendix-registry.rehearsal/krane"
_CLIENT_TAG = "debug"
_AUTHORITIES = (Path("/etc/ssl/certs/ca-certificates.crt"), Path("/etc/pki/tls/certs/ca-bundle.crt"))
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_LAYOUT_VERSION = "2"
_DESCRIPTION = "images.json"
_UPSTREAM = ("gcr.io/go-containerregistry/krane:debug", "gcr.io/go-containerregistry/krane/debug:latest")
"""Upstream's names of the client image, under which the node has its own build of the same program: a stack file
with one of them needs no change.
A digest of upstream's cannot be had without a network."""


@dataclass(frozen=True, slots=True)
class SandboxImage:
    """An image archive in the cache. ``reference`` is by digest, as a pod names it."""

    reference: str
    tag: str
    archive: str


def ensure_images(cache: Path, report: Report) -> dict[str, SandboxImage]:
    """``pause`` and ``client``, built from their programs when the cache has them not."""
    pause = ensure_program(PAUSE, cache, report)
    krane = ensure_program(CLIENT, cache, report)
    shell = locate("busybox")
    bundle = _certificate_bundle()
    key = hashlib.sha256(_LAYOUT_VERSION.encode())
    key.update(f"{PAUSE.key()} {CLIENT.key()}".encode())
    for path in (shell, bundle):
        key.update(path.read_bytes())
    directory = cache / "images" / key.hexdigest()[:16]
    present = _described(directory)
    if present is not None:
        return present
    with exclusive(directory.with_suffix(".lock")):
        present = _described(directory)
        if present is not None:
            return present
        built = {
            "pause": _write(directory, "pause", PAUSE_IMAGE, _pause_image(pause)),
            "client": _write(
                directory,
                "client",
                f"{CLIENT_REPOSITORY}:{_CLIENT_TAG}",
                client_image(krane.read_bytes(), shell.read_bytes(), _applets(shell), bundle.read_bytes()),
                _UPSTREAM,
            ),
        }
        write_atomically(directory / _DESCRIPTION, json.dumps({name: asdict(image) for name, image in built.items()}))
        return built


def _described(directory: Path) -> dict[str, SandboxImage] | None:
    """The images of a cache's directory; None where it has not all of them."""
    try:
        entries: dict[str, dict[str, str]] = json.loads((directory / _DESCRIPTION).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    # Beside the description, wherever that was written: a cache may have been copied from another machine.
    images = {
        name: SandboxImage(entry["reference"], entry["tag"], str(directory / f"{name}.tar"))
        for name, entry in entries.items()
    }
    return images if all(Path(image.archive).is_file() for image in images.values()) else None


def client_image(krane: bytes, busybox: bytes, applets: list[str], authorities: bytes) -> oci_image.Image:
    """The layout of upstream's krane debug image: the program where ko puts it, busybox beside it, nothing else.

    The user is root as upstream's is; a pod under the restricted Pod Security Standard chooses its own.
    """
    base: dict[str, File | Link | None] = {
        "/busybox/busybox": File(busybox, 0o755),
        **{f"/busybox/{name}": Link("busybox") for name in applets if name != "busybox"},
        "/etc/passwd": File(
            b"root:x:0:0:root:/root:/sbin/nologin\n"
            b"nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n"
            b"nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n"
        ),
        "/etc/group": File(b"root:x:0:\nnobody:x:65534:\nnonroot:x:65532:\n"),
        "/etc/nsswitch.conf": File(b"hosts: files dns\n"),
        "/etc/ssl/certs/ca-certificates.crt": File(authorities),
        "/home/nonroot": None,
        "/root": None,
        "/tmp": None,  # noqa: S108 - a path in the image
    }
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/ko-app:/busybox"
    return oci_image.build(
        [oci_image.layer(base), oci_image.layer({"/ko-app/krane": File(krane, 0o755)})],
        ImageConfig(
            entrypoint=["/ko-app/krane"],
            environment={
                "PATH": path,
                "SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt",
                "KO_DATA_PATH": "/var/run/ko",
            },
            architecture=_architecture(),
        ),
    )


def _pause_image(pause: Path) -> oci_image.Image:
    return oci_image.build(
        [oci_image.layer({"/pause": File(pause.read_bytes(), 0o755)})],
        ImageConfig(entrypoint=["/pause"], user="65535:65535", architecture=_architecture()),
    )


def _write(directory: Path, name: str, tag: str, image: oci_image.Image, aliases: tuple[str, ...] = ()) -> SandboxImage:
    reference = f"{tag.rpartition(':')[0]}@{image.manifest_digest}"
    archive = directory / f"{name}.tar"
    # Under both names: the kubelet finds an image only under the very reference that the pod gives.
    oci_image.write_archive(image, [tag, reference, *aliases], archive)
    return SandboxImage(reference, tag, str(archive))


def _applets(busybox: Path) -> list[str]:
    return sorted(run([busybox, "--list"]).output.split())


def _certificate_bundle() -> Path:
    found = next((path for path in _AUTHORITIES if path.is_file()), None)
    if found is None:
        raise ClusterError(
            "This machine has no bundle of certificate authorities, which the client image needs.",
            "Install the package ca-certificates.",
        )
    return found


def _architecture() -> str:
    return _ARCHITECTURES.get(platform.machine(), platform.machine())

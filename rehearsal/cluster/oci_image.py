"""Makes OCI images from files, byte for byte the same for the same files: no clock, no user, no directory order."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

_LAYER = "application/vnd.oci.image.layer.v1.tar"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_INDEX = "application/vnd.oci.image.index.v1+json"
_EPOCH = "1970-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class File:
    content: bytes
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link."""

    target: str


@dataclass(frozen=True, slots=True)
class Image:
    """An image of one platform, as blobs by digest."""

    manifest_digest: str
    blobs: Mapping[str, bytes]
    manifest_size: int


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """What a container of the image runs as."""

    entrypoint: Sequence[str] = ()
    command: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    user: str = ""
    working_directory: str = "/"
    architecture: str = "amd64"


def layer(entries: Mapping[str, File | Link | None]) -> bytes:
    """A tar of ``entries`` (absolute path to content; None for a directory) with the directories above them.

    Uncompressed: the bytes of a compressor change between its versions, and nothing travels over a network.
    """
    complete: dict[str, File | Link | None] = {}
    for path, entry in entries.items():
        relative = PurePosixPath(path).relative_to("/")
        for parent in reversed(relative.parents[:-1]):
            complete.setdefault(str(parent), None)
        complete[str(relative)] = entry
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path, entry in sorted(complete.items()):
            info = tarfile.TarInfo(path)
            info.mode = 0o755
            if entry is None:
                info.type = tarfile.DIRTYPE
                # World-writable with the sticky bit, as /tmp is anywhere.
                info.mode = 0o1777 if path == "tmp" else 0o755
                archive.addfile(info)
            elif isinstance(entry, Link):
                info.type, info.linkname, info.mode = tarfile.SYMTYPE, entry.target, 0o777
                archive.addfile(info)
            else:
                info.size, info.mode = len(entry.content), entry.mode
                archive.addfile(info, io.BytesIO(entry.content))
    return output.getvalue()


def build(layers: Iterable[bytes], config: ImageConfig) -> Image:
    """An image of ``layers``, bottom first."""
    blobs: dict[str, bytes] = {}

    def add(content: bytes, media_type: str) -> dict[str, Any]:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        blobs[digest] = content
        return {"mediaType": media_type, "digest": digest, "size": len(content)}

    descriptors = [add(content, _LAYER) for content in layers]
    run = {
        "Entrypoint": list(config.entrypoint),
        "Cmd": list(config.command),
        "Env": [f"{name}={value}" for name, value in sorted(config.environment.items())],
        "User": config.user,
        "WorkingDir": config.working_directory,
    }
    document = {
        "architecture": config.architecture,
        "os": "linux",
        "created": _EPOCH,
        "config": {key: value for key, value in run.items() if value},
        "rootfs": {"type": "layers", "diff_ids": [descriptor["digest"] for descriptor in descriptors]},
        "history": [{"created": _EPOCH} for _ in descriptors],
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": add(_json(document), _CONFIG),
        "layers": descriptors,
    }
    descriptor = add(_json(manifest), _MANIFEST)
    return Image(descriptor["digest"], blobs, descriptor["size"])


def write_archive(image: Image, names: Sequence[str], path: Path) -> None:
    """Write an OCI layout as a tar that ``ctr images import`` (and ``kind load``) stores under each of ``names``."""
    index = {
        "schemaVersion": 2,
        "mediaType": _INDEX,
        "manifests": [
            {
                "mediaType": _MANIFEST,
                "digest": image.manifest_digest,
                "size": image.manifest_size,
                "annotations": {
                    # The first is containerd's own and takes a full name; the second is the specification's.
                    "io.containerd.image.name": name,
                    "org.opencontainers.image.ref.name": name,
                },
            }
            for name in names
        ],
    }
    entries: dict[str, File | Link | None] = {
        "/oci-layout": File(_json({"imageLayoutVersion": "1.0.0"})),
        "/index.json": File(_json(index)),
    }
    for digest, content in image.blobs.items():
        entries[f"/blobs/{digest.replace(':', '/')}"] = File(content)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    partial.write_bytes(layer(entries))
    partial.replace(path)


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()

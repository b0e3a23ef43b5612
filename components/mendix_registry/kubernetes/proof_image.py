"""The image that proves a push and a pull: one static program, made byte by byte, so that its digest is known
beforehand.

The program (under 300 bytes of machine code and text) prints one line and exits with 0: no shell, no library, nothing to
scan or to patch. The same inputs give the same bytes on every machine and with every version of Python, zlib or tar; so
the expected digest is a plain value of the stack, the Job verifies *equality* instead of believing what it reads, and
the Job runs again exactly when the digest changes. A *revision* in the image's label (the identities of the objects
that carry the credentials) makes each new credential a new digest: clients skip a push whose image is there already,
and would prove nothing then.

Docker's media types, one platform: what every registry takes, the old ones of OpenShift included.
"""

from __future__ import annotations

import hashlib
import json
import struct
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeAlias

Architecture: TypeAlias = Literal["amd64", "arm64"]

PROGRAM = "proof"
"""Name of the program in the image's root directory."""

MESSAGE = b"mendix-registry: this node has pulled and started the proof image\n"

_EPOCH = "1970-01-01T00:00:00Z"
_BASE = 0x400000
_MACHINE: dict[Architecture, int] = {"amd64": 62, "arm64": 183}  # e_machine of the ELF specification


@dataclass(frozen=True, slots=True)
class ProofImage:
    """An OCI image layout of one image.

    ``files`` maps paths inside the layout to their bytes; ``digest`` is the manifest's (``sha256:…``).
    """

    digest: str
    files: Mapping[str, bytes]

    def tag(self, beginning: str) -> str:
        """A tag that only this image has: ``beginning``, a dash and 12 digits of the digest."""
        return f"{beginning}-{self.digest.removeprefix('sha256:')[:12]}"


def proof_image(architecture: Architecture, labels: Mapping[str, str]) -> ProofImage:
    """Makes the image for nodes of ``architecture``, with ``labels`` in its configuration."""
    difference, digest, compressed = _layer(architecture)
    configuration = _json(
        {
            "architecture": architecture,
            "config": {"Entrypoint": [f"/{PROGRAM}"], "Labels": dict(labels), "User": "65532:65532"},
            "created": _EPOCH,
            "history": [{"created": _EPOCH, "created_by": "mendix-registry"}],
            "os": "linux",
            "rootfs": {"diff_ids": [difference], "type": "layers"},
        }
    )
    docker = "application/vnd.docker."
    manifest = _json(
        {
            "config": _descriptor(f"{docker}container.image.v1+json", configuration),
            "layers": [
                {"digest": digest, "mediaType": f"{docker}image.rootfs.diff.tar.gzip", "size": len(compressed)},
            ],
            "mediaType": f"{docker}distribution.manifest.v2+json",
            "schemaVersion": 2,
        }
    )
    described = _descriptor(f"{docker}distribution.manifest.v2+json", manifest)
    index = _json({"manifests": [described], "schemaVersion": 2})
    blobs = {_digest(configuration): configuration, digest: compressed, str(described["digest"]): manifest}
    return ProofImage(
        str(described["digest"]),
        {
            "oci-layout": b'{"imageLayoutVersion":"1.0.0"}',
            "index.json": index,
            **{f"blobs/sha256/{name.removeprefix('sha256:')}": blob for name, blob in blobs.items()},
        },
    )


@cache
def _layer(architecture: Architecture) -> tuple[str, str, bytes]:
    """Digest of the layer as it is unpacked, digest and bytes as it travels: the same for every namespace of a stack."""
    layer = _tar(PROGRAM, program(architecture))
    compressed = _gzip(layer)
    return _digest(layer), _digest(compressed), compressed


def program(architecture: Architecture) -> bytes:
    """A static ELF program: ``write(1, MESSAGE); exit(0)``."""
    if architecture == "amd64":
        code = b"".join(
            (
                b"\xb8\x01\x00\x00\x00",  # mov eax, 1        write
                b"\xbf\x01\x00\x00\x00",  # mov edi, 1        standard output
                b"\x48\x8d\x35" + struct.pack("<i", 16),  # lea rsi, [rip+16]: 16 bytes of code follow, then the text
                b"\xba" + struct.pack("<I", len(MESSAGE)),  # mov edx, length
                b"\x0f\x05",  # syscall
                b"\xb8\x3c\x00\x00\x00",  # mov eax, 60       exit
                b"\x31\xff",  # xor edi, edi
                b"\x0f\x05",  # syscall
            )
        )
    else:
        code = struct.pack(
            "<8I",
            0xD2800020,  # mov x0, #1         standard output
            0x10000001 | (7 << 5),  # adr x1, .+28: seven instructions on, after the code
            0xD2800002 | (len(MESSAGE) << 5),  # mov x2, #length
            0xD2800808,  # mov x8, #64        write
            0xD4000001,  # svc #0
            0xD2800000,  # mov x0, #0
            0xD2800BA8,  # mov x8, #93        exit
            0xD4000001,  # svc #0
        )
    headers = 64 + 56
    size = headers + len(code) + len(MESSAGE)
    identification = b"\x7fELF\x02\x01\x01" + bytes(9)  # 64 bits, little endian
    # executable, machine, version, entry, program headers at 64, no sections
    header = struct.pack("<HHIQQQIHHHHHH", 2, _MACHINE[architecture], 1, _BASE + headers, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    # one loadable segment, readable and executable, aligned to the largest page size of Linux
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, size, size, 0x10000)
    return identification + header + segment + code + MESSAGE


def _tar(name: str, content: bytes) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = len(content), 0o755, 0
    padding = bytes(-len(content) % tarfile.BLOCKSIZE)
    return entry.tobuf(tarfile.USTAR_FORMAT) + content + padding + bytes(2 * tarfile.BLOCKSIZE)


def _gzip(content: bytes) -> bytes:
    # One stored block (RFC 1951, 3.2.4): a compressor's output differs between versions and implementations of zlib.
    header = b"\x1f\x8b\x08" + bytes(6) + b"\xff"
    block = struct.pack("<BHH", 1, len(content), len(content) ^ 0xFFFF) + content
    return header + block + struct.pack("<II", zlib.crc32(content), len(content))


def _descriptor(media_type: str, content: bytes) -> dict[str, str | int]:
    return {"digest": _digest(content), "mediaType": media_type, "size": len(content)}


def _digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()

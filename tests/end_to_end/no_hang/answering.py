"""A registry that says what CNCF distribution never does: the first part of a repository's name decides what.

By plain http. Whatever is not listed here succeeds, so that a push gets as far as the answer that is meant.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import json
import threading
from collections.abc import Iterator

OTHER = b'{"schemaVersion":2,"config":{"digest":"sha256:0"},"layers":[]}'
"""A manifest that nobody has pushed."""

# (first part of the repository, method, kind of path): status, error code and message, as the registries named say it.
_SAYS = {
    # Docker Hub
    ("denied", "POST", "blobs"): (403, "DENIED", "requested access to the resource is denied"),
    # Amazon ECR
    ("absent", "POST", "blobs"): (404, "NAME_UNKNOWN", "The repository with name 'absent/app' does not exist in the registry"),
    ("immutable", "PUT", "manifests"): (
        400,
        "TAG_INVALID",
        "The image tag already exists in the 'immutable/app' repository and cannot be overwritten because the repository is "
        "immutable.",
    ),
    # Artifact Registry
    ("rejected", "PUT", "manifests"): (400, "MANIFEST_INVALID", "manifest invalid: unsupported media type"),
    ("unreadable", "GET", "manifests"): (403, "DENIED", "Permission artifactregistry.repositories.downloadArtifacts denied"),
    ("unreadable", "HEAD", "manifests"): (403, "DENIED", ""),
    ("broken", "POST", "blobs"): (500, "UNKNOWN", "unknown error"),
}  # fmt: skip


class _Registry(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    ended: threading.Event
    pushed: dict[str, bytes]

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        parts = self.path.split("?")[0].strip("/").split("/")
        name, kind = parts[1] if len(parts) > 1 else "", parts[3] if len(parts) > 3 else ""
        if parts[0] == "files":
            return self._send(int(parts[1]), b"")
        if name == "silent":
            self.ended.wait()
            self.close_connection = True
            return None
        said = _SAYS.get((name, self.command, kind))
        if said:
            status, code, message = said
            return self._send(status, json.dumps({"errors": [{"code": code, "message": message}]}).encode())
        if self.command in ("GET", "HEAD") and kind == "manifests":
            return self._manifest(name, parts[4])
        if self.command == "PUT" and kind == "manifests":
            self.pushed[f"sha256:{hashlib.sha256(body).hexdigest()}"] = body
        if self.command == "HEAD" and kind == "blobs":
            return self._send(404, b"")
        if self.command == "POST":
            return self._send(202, b"", location=f"/v2/{name}/app/blobs/uploads/1")
        return self._send(202 if self.command == "PATCH" else 201 if self.command == "PUT" else 200, b"",
                          location=self.path, digest=f"sha256:{hashlib.sha256(body).hexdigest()}")  # fmt: skip

    def _manifest(self, name: str, reference: str) -> None:
        """Another than was pushed: under the tag, or ("changed") also under its digest."""
        content = OTHER if name == "changed" else self.pushed.get(reference, OTHER)
        digest = reference if ":" in reference else f"sha256:{hashlib.sha256(content).hexdigest()}"
        self._send(200, content, digest=digest, type="application/vnd.docker.distribution.manifest.v2+json")

    def _send(
        self, status: int, body: bytes, *, location: str = "", digest: str = "", type: str = "application/json"
    ) -> None:
        self.send_response(status)
        for header, value in (("Location", location), ("Docker-Content-Digest", digest), ("Content-Type", type)):
            if value:
                self.send_header(header, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = _answer  # noqa: N815 - the names that http.server calls

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: a test that fails has the clients' words."""


@contextlib.contextmanager
def answering(address: str) -> Iterator[str]:
    """Its ``host:port`` on an address of this machine."""
    ended = threading.Event()
    handler = type("Handler", (_Registry,), {"ended": ended, "pushed": {}})
    with http.server.ThreadingHTTPServer((address, 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"{address}:{server.server_port}"
        ended.set()
        server.shutdown()
        thread.join()

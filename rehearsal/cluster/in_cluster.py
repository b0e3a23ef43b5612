"""A registry inside a cluster that the rehearsal did not build: Deployment, Service, and the files they read.

What it can be is bounded by what the rehearsal may not change there: the cluster's DNS knows a Service only under its
own name, and the nodes' container runtime reaches it only through a node port.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from rehearsal.cluster import pki
from rehearsal.cluster.errors import ClusterError, Progress, Report
from rehearsal.cluster.kubeconfig_api import KubeconfigApi
from rehearsal.cluster.paths import write_atomically
from rehearsal.registry.configuration import directory_name, distribution_configuration, htpasswd
from rehearsal.registry.spec import HostPort, RegistryEndpoint, RegistrySpec

NAMESPACE = "mendix-rehearsal"
_NAME = "registry"
_SUFFIX = f".{NAMESPACE}.svc.cluster.local"
_NODE_PORTS = range(30000, 32768)
_READY_SECONDS = 120.0
_MOUNT = PurePosixPath("/etc/registry")


@dataclass(frozen=True, slots=True)
class Images:
    """Images that the cluster can pull or already has: the registry's and the builder Job's client."""

    registry: str
    client: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Images:
        """From ``REHEARSAL_REGISTRY_IMAGE`` and ``REHEARSAL_CLIENT_IMAGE``. Raises :class:`ClusterError`."""
        registry = environment.get("REHEARSAL_REGISTRY_IMAGE", "")
        client = environment.get("REHEARSAL_CLIENT_IMAGE", "")
        absent = [
            name
            for name, value in (("REHEARSAL_REGISTRY_IMAGE", registry), ("REHEARSAL_CLIENT_IMAGE", client))
            if not value
        ]
        if absent:
            raise ClusterError(
                f"A registry in an existing cluster runs from images that this cluster can pull; {' and '.join(absent)} "
                f"{'names' if len(absent) == 1 else 'name'} none.",
                "Set REHEARSAL_REGISTRY_IMAGE to CNCF distribution 3 (Docker Hub's `registry:3`, or a copy in a registry the "
                "nodes reach) and REHEARSAL_CLIENT_IMAGE to krane's debug image, each by digest.",
            )
        return cls(registry, client)


def serve(api: KubeconfigApi, home: Path, spec: RegistrySpec, images: Images, report: Report) -> RegistryEndpoint:
    """Run ``spec`` in the cluster and wait until its Deployment is available. Raises :class:`ClusterError`."""
    service = _service_name(spec)
    node_port = _node_port(spec)
    directory = home / "existing" / "registry"
    authority = pki.ensure_authority(directory, "sandbox-ca", "mendix-registry rehearsal sandbox")
    # Each has its own: a new hash or certificate restarts a registry, which then has lost its images.
    files = _files(directory / directory_name(spec.push_host), spec, authority)
    for path, document in manifests(spec, service, node_port, images.registry, files):
        api.apply(path, document)
    began = time.monotonic()
    deployment = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{service}"
    while not _available(api.get(deployment)):
        if time.monotonic() - began > _READY_SECONDS:
            raise ClusterError(
                f"The registry in namespace {NAMESPACE} was not available within {_READY_SECONDS:.0f} s.",
                f"See `kubectl --namespace {NAMESPACE} describe pods`: can the nodes pull {images.registry}?",
            )
        report(Progress("registry", f"waiting for the registry {spec.push_host}", seconds=time.monotonic() - began))
        time.sleep(1)
    return RegistryEndpoint(
        ca_pem=authority.certificate.read_text() if spec.tls else "",
        client_image=images.client,
        address=f"{_node_address(api)}:{node_port}",
    )


def remove(api: KubeconfigApi) -> bool:
    """Delete the registry's namespace if this package made it; False when there is none."""
    present = api.get(f"/api/v1/namespaces/{NAMESPACE}")
    labels: dict[str, str] = (present or {}).get("metadata", {}).get("labels", {})
    if labels.get("app.kubernetes.io/managed-by") != "mendix-registry-rehearsal":
        return False
    return api.delete(f"/api/v1/namespaces/{NAMESPACE}")


def manifests(
    spec: RegistrySpec, service: str, node_port: int, image: str, files: Mapping[str, bytes]
) -> list[tuple[str, dict[str, Any]]]:
    """Namespace, Secret, Service and Deployment, each with its path in the API, in the order to apply them."""
    labels = {"app.kubernetes.io/name": service, "app.kubernetes.io/managed-by": "mendix-registry-rehearsal"}
    encoded = {name: base64.b64encode(content).decode() for name, content in sorted(files.items())}
    checksum = hashlib.sha256("".join(encoded.values()).encode()).hexdigest()
    scheme = "HTTPS" if spec.tls else "HTTP"
    restricted = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    container = {
        "name": "registry",
        "image": image,
        "args": ["serve", str(_MOUNT / "config.yml")],
        "env": [{"name": "OTEL_TRACES_EXPORTER", "value": "none"}],
        "ports": [{"containerPort": 5000}],
        "readinessProbe": {"tcpSocket": {"port": 5000}, "periodSeconds": 1},
        "securityContext": restricted,
        "volumeMounts": [
            {"name": "files", "mountPath": str(_MOUNT), "readOnly": True},
            {"name": "data", "mountPath": "/var/lib/registry"},
        ],
    }
    pod: dict[str, Any] = {
        "metadata": {
            "labels": labels,
            "annotations": {"mendix-registry/files": checksum, "mendix-registry/scheme": scheme},
        },
        "spec": {
            "automountServiceAccountToken": False,
            "securityContext": {"fsGroup": 65532},
            "containers": [container],
            "volumes": [{"name": "files", "secret": {"secretName": service}}, {"name": "data", "emptyDir": {}}],
        },
    }
    namespaced = {"name": service, "namespace": NAMESPACE, "labels": labels}
    port = HostPort.parse(spec.push_host, "push_host").port or spec.port
    return [
        (
            f"/api/v1/namespaces/{NAMESPACE}",
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}},
        ),
        (
            f"/api/v1/namespaces/{NAMESPACE}/secrets/{service}",
            {"apiVersion": "v1", "kind": "Secret", "metadata": namespaced, "type": "Opaque", "data": encoded},
        ),
        (
            f"/api/v1/namespaces/{NAMESPACE}/services/{service}",
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": namespaced,
                "spec": {
                    "type": "NodePort",
                    "selector": {"app.kubernetes.io/name": service},
                    "ports": [{"name": "registry", "port": port, "targetPort": 5000, "nodePort": node_port}],
                },
            },
        ),
        (
            f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{service}",
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": namespaced,
                "spec": {
                    "replicas": 1,
                    # Two registries on one emptyDir each would answer with different content.
                    "strategy": {"type": "Recreate"},
                    "selector": {"matchLabels": {"app.kubernetes.io/name": service}},
                    "template": pod,
                },
            },
        ),
    ]


def _service_name(spec: RegistrySpec) -> str:
    host = HostPort.parse(spec.push_host, "push_host")
    name = host.name.removesuffix(_SUFFIX)
    if not host.name.endswith(_SUFFIX) or "." in name:
        raise ClusterError(
            f"The push host {spec.push_host} cannot be served in an existing cluster, whose DNS knows Services only.",
            f"Use a push host such as {_NAME}{_SUFFIX}:5000, or the built cluster, which answers any name.",
        )
    return name


def _node_port(spec: RegistrySpec) -> int:
    host = HostPort.parse(spec.pull_host, "pull_host")
    if host.name != "localhost" or host.port is None or host.port not in _NODE_PORTS:
        raise ClusterError(
            f"The pull host {spec.pull_host} cannot be served in an existing cluster: its nodes' container runtime is not "
            "the rehearsal's to configure, and reaches a Service only through a node port.",
            f"Use localhost and a port of {_NODE_PORTS.start}-{_NODE_PORTS.stop - 1}, or the built cluster.",
        )
    return host.port


def _files(directory: Path, spec: RegistrySpec, authority: pki.Pair) -> dict[str, bytes]:
    server = pki.ensure_server(directory, "server", authority, spec.host_names)
    passwords = directory / "htpasswd"
    write_atomically(passwords, htpasswd(spec, passwords.read_text() if passwords.is_file() else ""))
    secret = directory / "secret"
    if not secret.is_file():
        write_atomically(secret, secrets.token_hex(32))
    text = distribution_configuration(
        spec,
        "0.0.0.0:5000",
        storage=PurePosixPath("/var/lib/registry"),
        htpasswd=_MOUNT / "htpasswd",
        certificate=_MOUNT / "tls.crt",
        key=_MOUNT / "tls.key",
        secret=secret.read_text(),
    )
    return {
        "config.yml": text.encode(),
        "htpasswd": passwords.read_bytes(),
        "tls.crt": server.certificate.read_bytes(),
        "tls.key": server.key.read_bytes(),
    }


def _available(deployment: dict[str, Any] | None) -> bool:
    if deployment is None:
        return False
    status = deployment.get("status", {})
    current = status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
    return current and status.get("updatedReplicas", 0) >= 1 and status.get("availableReplicas", 0) >= 1


def _node_address(api: KubeconfigApi) -> str:
    nodes: list[dict[str, Any]] = (api.get("/api/v1/nodes") or {}).get("items", [])
    for node in nodes:
        for address in node.get("status", {}).get("addresses", []):
            if address["type"] == "InternalIP":
                return str(address["address"])
    return "localhost"

"""Configuration of etcd, the Kubernetes control plane and the kubelet of a built node."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from rehearsal.cluster import pki
from rehearsal.cluster.network import SERVICE_ADDRESS, SERVICE_RANGE, Subnet
from rehearsal.cluster.node_files import credential_provider_files, write_credential_provider
from rehearsal.cluster.paths import INSIDE, NodeDirectory, write_atomically
from rehearsal.cluster.pki import Pair
from rehearsal.cluster.processes import ONE_THREAD, ProcessSpec

API_PORT = 6443
CONTEXT = "mendix-rehearsal"
NODE_NAME = "mendix-rehearsal"
ISSUER = "https://kubernetes.default.svc.cluster.local"
"""Issuer of ServiceAccount tokens; its discovery documents are served there without credentials."""
_ETCD = "http://127.0.0.1:2379"
_GC_PERCENT = "300"
"""Of Kubernetes' processes: Go's default of 100 costs them a sixth more processor time, and the API server 100 MB less."""
_API_NAMES = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")


@dataclass(frozen=True, slots=True)
class Certificates:
    authority: Pair
    api_server: Pair
    kubelet_server: Pair
    admin: Pair
    controller_manager: Pair
    scheduler: Pair
    kubelet: Pair
    api_to_kubelet: Pair
    signing_key: Path

    def files(self) -> list[Path]:
        """Every certificate's file."""
        values = (getattr(self, field.name) for field in fields(self))
        return [value.certificate for value in values if isinstance(value, Pair)]


def ensure_certificates(directory: Path, node_ip: str) -> Certificates:
    """Every certificate of the control plane; server ones follow the node's address."""
    authority = pki.ensure_authority(directory, "cluster-ca", "mendix-registry rehearsal cluster")

    def client(name: str, user: str, *groups: str) -> Pair:
        return pki.ensure_client(directory, name, authority, user, groups)

    hosts = (*_API_NAMES, "localhost", "127.0.0.1", SERVICE_ADDRESS, node_ip)
    return Certificates(
        authority=authority,
        api_server=pki.ensure_server(directory, "kube-apiserver", authority, hosts),
        kubelet_server=pki.ensure_server(directory, "kubelet-server", authority, (NODE_NAME, node_ip)),
        admin=client("admin", "rehearsal-admin", "system:masters"),
        controller_manager=client("kube-controller-manager", "system:kube-controller-manager"),
        scheduler=client("kube-scheduler", "system:kube-scheduler"),
        kubelet=client("kubelet", f"system:node:{NODE_NAME}", "system:nodes"),
        api_to_kubelet=client("apiserver-kubelet", "kube-apiserver-kubelet-client", "system:masters"),
        signing_key=pki.ensure_signing_key(directory / "service-account.key"),
    )


def kubeconfig(server: str, certificates: Certificates, client: Pair) -> str:
    """A kubeconfig with everything inline: it stays valid wherever it is read."""

    def inline(path: Path) -> str:
        return base64.b64encode(path.read_bytes()).decode()

    return yaml.dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": CONTEXT,
            "clusters": [
                {
                    "name": CONTEXT,
                    "cluster": {
                        "server": server,
                        "certificate-authority-data": inline(certificates.authority.certificate),
                    },
                }
            ],
            "users": [
                {
                    "name": CONTEXT,
                    "user": {
                        "client-certificate-data": inline(client.certificate),
                        "client-key-data": inline(client.key),
                    },
                }
            ],
            "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": CONTEXT, "namespace": "default"}}],
        },
        Dumper=yaml.CSafeDumper,
        sort_keys=False,
    )


def kubelet_configuration(node: NodeDirectory, node_ip: str, certificates: Certificates) -> dict[str, Any]:
    """KubeletConfiguration of a node that shares its machine: it reserves, evicts and tunes nothing."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": node.inside(certificates.authority.certificate)},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": node.inside(certificates.kubelet_server.certificate),
        "tlsPrivateKeyFile": node.inside(certificates.kubelet_server.key),
        "clusterDNS": [node_ip],
        "clusterDomain": "cluster.local",
        "resolvConf": str(INSIDE / "etc" / "resolv.conf"),
        "podLogsDir": str(INSIDE / "data" / "pod-logs"),
        # The default lies below /usr and would be made on the machine.
        "volumePluginDir": str(INSIDE / "data" / "volume-plugins"),
        "cgroupDriver": "cgroupfs",
        "cgroupsPerQOS": False,
        "enforceNodeAllocatable": [],
        "failCgroupV1": False,
        "failSwapOn": False,
        "localStorageCapacityIsolation": False,
        "evictionHard": {"memory.available": "0%", "nodefs.available": "0%", "imagefs.available": "0%"},
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "imageMaximumGCAge": "0s",
        "serializeImagePulls": False,
        "registryPullQPS": 0,
        "eventRecordQPS": 0,
        "kubeAPIQPS": 100,
        "kubeAPIBurst": 200,
        "readOnlyPort": 0,
        "maxPods": 110,
    }


def write_configuration(node: NodeDirectory, subnet: Subnet, certificates: Certificates) -> None:
    """The files that the processes of :func:`specifications` read, and the user's kubeconfig."""
    local = f"https://127.0.0.1:{API_PORT}"
    etc = node.configuration
    for name, client in (
        ("kube-controller-manager", certificates.controller_manager),
        ("kube-scheduler", certificates.scheduler),
        ("kubelet", certificates.kubelet),
    ):
        write_atomically(etc / f"{name}.kubeconfig", kubeconfig(local, certificates, client))
    kubelet = kubelet_configuration(node, subnet.node, certificates)
    write_atomically(etc / "kubelet.yaml", yaml.dump(kubelet, Dumper=yaml.CSafeDumper, sort_keys=False))
    write_atomically(etc / "resolv.conf", f"nameserver {subnet.node}\n", 0o644)
    write_credential_provider(node)
    server = f"https://{subnet.node}:{API_PORT}"
    write_atomically(node.kubeconfig, kubeconfig(server, certificates, certificates.admin))


def specifications(
    node: NodeDirectory, executable: Path, subnet: Subnet, certificates: Certificates
) -> list[ProcessSpec]:
    """etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kubelet."""
    etc = node.configuration
    inside = node.inside
    # Keys and certificates are read at start: the processes that use them follow a change of any, and of no others there: the
    # first registry adds its authority, and the whole control plane was started again for it.
    content = _digest([*certificates.files(), *sorted(etc.glob("*.kubeconfig")), etc / "kubelet.yaml"])

    def process(name: str, *flags: str) -> ProcessSpec:
        log = str(INSIDE / "logs" / f"{name}.log")
        return ProcessSpec(name, (str(executable), name, *flags), log, {"GOGC": _GC_PERCENT, **ONE_THREAD}, content)

    kubelet_ca = inside(certificates.authority.certificate)
    return [
        ProcessSpec(
            "etcd",
            (
                str(executable),
                "etcd",
                "--name=rehearsal",
                f"--data-dir={INSIDE / 'data' / 'etcd'}",
                # The state survives the end of the process; only a power cut could lose the last writes.
                "--unsafe-no-fsync",
                f"--listen-client-urls={_ETCD}",
                f"--advertise-client-urls={_ETCD}",
                "--listen-peer-urls=http://127.0.0.1:2380",
                "--initial-advertise-peer-urls=http://127.0.0.1:2380",
                "--initial-cluster=rehearsal=http://127.0.0.1:2380",
                "--auto-compaction-retention=1h",
                "--log-level=warn",
            ),
            str(INSIDE / "logs" / "etcd.log"),
            ONE_THREAD,
        ),
        process(
            "kube-apiserver",
            f"--etcd-servers={_ETCD}",
            f"--secure-port={API_PORT}",
            f"--advertise-address={subnet.node}",
            f"--tls-cert-file={inside(certificates.api_server.certificate)}",
            f"--tls-private-key-file={inside(certificates.api_server.key)}",
            f"--client-ca-file={inside(certificates.authority.certificate)}",
            f"--kubelet-certificate-authority={kubelet_ca}",
            f"--kubelet-client-certificate={inside(certificates.api_to_kubelet.certificate)}",
            f"--kubelet-client-key={inside(certificates.api_to_kubelet.key)}",
            "--kubelet-preferred-address-types=InternalIP",
            f"--service-account-issuer={ISSUER}",
            f"--service-account-jwks-uri={ISSUER}/openid/v1/jwks",
            f"--service-account-signing-key-file={inside(certificates.signing_key)}",
            f"--service-account-key-file={inside(certificates.signing_key)}",
            f"--service-cluster-ip-range={SERVICE_RANGE}",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--allow-privileged=true",
            "--profiling=false",
        ),
        process(
            "kube-controller-manager",
            f"--kubeconfig={inside(etc / 'kube-controller-manager.kubeconfig')}",
            "--bind-address=127.0.0.1",
            f"--service-account-private-key-file={inside(certificates.signing_key)}",
            f"--root-ca-file={inside(certificates.authority.certificate)}",
            f"--cluster-signing-cert-file={inside(certificates.authority.certificate)}",
            f"--cluster-signing-key-file={inside(certificates.authority.key)}",
            "--use-service-account-credentials=true",
            # It asks for some sixty tokens at its start: for four seconds, at the 20 requests a second that spare a large cluster.
            "--kube-api-qps=200",
            "--kube-api-burst=400",
            "--leader-elect=false",
            "--profiling=false",
        ),
        process(
            "kube-scheduler",
            f"--kubeconfig={inside(etc / 'kube-scheduler.kubeconfig')}",
            "--bind-address=127.0.0.1",
            "--leader-elect=false",
            "--profiling=false",
        ),
        process(
            "kubelet",
            f"--kubeconfig={inside(etc / 'kubelet.kubeconfig')}",
            f"--config={inside(etc / 'kubelet.yaml')}",
            f"--hostname-override={NODE_NAME}",
            f"--node-ip={subnet.node}",
            f"--image-credential-provider-config={inside(credential_provider_files(node).configuration)}",
            f"--image-credential-provider-bin-dir={inside(credential_provider_files(node).programs)}",
        ),
    ]


def _digest(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()

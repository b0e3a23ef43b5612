"""What every container of a built node is given besides its image: trust in the emulated clouds' certificates.

Real clouds have certificates of public authorities, which every image trusts. The emulators' authority takes that place: the node's
runtime puts a bundle with it where images have theirs. Nothing in a pod's specification shows it, so program and
Job are those of production.
The sandbox registries' authority is another one and is not in the bundle: trusting it stays the stack file's decision.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from rehearsal.cluster import pki
from rehearsal.cluster.errors import ClusterError
from rehearsal.cluster.packages import locate
from rehearsal.cluster.paths import NodeDirectory, write_atomically
from rehearsal.cluster.pki import Pair
from rehearsal.toolchain.commands import run

BUNDLE_IN_IMAGES = "/etc/ssl/certs/ca-certificates.crt"
_PROVIDER = "rehearsal-credential-provider"
# As the clouds' own providers: cloud-provider-aws, azure-acr-credential-provider, gke-gcloud-auth-plugin.
_CLOUD_REGISTRIES = (
    "*.dkr.ecr.*.amazonaws.com",
    "*.dkr.ecr.*.amazonaws.com.cn",
    "*.dkr.ecr.*.amazonaws.eu",
    "*.dkr.ecr-fips.*.amazonaws.com",
    "*.dkr-ecr.*.on.aws",
    "*.azurecr.io",
    "*.azurecr.cn",
    "*.azurecr.us",
    "*.pkg.dev",
    "gcr.io",
    "*.gcr.io",
)
_MACHINE_BUNDLES = (Path("/etc/ssl/certs/ca-certificates.crt"), Path("/etc/pki/tls/certs/ca-bundle.crt"))


def cloud_authority(node: NodeDirectory) -> Pair:
    """The authority of the emulated clouds' certificates."""
    # In its own directory: the control plane restarts when a certificate beside its own changes.
    return pki.ensure_authority(node.pki / "clouds", "cloud-ca", "mendix-registry rehearsal clouds")


@dataclass(frozen=True, slots=True)
class CredentialProviderFiles:
    """Where the kubelet finds the program that gives the node's identity at a registry."""

    configuration: Path
    programs: Path


def credential_provider_files(node: NodeDirectory) -> CredentialProviderFiles:
    directory = node.configuration / "credential-provider"
    return CredentialProviderFiles(directory / "configuration.yaml", directory / "programs")


def write_credential_provider(node: NodeDirectory) -> None:
    """Write the kubelet's credential provider, for every registry host that an emulated cloud may serve."""
    files = credential_provider_files(node)
    source = Path(__file__).with_name("credential_provider.py").read_text()
    write_atomically(files.programs / _PROVIDER, f"#!{sys.executable} -IS\n{source}", 0o700)
    settings = node.inside(node.configuration / "services" / "clouds" / "settings.json")
    provider = {
        "name": _PROVIDER,
        "apiVersion": "credentialprovider.kubelet.k8s.io/v1",
        "matchImages": list(_CLOUD_REGISTRIES),
        "defaultCacheDuration": "0s",
        "env": [{"name": "REHEARSAL_SERVICE_SETTINGS", "value": settings}],
    }
    document = {
        "apiVersion": "kubelet.config.k8s.io/v1",
        "kind": "CredentialProviderConfig",
        "providers": [provider],
    }
    write_atomically(files.configuration, yaml.dump(document, Dumper=yaml.CSafeDumper, sort_keys=False))


def write_runtime_specification(node: NodeDirectory) -> Path:
    """Write the bundle and the runtime's base specification that mounts it; gives the latter. Raises :class:`ClusterError`."""
    machine = next((path.read_text() for path in _MACHINE_BUNDLES if path.is_file()), "")
    bundle = node.configuration / "trust-bundle.pem"
    write_atomically(bundle, f"{machine}\n{cloud_authority(node).certificate.read_text()}", 0o644)
    # containerd's own default is the base; only the mount is added to it.
    result = run([locate("ctr"), "oci", "spec"])
    if not result.ok:
        raise ClusterError(f"containerd's default specification could not be read: {result.words()}")
    specification: dict[str, Any] = json.loads(result.output)
    specification["mounts"].append(
        {
            "destination": BUNDLE_IN_IMAGES,
            "type": "bind",
            "source": node.inside(bundle),
            "options": ["bind", "ro", "nosuid", "nodev", "noexec"],
        }
    )
    path = node.configuration / "runtime-specification.json"
    write_atomically(path, json.dumps(specification, indent=1, sort_keys=True))
    return path

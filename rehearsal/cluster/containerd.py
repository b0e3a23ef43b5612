"""The node's container runtime: its configuration, its images, and how it reaches registries."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from pathlib import Path

from rehearsal.cluster.network import Subnet
from rehearsal.cluster.node_files import write_runtime_specification
from rehearsal.cluster.packages import cni_directory, locate
from rehearsal.cluster.paths import INSIDE, NodeDirectory, write_atomically
from rehearsal.cluster.processes import ONE_THREAD, ProcessSpec
from rehearsal.toolchain.commands import run

PAUSE_IMAGE = "mendix-registry.rehearsal/pause:1"
SOCKET = "/run/containerd/containerd.sock"
_CERTIFICATES = "certs.d"


def overlay_works(directory: Path) -> bool:
    """Whether an overlay file system can be mounted on ``directory``'s file system (not, for example, on another overlay)."""
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory) as name:
        for part in ("lower", "upper", "work", "merged"):
            Path(name, part).mkdir()
        options = f"lowerdir={name}/lower,upperdir={name}/upper,workdir={name}/work"
        mount = [locate("mount"), "-t", "overlay", "overlay", "-o", options, f"{name}/merged"]
        return run([locate("unshare"), "--mount", *mount]).ok


def configuration(plugins: str, snapshotter: str, specification: str) -> str:
    """containerd's config.toml (schema 2, which 1.6, 1.7 and 2.x read).

    The machine may lack what the defaults expect: AppArmor's parser, permission to lower an OOM score, and the snapshot
    file systems whose plugins only log errors.
    """
    return f'''version = 2
root = "{INSIDE}/data/containerd"
state = "/run/containerd"
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs", "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing",
]

[grpc]
  address = "{SOCKET}"

[plugins."io.containerd.internal.v1.opt"]
  path = "/run/containerd/opt"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  disable_apparmor = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "{snapshotter}"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      base_runtime_spec = "{specification}"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{plugins}"
    conf_dir = "{INSIDE}/etc/cni"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "{INSIDE}/etc/{_CERTIFICATES}"
'''


def pod_network(subnet: Subnet) -> str:
    """The CNI network: a point-to-point link for each pod, addresses from the node's pod subnet."""
    network = {
        "cniVersion": "0.4.0",
        "name": "rehearsal",
        "plugins": [
            {
                "type": "ptp",
                # This machine has a route to the pods: what they send outside keeps its source address.
                "ipMasq": False,
                "ipam": {"type": "host-local", "ranges": [[{"subnet": subnet.pods}]], "routes": [{"dst": "0.0.0.0/0"}]},
            },
        ],
    }
    return json.dumps(network, indent=1)


def write_configuration(node: NodeDirectory, subnet: Subnet, snapshotter: str) -> ProcessSpec:
    """Write containerd's files and give the process that reads them."""
    config = node.configuration / "containerd.toml"
    specification = write_runtime_specification(node)
    text = configuration(str(cni_directory()), snapshotter, node.inside(specification))
    write_atomically(config, text)
    write_atomically(node.configuration / "cni" / "10-rehearsal.conflist", pod_network(subnet))
    (node.configuration / _CERTIFICATES).mkdir(exist_ok=True, mode=0o700)
    # The base specification is read at start, the bundle it mounts at each container's.
    content = text + specification.read_text()
    return ProcessSpec(
        "containerd",
        (str(locate("containerd")), "--config", node.inside(config)),
        str(INSIDE / "logs" / "containerd.log"),
        ONE_THREAD,
        content=hashlib.sha256(content.encode()).hexdigest(),
    )


def hosts_file(address: str, authority: str, *, tls: bool) -> str:
    """containerd's hosts.toml: where the pulls for a registry name really go (docs/hosts.md of containerd)."""
    scheme = "https" if tls else "http"
    lines = [
        f'server = "{scheme}://{address}"',
        f'[host."{scheme}://{address}"]',
        '  capabilities = ["pull", "resolve"]',
    ]
    if tls:
        lines.append(f'  ca = "{authority}"')
    return "\n".join(lines) + "\n"


def write_registry_hosts(node: NodeDirectory, wanted: dict[str, str]) -> None:
    """Make the runtime's registry map hold exactly ``wanted``, file content by registry host; it reads it at each pull."""
    directory = node.configuration / _CERTIFICATES
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    for present in directory.iterdir():
        if present.name not in wanted:
            shutil.rmtree(present)
    for host, content in wanted.items():
        write_atomically(directory / host / "hosts.toml", content)


def import_command(archive: Path, snapshotter: str) -> list[str]:
    """The command, to be run inside the node, that puts an image archive where the kubelet finds it."""
    return [
        str(locate("ctr")),
        "--address",
        SOCKET,
        "--namespace",
        "k8s.io",
        "images",
        "import",
        "--snapshotter",
        snapshotter,
        str(archive),
    ]

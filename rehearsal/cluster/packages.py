"""The distribution's packages that the built node runs: container runtime, CNI plugins, DNS, packet filter."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from rehearsal.cluster.errors import ClusterError, Progress, Report
from rehearsal.toolchain.commands import run
from rehearsal.toolchain.lock import exclusive

CNI_DIRECTORIES = (Path("/usr/lib/cni"), Path("/opt/cni/bin"), Path("/usr/libexec/cni"))
"""Where Debian, upstream and Fedora put CNI plugins."""

_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Tool:
    """A file the node needs: an executable (or CNI plugin) and the Debian package that brings it."""

    name: str
    package: str
    plugin: bool = False

    def find(self) -> Path | None:
        if self.plugin:
            return next((d / self.name for d in CNI_DIRECTORIES if (d / self.name).is_file()), None)
        found = shutil.which(self.name, path=_SYSTEM_PATH)
        return Path(found) if found else None


TOOLS = (
    Tool("containerd", "containerd"),
    Tool("ctr", "containerd"),
    Tool("runc", "runc"),
    Tool("ptp", "containernetworking-plugins", plugin=True),
    Tool("host-local", "containernetworking-plugins", plugin=True),
    Tool("loopback", "containernetworking-plugins", plugin=True),
    Tool("dnsmasq", "dnsmasq-base"),
    Tool("busybox", "busybox-static"),
    Tool("iptables", "iptables"),
    Tool("ip", "iproute2"),
    Tool("mount", "mount"),
    Tool("unshare", "util-linux"),
    Tool("nsenter", "util-linux"),
)


def locate(name: str) -> Path:
    """The path of a tool of :data:`TOOLS`; raises :class:`ClusterError` when it is not installed."""
    tool = next(tool for tool in TOOLS if tool.name == name)
    found = tool.find()
    if found is None:
        raise _missing([tool])
    return found


def cni_directory() -> Path:
    return locate("ptp").parent


def missing_packages() -> list[str]:
    """Debian package names of the tools that are not there, each once, in a stable order."""
    return list(dict.fromkeys(tool.package for tool in TOOLS if tool.find() is None))


def install_command(packages: list[str]) -> list[str]:
    return ["apt-get", "install", "--yes", "--no-install-recommends", *packages]


def ensure_packages(report: Report, lock: Path) -> None:
    """Install what is missing with apt-get where that is possible (root, apt-get present).

    Raises :class:`ClusterError` that names the command to run where it is not, or with apt-get's own reason.
    """
    packages = missing_packages()
    if not packages:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise _missing([tool for tool in TOOLS if tool.find() is None])
    with exclusive(lock):
        packages = missing_packages()
        if packages:
            _install(packages, report)
    left = [tool for tool in TOOLS if tool.find() is None]
    if left:
        raise _missing(left)


def _install(packages: list[str], report: Report) -> None:
    began = time.monotonic()

    def tell(message: str) -> None:
        report(Progress("packages", message, seconds=time.monotonic() - began))

    environment = {
        **os.environ,
        "DEBIAN_FRONTEND": "noninteractive",
        # On a machine with systemd the containerd package would start its service; the node runs its own.
        "SYSTEMD_OFFLINE": "1",
        "RUNLEVEL": "1",
    }
    words = ""
    tell(f"installing distribution packages: {' '.join(packages)}")
    for update_first in (False, True):
        if update_first:
            tell("refreshing the distribution's package lists")
            run(["apt-get", "update"], environment=environment)
        result = run(install_command(packages), environment=environment)
        if result.ok:
            tell(f"installed {' '.join(packages)}")
            return
        words = result.words()
    raise ClusterError(
        f"apt-get could not install {' '.join(packages)}, which the rehearsal's node needs:\n{words}",
        f"Run `{' '.join(install_command(packages))}` as root, or use an existing cluster with --context.",
    )


def _missing(tools: list[Tool]) -> ClusterError:
    packages = list(dict.fromkeys(tool.package for tool in tools))
    return ClusterError(
        f"The rehearsal's node needs {', '.join(tool.name for tool in tools)}, which this machine does not have.",
        f"As root run `apt-get install {' '.join(packages)}` (or your distribution's equivalent), "
        "or use an existing cluster with --context.",
    )

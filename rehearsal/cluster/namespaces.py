"""The system calls and mounts with which the node's first process makes its surroundings. Standard library only."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from rehearsal.cluster.paths import INSIDE

_CLONE_NEWCGROUP = 0x02000000
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_BIND, _MS_REC = 1, 2, 4, 8, 4096, 16384
_CGROUP_ROOT = Path("/sys/fs/cgroup")
_libc = ctypes.CDLL(None, use_errno=True)

KERNEL_SETTINGS = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}
"""What the kubelet writes to /proc/sys of the whole machine when it finds something else there."""


def mount(source: str, target: str, kind: str | None = None, flags: int = 0, options: str = "") -> None:
    """mount(2). Raises OSError."""
    result = _libc.mount(
        source.encode(), target.encode(), kind.encode() if kind else None, ctypes.c_ulong(flags), options.encode()
    )
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"mount {source} on {target}: {os.strerror(number)}")


def bind(source: str, target: str) -> None:
    mount(source, target, None, _MS_BIND | _MS_REC)


def _tmpfs(target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    mount("tmpfs", str(target), "tmpfs", _MS_NOSUID | _MS_NODEV, "mode=755")


def mount_node_directory(directory: Path) -> None:
    """Give the node its own /run with ``directory`` at :data:`INSIDE`, and own places for what has a fixed path.

    The directory is opened first: it may itself lie below /run.
    """
    handle = os.open(directory, os.O_PATH | os.O_DIRECTORY)
    try:
        _tmpfs(Path("/run"))
        INSIDE.mkdir(parents=True)
        bind(f"/proc/self/fd/{handle}", str(INSIDE))
    finally:
        os.close(handle)
    # Paths that CNI, kubelet and its log links have compiled in.
    for path in ("/var/lib/cni", "/var/log"):
        _tmpfs(Path(path))
    kubelet = INSIDE / "data" / "kubelet"
    kubelet.mkdir(parents=True, exist_ok=True)
    Path("/var/lib/kubelet").mkdir(parents=True, exist_ok=True)
    bind(str(kubelet), "/var/lib/kubelet")


def shield_kernel_settings() -> None:
    """Show the kubelet the values it expects, so that it does not change them for the whole machine."""
    directory = INSIDE.parent / "kernel-settings"
    for name, value in KERNEL_SETTINGS.items():
        shown = directory / name
        shown.parent.mkdir(parents=True, exist_ok=True)
        shown.write_text(f"{value}\n")
        real = Path("/proc/sys") / name
        if real.exists():
            bind(str(shown), str(real))


def cgroup_mounts() -> tuple[dict[str, Path], bool]:
    """The controllers' mount points by their mount options (version 1), or ``{"": path}`` and True for version 2."""
    found: dict[str, Path] = {}
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, target, kind, options, *_ = line.split(" ")
        if kind == "cgroup2" and Path(target) == _CGROUP_ROOT:
            return {"": _CGROUP_ROOT}, True
        if kind == "cgroup" and Path(target).parent == _CGROUP_ROOT:
            wanted = [o for o in options.split(",") if o not in ("rw", "ro", "relatime", "nosuid", "nodev", "noexec")]
            wanted = [o for o in wanted if not o.startswith(("release_agent=", "xattr", "clone_children"))]
            found[",".join(wanted)] = Path(target)
    return found, False


def cgroup_directories(name: str) -> list[Path]:
    """The directories that :func:`enter_cgroup` makes for ``name``, as seen from the host."""
    mounts, _ = cgroup_mounts()
    return [path / name for path in mounts.values()]


def enter_cgroup(name: str) -> None:
    """Move this process into its own cgroups and make them the root of what the node can see.

    So that two nodes' containers never share a cgroup and everything a node leaves lies below one name.
    """
    mounts, unified = cgroup_mounts()
    if unified:
        _enter_unified(_CGROUP_ROOT / name)
        return
    for path in mounts.values():
        own = path / name
        own.mkdir(exist_ok=True)
        # A new cpuset is empty, and nothing may enter an empty one.
        for setting in ("cpuset.cpus", "cpuset.mems"):
            if (path / setting).exists():
                (own / setting).write_text((path / setting).read_text())
        (own / "cgroup.procs").write_text("0")
    _unshare_cgroup()
    _tmpfs(_CGROUP_ROOT)
    for options, path in mounts.items():
        path.mkdir()
        spelled = f"none,{options}" if options.startswith("name=") else options
        mount("cgroup", str(path), "cgroup", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC, spelled)


def _enter_unified(own: Path) -> None:
    _delegate(own.parent)
    own.mkdir(exist_ok=True)
    (own / "cgroup.procs").write_text("0")
    _unshare_cgroup()
    mount("cgroup2", str(_CGROUP_ROOT), "cgroup2", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC)
    # Version 2 allows processes only in leaves, once controllers are handed down.
    leaf = _CGROUP_ROOT / "init"
    leaf.mkdir(exist_ok=True)
    (leaf / "cgroup.procs").write_text("0")
    _delegate(_CGROUP_ROOT)


def _delegate(directory: Path) -> None:
    control = directory / "cgroup.subtree_control"
    present = control.read_text().split()
    for controller in (directory / "cgroup.controllers").read_text().split():
        if controller not in present:
            control.write_text(f"+{controller}")


def _unshare_cgroup() -> None:
    if _libc.unshare(_CLONE_NEWCGROUP) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"unshare(CLONE_NEWCGROUP): {os.strerror(number)}")

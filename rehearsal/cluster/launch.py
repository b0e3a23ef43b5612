"""Starts and ends the first process of a built node, and runs commands inside it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from rehearsal.cluster.errors import ClusterError
from rehearsal.cluster.namespaces import cgroup_directories
from rehearsal.cluster.network import release_subnet
from rehearsal.cluster.packages import locate
from rehearsal.cluster.paths import NodeDirectory
from rehearsal.cluster.state import NodeState, ProcessIdentity, await_end

_START_SECONDS = 10.0
_END_SECONDS = 10.0
_started: dict[int, subprocess.Popen[bytes]] = {}
"""Launchers that are children of this very process: it has to reap them."""


def start_init(node: NodeDirectory) -> tuple[ProcessIdentity, ProcessIdentity]:
    """Start the supervisor as pid 1 of new namespaces; gives the launcher outside and the supervisor, seen from here.

    The launcher only waits; ``--kill-child`` ends the node with it, so neither outlives the other.
    """
    command = [
        str(locate("unshare")),
        *("--mount", "--pid", "--net", "--uts", "--ipc", "--mount-proc", "--fork", "--kill-child"),
        *(sys.executable, "-m", "rehearsal.cluster.supervisor", str(node.root)),
    ]
    node.running.unlink(missing_ok=True)
    packages = str(Path(__file__).resolve().parents[2])
    with (node.logs / "supervisor.log").open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - an argument list made here, no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env={"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": packages, "LANG": "C.UTF-8"},
            start_new_session=True,
        )
    _started[process.pid] = process
    launcher = ProcessIdentity.of(process.pid)
    deadline = time.monotonic() + _START_SECONDS
    while launcher is not None and time.monotonic() < deadline and process.poll() is None:
        for child in _children(process.pid):
            init = ProcessIdentity.of(child)
            if init is not None:
                return launcher, init
        time.sleep(0.005)
    process.kill()
    process.wait()
    raise ClusterError(
        "The rehearsal's node could not be given its own namespaces: "
        + _last_line(node.logs / "supervisor.log", "unshare ended without a message"),
        "The rehearsal needs root with CAP_SYS_ADMIN; in a container run it privileged, or use an existing cluster with "
        "--context.",
    )


def inside(init: ProcessIdentity, command: list[str]) -> list[str]:
    """``command`` as it has to be called from outside to run in the node's namespaces."""
    return [str(locate("nsenter")), "--target", str(init.pid), "--mount", "--net", "--pid", "--uts", "--ipc", *command]


def members(init: ProcessIdentity) -> list[psutil.Process]:
    """Every process of the node, by its pid namespace: also those whose parents have ended."""
    if not init.alive:
        return []
    namespace = pid_namespace(init.pid)
    if namespace is None:
        return []
    return [process for process in psutil.process_iter() if pid_namespace(process.pid) == namespace]


def pid_namespace(pid: int) -> str | None:
    """The kernel's name of a process's pid namespace; None when the process is gone or not ours to see."""
    try:
        return str(Path(f"/proc/{pid}/ns/pid").readlink())
    except OSError:
        return None


def end_node(state: NodeState) -> list[str]:
    """End the node and remove what it leaves on the machine; the answer is what that was. Ending an ended node is fine."""
    ended: list[str] = []
    inhabitants = members(state.init) if state.init is not None else []
    names = [_name(process) for process in inhabitants]
    identities = ProcessIdentity.of_all(process.pid for process in inhabitants)
    for identity, what in ((state.init, "supervisor"), (state.launcher, "launcher")):
        if identity is not None and identity.send(signal.SIGKILL):
            ended.append(f"{what} (pid {identity.pid})")
    if names:
        ended.append(f"{len(names) - 1} processes inside: {', '.join(sorted(set(names)))}")
    _await_end(
        [identity for identity in (state.init, state.launcher) if identity is not None],
        identities,
    )
    ended += [f"network link {link}" for link in release_subnet(state.cgroup)]
    removed = sum(_remove_cgroup(directory) for directory in cgroup_directories(state.cgroup))
    if removed:
        ended.append(f"{removed} cgroup directories")
    return ended


def _await_end(node: list[ProcessIdentity], inhabitants: list[ProcessIdentity]) -> None:
    deadline = time.monotonic() + _END_SECONDS
    for identity in node:
        own = _started.pop(identity.pid, None)
        if own is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                own.wait(_END_SECONDS)
    left = await_end([*node, *inhabitants], deadline - time.monotonic())
    stuck = [str(identity.pid) for identity in node if identity in left]
    if stuck:
        raise ClusterError(
            f"The rehearsal's node (pid {', '.join(stuck)}) does not end although it was killed.",
            "A process of it is stuck in the kernel; see `ps -o pid,stat,wchan` and the kernel log.",
        )


def _remove_cgroup(directory: Path) -> int:
    if not directory.is_dir():
        return 0
    removed = 0
    for path, _, _ in os.walk(directory, topdown=False):
        for attempt in range(100):
            try:
                Path(path).rmdir()
            except FileNotFoundError:
                break
            except OSError:
                # A cgroup is busy until the kernel has put away the last process that was in it.
                time.sleep(0.02 if attempt else 0)
                continue
            removed += 1
            break
    return removed


def _children(pid: int) -> list[int]:
    try:
        return [child.pid for child in psutil.Process(pid).children()]
    except psutil.NoSuchProcess:
        return []


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.Error:
        return "?"


def _last_line(path: Path, otherwise: str) -> str:
    lines = path.read_text(errors="replace").strip().splitlines() if path.is_file() else []
    return lines[-1] if lines else otherwise

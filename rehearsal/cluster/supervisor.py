"""Pid 1 of a built node: makes the node's surroundings, keeps its processes running, reaps what containers leave.

``python -m rehearsal.cluster.supervisor <node directory>``, started by :mod:`rehearsal.cluster.launch` in new pid, mount,
network, uts and ipc namespaces. When it ends, by whatever means, the kernel ends everything inside. It takes orders
through ``processes.json``: SIGHUP makes it carry out what that file has now.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from rehearsal.cluster import namespaces
from rehearsal.cluster.paths import INSIDE, write_atomically
from rehearsal.cluster.processes import NodeSpec, ProcessSpec, Running, RunningProcess, start_ticks
from rehearsal.toolchain.commands import run

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SIGNALS = {signal.SIGCHLD, signal.SIGHUP, signal.SIGTERM, signal.SIGINT}
_FIRST_DELAY, _LONGEST_DELAY, _SETTLED = 0.2, 5.0, 30.0
_STOP_SECONDS = 5.0
_LINK_SECONDS = 20.0


@dataclass(slots=True)
class _Child:
    spec: ProcessSpec
    pid: int = 0
    start: int = 0
    began: float = 0.0
    restarts: int = 0
    last_exit: int | None = None
    due: float | None = 0.0
    delay: float = _FIRST_DELAY


class Supervisor:
    """Runs the processes of a specification, each again when it ends, later and later while it keeps failing."""

    def __init__(self, specification: Path, account: Path) -> None:
        self._specification = specification
        self._account = account
        self._children: dict[str, _Child] = {}
        self._generation = ""

    def apply(self) -> None:
        """Carry out the specification: end what is not in it any more or has changed, start what is new, have the others reload."""
        wanted = NodeSpec.read(self._specification)
        by_name = {spec.name: spec for spec in wanted.processes}
        ending = {name: child for name, child in self._children.items() if _restarts(child.spec, by_name.get(name))}
        self._stop(ending.values())
        for name in ending:
            del self._children[name]
        for name, child in self._children.items():
            if child.spec != by_name[name] and child.due is None:
                os.kill(child.pid, signal.SIGHUP)
            child.spec = by_name[name]
        for name, spec in by_name.items():
            self._children.setdefault(name, _Child(spec))
        self._start_due()
        self._generation = wanted.generation
        self._tell()

    def run(self) -> None:
        """Until SIGTERM."""
        while True:
            received = signal.sigtimedwait(_SIGNALS, self._patience())
            number = received.si_signo if received is not None else None
            if number in (signal.SIGTERM, signal.SIGINT):
                return
            changed = self._reap() | self._start_due()
            if number == signal.SIGHUP:
                self.apply()
            elif changed:
                self._tell()

    def _patience(self) -> float:
        now = time.monotonic()
        return min(
            (max(0.0, child.due - now) for child in self._children.values() if child.due is not None), default=60
        )

    def _start_due(self) -> bool:
        now = time.monotonic()
        started = False
        for child in self._children.values():
            if child.due is None or child.due > now:
                continue
            child.pid = _spawn(child.spec)
            child.start = start_ticks(child.pid) or 0
            child.began, child.due = now, None
            started = True
        return started

    def _reap(self) -> bool:
        changed = False
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return changed
            if pid == 0:
                return changed
            child = next((c for c in self._children.values() if c.pid == pid and c.due is None), None)
            if child is None:
                continue
            now = time.monotonic()
            changed = True
            child.last_exit = os.waitstatus_to_exitcode(status)
            child.restarts += 1
            child.delay = _FIRST_DELAY if now - child.began > _SETTLED else min(child.delay * 2, _LONGEST_DELAY)
            child.due = now + child.delay

    def _stop(self, children: Iterable[_Child]) -> None:
        """End them all at once: who sent the order waits for it, and the patience of several would add up."""
        alive = [child for child in children if child.due is None]
        for child in alive:
            os.kill(child.pid, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_SECONDS
        while alive := [child for child in alive if start_ticks(child.pid) == child.start]:
            if time.monotonic() > deadline:
                for child in alive:
                    os.kill(child.pid, signal.SIGKILL)
            time.sleep(0.01)

    def _tell(self) -> None:
        running = {
            name: RunningProcess(child.pid, child.start, child.restarts, child.last_exit)
            for name, child in self._children.items()
            if child.due is None
        }
        write_atomically(self._account, Running(self._generation, running).to_json())


def _restarts(present: ProcessSpec, wanted: ProcessSpec | None) -> bool:
    return wanted is None or replace(wanted, reloaded=present.reloaded) != present


def _spawn(spec: ProcessSpec) -> int:
    environment = {"PATH": PATH, "HOME": "/root", **spec.environment}
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    try:
        return os.posix_spawn(
            spec.argv[0],
            spec.argv,
            environment,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, spec.log, flags, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
            setsigmask=[],
        )
    except OSError as error:
        with Path(spec.log).open("a") as log:
            log.write(f"{spec.argv[0]} could not be started: {error}\n")
        # A child that has already ended takes the same way as one that ends later.
        return os.posix_spawn("/bin/false", ["/bin/false"], {})


def _prepare(node: NodeSpec, directory: Path) -> None:
    socket.sethostname(node.hostname)
    namespaces.enter_cgroup(node.cgroup)
    namespaces.mount_node_directory(directory)
    namespaces.shield_kernel_settings()
    _await_interface(node.interface)
    commands = [
        "link set lo up",
        f"addr add {node.address}/{node.prefix_length} dev {node.interface}",
        f"link set {node.interface} up",
        # Every address of the ranges is this machine: a registry can listen on its own one at any time.
        *(f"route add local {addresses} dev lo" for addresses in node.local_ranges),
        # The service range must be routable for the rule below to see a packet that starts on the node itself.
        f"route add {node.service_address}/32 dev {node.interface} src {node.address}",
    ]
    _require(["ip", "-batch", "-"], "\n".join(commands))
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    # In place of kube-proxy, which the rehearsal does not need: the one service every client library expects.
    for chain in ("PREROUTING", "OUTPUT"):
        rule = ["-d", f"{node.service_address}/32", "-p", "tcp", "--dport", "443"]
        target = ["-j", "DNAT", "--to-destination", f"{node.address}:{node.api_port}"]
        _require(["iptables", "-w", "-t", "nat", "-A", chain, *rule, *target])


def _require(command: list[str], text: str = "") -> None:
    result = run(command, text=text, environment={"PATH": PATH})
    if not result.ok:
        raise RuntimeError(f"{' '.join(command)}: {result.words()}")


def _await_interface(name: str) -> None:
    deadline = time.monotonic() + _LINK_SECONDS
    while True:
        try:
            socket.if_nametoindex(name)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def main(directory: Path) -> None:
    """Make the node and run it until the end. What goes wrong before it runs is written to ``running.json``."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    account = directory / "running.json"
    try:
        _prepare(NodeSpec.read(directory / "processes.json"), directory)
    except Exception as error:
        traceback.print_exc()
        write_atomically(account, Running("", {}, f"{type(error).__name__}: {error}").to_json())
        sys.exit(1)
    supervisor = Supervisor(INSIDE / "processes.json", INSIDE / "running.json")
    supervisor.apply()
    supervisor.run()


if __name__ == "__main__":
    main(Path(sys.argv[1]))

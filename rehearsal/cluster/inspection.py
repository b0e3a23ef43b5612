"""What a sandbox home has running: for ``rehearse status``, and for whoever wonders what to end."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from rehearsal.cluster import existing
from rehearsal.cluster.control_plane import CONTEXT
from rehearsal.cluster.launch import members
from rehearsal.cluster.node import BuiltNode
from rehearsal.cluster.paths import NodeDirectory, cache_path
from rehearsal.cluster.processes import NodeSpec, Running, RunningProcess
from rehearsal.cluster.registry_files import served
from rehearsal.cluster.state import NodeState
from rehearsal.toolchain.programs import KUBERNETES_VERSION
from rehearsal.toolchain.pulumi_tools import wanted_programs


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """One process that the rehearsal started.

    ``name`` is what it is to the rehearsal (``kubelet``), or for a process of a pod its program's name, with ``role``
    ``pod``. ``pid`` is this machine's; 0 when it is not alive. ``cpu_seconds`` is used so far, ``rss_bytes`` now.
    """

    name: str
    role: str
    pid: int
    alive: bool
    started: datetime.datetime | None = None
    cpu_seconds: float = 0.0
    rss_bytes: int = 0
    restarts: int = 0
    last_exit: int | None = None


@dataclass(frozen=True, slots=True)
class RegistryStatus:
    push_host: str
    pull_host: str
    address: str
    username: str
    tls: bool


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """A program the built node needs: present in the cache or still to be built."""

    name: str
    present: bool
    path: str
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Status:
    """The state of a home's cluster.

    ``kind`` is ``built``, ``kind``, ``context`` or empty when the home has none; ``trouble`` is what is wrong with one that
    runs (None: nothing found).
    """

    kind: str
    running: bool
    trouble: str | None = None
    kubeconfig: str = ""
    context: str = ""
    api_server: str = ""
    node_ip: str = ""
    host_ip: str = ""
    home: str = ""
    logs: str = ""
    versions: dict[str, str] = field(default_factory=dict[str, str])
    processes: list[ProcessStatus] = field(default_factory=list[ProcessStatus])
    registries: list[RegistryStatus] = field(default_factory=list[RegistryStatus])
    cache: list[CacheEntry] = field(default_factory=list[CacheEntry])


def status(home: Path) -> Status:
    """The state of ``home``'s cluster; starts and changes nothing, needs no lock, and never raises for a dead cluster."""
    node = NodeDirectory.of(home)
    state = NodeState.read(node)
    cache = [_cache_entry(program.name, program.cached(cache_path())) for program in wanted_programs(cache_path())]
    if state is None:
        remembered = existing.recall(home)
        if remembered is None:
            return Status("", running=False, home=str(home), cache=cache)
        trouble = existing.trouble(remembered)
        return Status(
            remembered.kind,
            running=trouble is None,
            trouble=trouble,
            kubeconfig=remembered.kubeconfig,
            context=remembered.context,
            home=str(home),
            cache=cache,
        )
    subnet = state.subnet
    trouble = BuiltNode(home, lambda _: None).trouble(state, seconds=1.0) if state.alive else None
    return Status(
        "built",
        running=state.alive,
        trouble=trouble,
        kubeconfig=str(node.kubeconfig),
        context=CONTEXT,
        api_server=f"https://{subnet.node}:6443" if subnet else "",
        node_ip=subnet.node if subnet else "",
        host_ip=subnet.host if subnet else "",
        home=str(home),
        logs=str(node.logs),
        versions={"kubernetes": KUBERNETES_VERSION},
        processes=_processes(node, state),
        registries=[
            RegistryStatus(r.push_host, r.pull_host, subnet.registry(r.number) if subnet else "", r.username, r.tls)
            for r in served(node)
        ],
        cache=cache,
    )


def _processes(node: NodeDirectory, state: NodeState) -> list[ProcessStatus]:
    found: list[ProcessStatus] = []
    for identity, name in ((state.launcher, "launcher"), (state.init, "supervisor")):
        if identity is not None:
            process = psutil.Process(identity.pid) if identity.alive else None
            found.append(_measured(name, "node", process))
    running = Running.read(node.running) if state.alive else None
    supervised: Mapping[str, RunningProcess] = running.processes if running is not None else {}
    names = {process.pid: name for name, process in supervised.items()}
    present: dict[str, ProcessStatus] = {}
    pods: list[ProcessStatus] = []
    for process in members(state.init) if state.init is not None else []:
        inner = _inner_pid(process.pid)
        if inner == 1:
            continue
        name = names.get(inner)
        if name is not None:
            account = supervised[name]
            present[name] = _measured(name, "node", process, account.restarts, account.last_exit)
        else:
            pods.append(_measured("", "pod", process))
    with contextlib.suppress(FileNotFoundError, ValueError, TypeError):
        found += [
            present.get(spec.name) or ProcessStatus(spec.name, "node", 0, alive=False)
            for spec in NodeSpec.read(node.processes).processes
        ]
    return [*found, *sorted(pods, key=lambda process: process.pid)]


def _measured(
    name: str, role: str, process: psutil.Process | None, restarts: int = 0, last_exit: int | None = None
) -> ProcessStatus:
    if process is not None:
        with contextlib.suppress(psutil.Error), process.oneshot():
            times = process.cpu_times()
            return ProcessStatus(
                name or process.name(),
                role,
                process.pid,
                alive=True,
                started=datetime.datetime.fromtimestamp(process.create_time(), datetime.UTC),
                cpu_seconds=round(times.user + times.system, 2),
                rss_bytes=process.memory_info().rss,
                restarts=restarts,
                last_exit=last_exit,
            )
    return ProcessStatus(name, role, 0, alive=False, restarts=restarts, last_exit=last_exit)


def _inner_pid(pid: int) -> int:
    """The pid of a process inside the node: the second number of the kernel's list, for namespaces nest."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("NSpid:"):
                numbers = line.split()[1:]
                # Counted from this machine's end; a pod's own namespace comes after the node's.
                own = len(Path("/proc/self/status").read_text().split("NSpid:")[1].splitlines()[0].split())
                return int(numbers[own]) if len(numbers) > own else 0
    return 0


def _cache_entry(name: str, path: Path) -> CacheEntry:
    present = path.is_file()
    return CacheEntry(name, present, str(path), path.stat().st_size if present else 0)

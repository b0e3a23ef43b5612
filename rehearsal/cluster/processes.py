"""The node's processes as data: what shall run, written by the host, and what does run, written by the supervisor.

Only the standard library here: the supervisor, pid 1 of the node, imports this.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ONE_THREAD: Mapping[str, str] = {"GOMAXPROCS": "1"}
"""For the Go programs of a cluster that serves one user: by themselves they have a thread look for work on each processor. This
takes a quarter off what an idle sandbox costs and a sixth off an update; an update of 40 namespaces did not become slower."""


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """One process the supervisor keeps running.

    ``content`` is a digest of the configuration files the process reads only at its start, ``reloaded`` of those it reads again
    at SIGHUP. When only ``reloaded`` changes, the process is sent that signal; it is restarted when anything else of its
    specification changes, and left alone otherwise.
    """

    name: str
    argv: tuple[str, ...]
    log: str
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    content: str = ""
    reloaded: str = ""


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """What the supervisor needs to know to make the node, and the processes it runs in it."""

    cgroup: str
    interface: str
    address: str
    gateway: str
    prefix_length: int
    local_ranges: tuple[str, ...]
    service_address: str
    api_port: int
    hostname: str
    processes: tuple[ProcessSpec, ...]
    generation: str = ""

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def read(cls, path: Path) -> NodeSpec:
        value: dict[str, Any] = json.loads(path.read_text())
        processes: list[ProcessSpec] = []
        for process in value.pop("processes"):
            process["argv"] = tuple(process["argv"])
            processes.append(ProcessSpec(**process))
        local_ranges = tuple(value.pop("local_ranges"))
        return cls(**value, local_ranges=local_ranges, processes=tuple(processes))


@dataclass(frozen=True, slots=True)
class RunningProcess:
    """A supervised process; ``pid`` and ``start`` (kernel ticks since boot) are those inside the node."""

    pid: int
    start: int
    restarts: int
    last_exit: int | None


@dataclass(frozen=True, slots=True)
class Running:
    """The supervisor's own account. ``generation`` is that of the specification it has carried out."""

    generation: str
    processes: Mapping[str, RunningProcess]
    error: str = ""

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def read(cls, path: Path) -> Running | None:
        """None when the supervisor has not written yet."""
        try:
            value: dict[str, Any] = json.loads(path.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        processes = {name: RunningProcess(**process) for name, process in value["processes"].items()}
        return cls(value["generation"], processes, value.get("error", ""))


def start_ticks(pid: int) -> int | None:
    """When a process began, in kernel ticks since boot; with the pid it names a process for good. None when it is gone.

    A zombie counts as gone: it holds nothing any more.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command name may hold spaces and brackets; what follows the last bracket may not (proc(5)).
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in ("Z", "X") else int(fields[19])

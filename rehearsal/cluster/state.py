"""What a sandbox home remembers of its built node: enough to find it, to assess it and to end it, and nothing else."""

from __future__ import annotations

import errno
import json
import os
import secrets
import signal
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from rehearsal.cluster.network import Subnet
from rehearsal.cluster.paths import NodeDirectory, write_atomically
from rehearsal.cluster.processes import start_ticks


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process for good: pids are used again, a pid with its start time (kernel ticks since this boot) is not."""

    pid: int
    start: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> ProcessIdentity | None:
        """The process that has ``pid`` now, or None when there is none."""
        start = start_ticks(pid)
        return None if start is None else cls(pid, start, boot_id())

    @classmethod
    def of_all(cls, pids: Iterable[int]) -> list[ProcessIdentity]:
        """The processes that have ``pids`` now, without those that have ended."""
        return [identity for pid in pids if (identity := cls.of(pid)) is not None]

    @property
    def alive(self) -> bool:
        return self.boot == boot_id() and start_ticks(self.pid) == self.start

    def send(self, number: signal.Signals) -> bool:
        """Send a signal to this very process; False when it has ended, whoever has its pid now."""
        try:
            handle = os.pidfd_open(self.pid)
        except OSError as error:
            # A thread has the pid now: ENOENT, before Linux 6.15 EINVAL.
            if error.errno in (errno.ESRCH, errno.ENOENT, errno.EINVAL):
                return False
            raise
        try:
            # Checked after the descriptor was made: from here on it can only mean the process that was checked.
            if not self.alive:
                return False
            signal.pidfd_send_signal(handle, number)
        except ProcessLookupError:
            return False
        finally:
            os.close(handle)
        return True


def await_end(processes: Iterable[ProcessIdentity], seconds: float) -> list[ProcessIdentity]:
    """Wait until processes have ended, whoever has their pids then; gives those that have not after ``seconds``.

    A zombie has ended. psutil waits for pids, and fails where one is a thread's by now.
    """
    deadline = time.monotonic() + seconds
    left = [process for process in processes if process.alive]
    while left and time.monotonic() < deadline:
        time.sleep(0.01)
        left = [process for process in left if process.alive]
    return left


@dataclass(frozen=True, slots=True)
class NodeState:
    """``identity`` names the node on this machine (cgroup); ``images`` and ``snapshotter`` are what its runtime holds."""

    identity: str
    subnet_index: int | None = None
    launcher: ProcessIdentity | None = None
    init: ProcessIdentity | None = None
    images: list[str] = field(default_factory=list[str])
    snapshotter: str = ""

    @property
    def cgroup(self) -> str:
        return f"mendix-rehearsal-{self.identity}"

    @property
    def subnet(self) -> Subnet | None:
        return None if self.subnet_index is None else Subnet(self.subnet_index)

    @property
    def alive(self) -> bool:
        return self.init is not None and self.init.alive

    def with_changes(self, **changes: Any) -> NodeState:
        return replace(self, **changes)

    def write(self, node: NodeDirectory) -> None:
        write_atomically(node.state, json.dumps(asdict(self), indent=1))

    @classmethod
    def read(cls, node: NodeDirectory) -> NodeState | None:
        """None when the home never had a node."""
        try:
            value: dict[str, Any] = json.loads(node.state.read_text())
        except FileNotFoundError:
            return None
        for name in ("launcher", "init"):
            if value.get(name) is not None:
                value[name] = ProcessIdentity(**value[name])
        return cls(**value)

    @classmethod
    def new(cls) -> NodeState:
        return cls(identity=secrets.token_hex(4))


def boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()

"""Ends what a home started, and only that."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from rehearsal.cluster.paths import NodeDirectory
from rehearsal.cluster.processes import start_ticks
from rehearsal.cluster.shutdown import down
from rehearsal.cluster.state import NodeState, ProcessIdentity

needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None, reason="needs root and unshare for a process tree of its own"
)


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """A process that is nobody's here."""
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def identity(process: subprocess.Popen[bytes]) -> ProcessIdentity:
    found = ProcessIdentity.of(process.pid)
    assert found is not None
    return found


def test_a_process_is_identified_by_start_and_boot(bystander: subprocess.Popen[bytes]) -> None:
    """Of two that had one pid, and of two boots, only the very one is sent a signal."""
    own = identity(bystander)
    earlier = replace(own, start=own.start - 1)
    other_boot = replace(own, boot="00000000-0000-0000-0000-000000000000")
    assert (own.alive, earlier.alive, other_boot.alive) == (True, False, False)
    assert not earlier.send(signal.SIGKILL)
    assert not other_boot.send(signal.SIGKILL)
    assert bystander.poll() is None
    assert own.send(signal.SIGKILL)
    assert bystander.wait(10) == -signal.SIGKILL
    assert not own.alive
    assert not own.send(signal.SIGKILL)
    assert ProcessIdentity.of(bystander.pid) is None


PROCESS = """
second = subprocess.Popen(["sleep", "60"])
assert second.pid == first.pid
found()
print(second.poll())
second.kill()
"""
THREAD = """
done = threading.Event()
second = threading.Thread(target=done.wait, daemon=True)
second.start()
assert second.native_id == first.pid
found()
print(None)
done.set()
"""


@needs_root
@pytest.mark.parametrize("second", [PROCESS, THREAD], ids=["by a process", "by a thread"])
def test_a_reused_pid_is_neither_killed_nor_awaited(tmp_path: Path, second: str) -> None:
    """For real: in a pid namespace of its own the next pid can be chosen."""
    program = """
import signal, subprocess, sys, threading, time
from pathlib import Path
from rehearsal.cluster.state import ProcessIdentity, await_end
def found():
    print(one.alive, one.send(signal.SIGKILL), await_end([one], 10))
first = subprocess.Popen(["sleep", "60"])
one = ProcessIdentity.of(first.pid)
first.kill(); first.wait()
time.sleep(0.03)  # a tick of the kernel's clock is 10 ms
Path("/proc/sys/kernel/ns_last_pid").write_text(str(first.pid - 1))
"""
    (tmp_path / "program.py").write_text(program + second)
    command = ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, str(tmp_path / "program.py")]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.stdout.split() == ["False", "False", "[]", "None"], done.stderr


def test_a_missing_home_has_nothing_to_end(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert down(home) == []
    assert not home.exists()


@pytest.fixture
def ended(tmp_path: Path) -> Path:
    """A home whose node ran once: files of it, no process."""
    node = NodeDirectory.of(tmp_path)
    node.create()
    NodeState.new().write(node)
    (node.data / "etcd").mkdir()
    return tmp_path


def test_the_pid_of_an_ended_node_is_never_killed(ended: Path, bystander: subprocess.Popen[bytes]) -> None:
    node = NodeDirectory.of(ended)
    state = NodeState.read(node)
    assert state is not None
    gone = replace(identity(bystander), start=1)
    state.with_changes(launcher=gone, init=gone, subnet_index=255).write(node)
    assert down(ended) == []
    assert bystander.poll() is None
    assert NodeState.read(node) == state.with_changes(subnet_index=255)
    assert (node.data / "etcd").is_dir(), "objects and images stay for the next start"


def test_a_purge_deletes_only_the_data_of_a_home(ended: Path) -> None:
    (ended / "registry-password").write_text("x")
    assert down(ended, purge=True) == [f"data of the cluster in {ended / 'cluster'}"]
    assert sorted(path.name for path in ended.iterdir()) == ["cluster.lock", "registry-password"]
    assert down(ended, purge=True) == []


@pytest.mark.slow
@needs_root
def test_a_node_ends_with_all_that_runs_in_it(ended: Path, bystander: subprocess.Popen[bytes]) -> None:
    """Its first process is killed; the kernel ends the rest of its pid namespace, orphans too."""
    inside = "(setsid sleep 61 &); sleep 62 & exec sleep 63"
    command = ["unshare", "--pid", "--fork", "--kill-child", "sh", "-c", inside]
    with subprocess.Popen(command) as launcher:
        for _ in range(1000):
            children = psutil.Process(launcher.pid).children(recursive=True)
            if len(children) >= 2 and children[0].name() == "sleep":
                break
            time.sleep(0.01)
        node = NodeDirectory.of(ended)
        state = NodeState.read(node)
        init = ProcessIdentity.of(children[0].pid)
        assert state is not None
        state.with_changes(launcher=identity(launcher), init=init).write(node)
        assert NodeState.read(node) == state.with_changes(launcher=identity(launcher), init=init)
        told = down(ended)
    assert told[0] == f"supervisor (pid {children[0].pid})"
    assert "processes inside: sleep" in "\n".join(told)
    assert [start_ticks(process.pid) for process in children] == [None] * len(children)
    assert bystander.poll() is None
    assert down(ended) == []

"""Pid 1 of a node: keeps its processes running, tells what became of them, follows what it is told to run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from rehearsal.cluster.processes import NodeSpec, ProcessSpec, Running, RunningProcess, start_ticks

ROOT = Path(__file__).parents[3]
SUPERVISOR = """
import signal, sys
from pathlib import Path
from rehearsal.cluster import supervisor
supervisor._STOP_SECONDS = float(sys.argv[3])
signal.pthread_sigmask(signal.SIG_BLOCK, supervisor._SIGNALS)
one = supervisor.Supervisor(Path(sys.argv[1]), Path(sys.argv[2]))
one.apply()
one.run()
"""
EMPTY = NodeSpec("cgroup", "eth0", "198.18.0.2", "198.18.0.1", 24, ("198.18.0.128/25",), "10.96.0.1", 6443, "node", ())


class Node:
    """A supervisor without a node around it: its processes are those of this machine."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._wanted, self._running = directory / "processes.json", directory / "running.json"
        self._generation = 0
        self.patience = 0.2
        self.process: subprocess.Popen[bytes] | None = None

    def spec(self, name: str, *argv: str, **changes: str) -> ProcessSpec:
        return ProcessSpec(name, argv, str(self.directory / f"{name}.log"), **changes)

    def order(self, *specs: ProcessSpec) -> Running:
        """Have these run, and give the account once the supervisor has carried it out."""
        self._generation += 1
        generation = str(self._generation)
        self._wanted.write_text(replace(EMPTY, processes=specs, generation=generation).to_json())
        if self.process is None:
            command = [sys.executable, "-c", SUPERVISOR, str(self._wanted), str(self._running), str(self.patience)]
            self.process = subprocess.Popen(command, cwd=ROOT)
        else:
            self.process.send_signal(signal.SIGHUP)
        return self.told(lambda running: running.generation == generation)

    def told(self, condition: Callable[[Running], bool]) -> Running:
        for _ in range(1000):
            running = Running.read(self._running)
            if running is not None and condition(running):
                return running
            time.sleep(0.01)
        raise AssertionError(f"never told; last: {Running.read(self._running)}")


def await_file(path: Path) -> None:
    for _ in range(1000):
        if path.exists():
            return
        time.sleep(0.01)
    raise AssertionError(f"{path} did not appear")


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    node = Node(tmp_path)
    yield node
    assert node.process is not None
    node.process.terminate()
    assert node.process.wait(10) == 0
    # In a node the kernel ends them with their supervisor.
    for child in (Running.read(tmp_path / "running.json") or Running("", {})).processes.values():
        if start_ticks(child.pid) == child.start:
            os.kill(child.pid, signal.SIGKILL)


def test_a_process_that_dies_is_reported_and_restarted(node: Node) -> None:
    first = node.order(node.spec("steady", "/bin/sleep", "60"), node.spec("dies", "/bin/sleep", "60"))
    os.kill(first.processes["dies"].pid, signal.SIGKILL)
    second = node.told(lambda running: "dies" in running.processes and running.processes["dies"].restarts == 1)
    assert second.processes["dies"].last_exit == -signal.SIGKILL
    assert second.processes["dies"].pid != first.processes["dies"].pid
    assert second.processes["steady"] == first.processes["steady"]


@pytest.mark.slow
def test_what_cannot_stay_up_is_tried_later_and_later(node: Node) -> None:
    """And says in its log what it said."""
    node.order(node.spec("fails", "/bin/sh", "-c", "date +%s%N; exit 3"), node.spec("absent", "/nowhere/etcd"))
    log = node.directory / "fails.log"
    for _ in range(1000):
        if len(starts := log.read_text().split()) >= 3:
            break
        time.sleep(0.01)
    first, second, third = (int(text) / 1e9 for text in starts[:3])
    assert second - first >= 0.4
    assert third - second >= 0.8
    node.told(
        lambda running: set(running.processes) == set(),
    )
    assert "/nowhere/etcd could not be started: " in (node.directory / "absent.log").read_text()


def test_an_order_ends_old_processes_starts_new_keeps_others(node: Node) -> None:
    before = node.order(
        node.spec("stays", "/bin/sleep", "60"),
        node.spec("goes", "/bin/sleep", "60"),
        node.spec("file", "/bin/sleep", "60", content="digest of its file"),
        # The trap is set before the marker is there.
        node.spec(
            "stubborn", "/bin/sh", "-c", f"trap '' TERM; touch {node.directory}/deaf; while :; do sleep 0.1; done"
        ),
    ).processes
    await_file(node.directory / "deaf")
    after = node.order(
        node.spec("stays", "/bin/sleep", "60"),
        node.spec("file", "/bin/sleep", "60", content="another"),
        node.spec("new", "/bin/sleep", "60"),
    ).processes
    assert set(after) == {"stays", "file", "new"}
    assert after["stays"] == before["stays"]
    assert after["file"].pid != before["file"].pid
    for name in ("goes", "file", "stubborn"):
        assert start_ticks(before[name].pid) is None, name


def test_a_process_is_signalled_to_reload_its_files(node: Node) -> None:
    script = f"trap 'touch {node.directory}/reloaded' HUP; touch {node.directory}/ready; while :; do sleep 0.1; done"
    before = node.order(node.spec("service", "/bin/sh", "-c", script, reloaded="old")).processes
    await_file(node.directory / "ready")
    after = node.order(node.spec("service", "/bin/sh", "-c", script, reloaded="new")).processes
    await_file(node.directory / "reloaded")
    assert after == before
    again = node.order(node.spec("service", "/bin/sh", "-c", script, reloaded="new", content="sources")).processes
    assert again["service"].pid != before["service"].pid


def test_all_old_processes_are_asked_before_any_is_awaited(node: Node) -> None:
    """One after another, the patience with each would add up to more than who sent the order has. Here each ends only once
    the other was asked too, and is given longer than the test waits."""
    node.patience = 60
    script = "trap 'touch heard-{0}; until [ -e heard-{1} ]; do sleep 0.1; done; exit' TERM; touch {0}; while :; do sleep 1; done"
    node.order(
        *(
            node.spec(one, "/bin/sh", "-c", f"cd {node.directory}; {script.format(one, other)}")
            for one, other in (("left", "right"), ("right", "left"))
        )
    )
    for name in ("left", "right"):
        await_file(node.directory / name)
    assert node.order().processes == {}


def test_a_process_gets_its_environment_and_not_the_callers(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")
    spec = ProcessSpec("env", ("/bin/sh", "-c", "env; exec sleep 60"), str(node.directory / "env.log"), {"A": "1"})
    node.order(spec)
    for _ in range(1000):
        if "PWD" in (text := (node.directory / "env.log").read_text()):
            break
        time.sleep(0.01)
    assert "A=1" in text
    assert "canary" not in text
    assert (node.directory / "env.log").stat().st_mode & 0o077 == 0


def test_an_account_is_read_as_written_or_absent(tmp_path: Path) -> None:
    running = Running("7", {"etcd": RunningProcess(12, 345, 1, -9)}, "an error")
    (tmp_path / "running.json").write_text(running.to_json())
    assert Running.read(tmp_path / "running.json") == running
    assert Running.read(tmp_path / "absent.json") is None
    (tmp_path / "running.json").write_text("")
    assert Running.read(tmp_path / "running.json") is None
    wanted = replace(EMPTY, processes=(ProcessSpec("etcd", ("/bin/etcd", "a b"), "log", {"A": "1"}, "x"),))
    (tmp_path / "processes.json").write_text(wanted.to_json())
    assert NodeSpec.read(tmp_path / "processes.json") == wanted


def test_start_ticks_are_the_kernels_for_any_process_name(tmp_path: Path) -> None:
    """psutil is the oracle; a name may hold brackets and spaces (proc(5))."""
    named = tmp_path / "a) R 1 (b"
    named.symlink_to("/bin/sleep")
    with subprocess.Popen([str(named), "60"]) as process:
        ticks = start_ticks(process.pid)
        assert ticks is not None
        since_boot = psutil.Process(process.pid).create_time() - psutil.boot_time()
        assert abs(ticks / os.sysconf("SC_CLK_TCK") - since_boot) < 2
        process.kill()
        for _ in range(1000):
            if start_ticks(process.pid) is None:
                break
            time.sleep(0.01)
        assert start_ticks(process.pid) is None, "a zombie holds nothing any more"
    assert start_ticks(process.pid) is None

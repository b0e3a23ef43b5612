"""Which processes are a sandbox's: real ones, with the names and the environment that Pulumi's have."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from rehearsal.sandbox.processes import end_plugins_without_cli, end_pulumi

Start = Callable[..., psutil.Process]
_NAME = "pulumi-resource-kubernetes"
_PLUGIN = 'exec -a "$PLUGIN" sleep 600'
"""Does not have the name in the command line of whoever starts it."""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a shell that is called ``pulumi``, or ``bash``, for a sandbox, and waits for what it starts."""
    shell = shutil.which("bash")
    assert shell is not None
    cli = tmp_path / "pulumi"
    shutil.copy(shell, cli)
    started: list[subprocess.Popen[str]] = []

    def run(home: str, script: str, program: str = str(cli)) -> psutil.Process:
        process = subprocess.Popen(
            [program, "-c", f"echo started; {script}"],
            env={**os.environ, "PULUMI_HOME": str(tmp_path / home), "PLUGIN": _NAME},
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        assert process.stdout is not None and process.stdout.readline() == "started\n"
        return psutil.Process(process.pid)

    yield run
    for process in started:
        for member in psutil.process_iter():
            if member.pid != process.pid and os.getsid(member.pid) == process.pid:
                member.kill()
        process.kill()
        process.wait()


def _child(process: psutil.Process) -> psutil.Process:
    """Its child, as soon as that is the plugin."""
    while True:
        for child in process.children():
            if _NAME in child.cmdline():
                return child


def _runs(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_an_update_and_its_plugins_are_ended(start: Start, tmp_path: Path) -> None:
    cli = start("own", f"({_PLUGIN}) & wait")
    plugin = _child(cli)
    stubborn = start("own", "trap '' TERM; while :; do sleep 0.1; done", shutil.which("bash"))
    assert end_pulumi(tmp_path / "own") == [f"Pulumi CLI, process {cli.pid}"]
    assert not _runs(cli) and not _runs(plugin)
    assert _runs(stubborn), "a shell in which the user works with the sandbox is not Pulumi"


def test_another_sandboxs_update_goes_on(start: Start, tmp_path: Path) -> None:
    other = start("other", f"({_PLUGIN}) & wait")
    plugin = _child(other)
    assert end_pulumi(tmp_path / "own") == []
    assert _runs(other) and _runs(plugin)


def test_a_recovery_ends_plugins_without_a_cli(start: Start, tmp_path: Path) -> None:
    cli = start("own", f"({_PLUGIN}) & wait")
    kept = _child(cli)
    lost = start("own", _PLUGIN, shutil.which("bash"))
    while _NAME not in lost.cmdline():
        pass
    end_plugins_without_cli(tmp_path / "own")
    assert _runs(cli) and _runs(kept)
    assert not _runs(lost)

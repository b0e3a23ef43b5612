"""An update that goes on: real processes, with the names and the environment that Pulumi's have."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from rehearsal.sandbox.processes import end_pulumi

Start = Callable[[str], psutil.Process]
_COMM = 15
"""Of a script's name, this many characters are its process's."""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a shell of a home's, which has started a CLI, which has started a plugin."""
    plugin, cli = tmp_path / "pulumi-resource-x", tmp_path / "pulumi"
    plugin.write_text("#!/bin/sh\necho started\nsleep 600\n")
    cli.write_text(f"#!/bin/sh\n{plugin} &\nwait\n")
    for script in (plugin, cli):
        script.chmod(0o755)
    with contextlib.ExitStack() as started:

        def run(home: str) -> psutil.Process:
            process = subprocess.Popen(
                ["sh", "-c", '"$CLI"; sleep 600'],
                env={**os.environ, "PULUMI_HOME": str(tmp_path / home), "CLI": str(cli)},
                stdout=subprocess.PIPE,
                start_new_session=True,
            )
            started.enter_context(process)
            started.callback(os.killpg, process.pid, signal.SIGKILL)
            assert process.stdout is not None and process.stdout.readline() == b"started\n"
            return psutil.Process(process.pid)

        yield run


def _named(shell: psutil.Process, name: str) -> psutil.Process:
    return next(process for process in shell.children(recursive=True) if process.name() == name[:_COMM])


def _runs(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_an_update_and_its_plugins_are_ended(start: Start, tmp_path: Path) -> None:
    shell = start("own")
    cli, plugin = _named(shell, "pulumi"), _named(shell, "pulumi-resource-x")
    assert end_pulumi(tmp_path / "own") == [f"Pulumi CLI (pid {cli.pid})"]
    assert not _runs(cli) and not _runs(plugin)
    assert _runs(shell), "a shell in which the user works with the sandbox is not Pulumi"


def test_another_sandboxs_update_goes_on(start: Start, tmp_path: Path) -> None:
    shell = start("other")
    assert end_pulumi(tmp_path / "own") == []
    assert _runs(_named(shell, "pulumi")) and _runs(_named(shell, "pulumi-resource-x"))

"""What an update starts ahead: used where it is needed, gone where it is not."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from rehearsal.engine.errors import EngineError

from .conftest import PLUGIN, Stage

pytestmark = pytest.mark.slow

WAIT = """
import pathlib, time
started = pathlib.Path({started!r})
deadline = time.monotonic() + 30
while not started.exists() and time.monotonic() < deadline:
    time.sleep(0.02)
"""


def observed(stage: Stage, command: str) -> Path:
    """Let the plugin note its process id in the file that is returned before it becomes ``command``."""
    started = stage.root / "started"
    script = stage.root / "pulumi-resource-observed"
    script.write_text(f'#!/bin/sh\necho $$ >> "{started}"\nexec {command} "$@"\n')
    script.chmod(0o755)
    stage.stand_ins = {"test": script}
    return started


def engine_children() -> list[str]:
    return [" ".join(child.cmdline()) for child in psutil.Process().children(recursive=True)]


async def test_an_expected_plugin_starts_beside_the_program_and_is_the_one_that_is_used(stage: Stage) -> None:
    started = observed(stage, str(PLUGIN))
    # The program registers nothing before the plugin runs: it ends only because nobody waited for a registration.
    stage.program(WAIT.format(started=str(started)) + 'assert started.exists()\nThing("a", label="a")')
    await stage.succeed(expected=["test"])
    assert len(started.read_text().split()) == 1
    assert set(stage.things()) == {"a"}
    await stage.succeed("preview", expected=["test"])
    assert len(started.read_text().split()) == 2, "one that the state names is not started twice"


async def test_an_expected_plugin_that_nobody_needs_is_ended(stage: Stage) -> None:
    started = observed(stage, "sleep 60")
    stage.program(WAIT.format(started=str(started)) + 'raise pulumi.RunError("the configuration is wrong")')
    result = await stage.run(expected=["test"])
    assert result.finished.refused
    (pid,) = started.read_text().split()
    assert not psutil.pid_exists(int(pid))


async def test_a_program_is_not_run_where_the_stack_cannot_be_opened(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = stage.root / "ran"
    stage.program(f"open({str(ran)!r}, 'w')")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "wrong")
    with pytest.raises(EngineError, match="wrong passphrase"):
        await stage.run()
    assert not ran.exists()
    assert not [command for command in engine_children() if "run_program.py" in command]


async def test_the_program_gets_nothing_on_standard_input_nor_secrets_in_its_environment(stage: Stage) -> None:
    (stage.root / "Pulumi.dev.yaml").write_text(
        (stage.root / "Pulumi.dev.yaml").read_text().replace("proj:size: '3'", "proj:size: a-value-to-find")
    )
    stage.program("""
import os, pathlib, sys
assert pulumi.Config("proj").require("size") == "a-value-to-find"
assert sys.stdin.read() == ""
assert os.read(0, 1) == b""
assert b"a-value-to-find" not in pathlib.Path("/proc/self/environ").read_bytes()
assert b"a-value-to-find" not in pathlib.Path("/proc/self/cmdline").read_bytes()
""")
    await stage.succeed()

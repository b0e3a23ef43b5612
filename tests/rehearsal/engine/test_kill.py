"""Sudden death at every step boundary: the next update converges, nothing is orphaned, nothing exists twice."""

from __future__ import annotations

import asyncio
import multiprocessing.context
import os
import runpy
import shutil
import signal
import time
from collections import Counter
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import psutil
import pytest

from .conftest import PASSPHRASE, PLUGIN, Stage

pytestmark = pytest.mark.slow

DRIVE = Path(__file__).with_name("drive.py")
BEFORE = """
    a = Thing("a", size=1)
    b = Thing("b", kind="x", note=a.serial)
    c = Thing("c", label="c", kind="x", first=True)
    Thing("gone", label="gone")
"""
AFTER = """
    a = Thing("a", size=2)
    b = Thing("b", kind="y", note=a.serial)
    c = Thing("c", label="c", kind="y", first=True)
    Thing("new", size=1)
"""


WANTED = {
    "create": {"a": "1", "b": "x", "c": "x", "gone": ""},
    "change": {"a": "2", "b": "y", "c": "y", "new": "1"},
    "destroy": {},
}


@dataclass(frozen=True)
class Driven:
    returncode: int
    report: str
    """What the update said; its last line is the number of records that its journal got."""


@pytest.fixture(scope="module")
def engines() -> multiprocessing.context.ForkServerContext:
    """Makes processes that have loaded the engine: hundreds are made to be killed, and loading it is a quarter of their life."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["rehearsal.engine.runner", "psutil"])
    return context


class Killer:
    """Runs updates on a stage of which a part is killed on the way (drive.py)."""

    def __init__(self, stage: Stage, engines: multiprocessing.context.ForkServerContext) -> None:
        self._stage = stage
        self._engines = engines

    def drive(self, kind: str, deadline: int, victim: str = "engine") -> Driven:
        report = self._stage.root / "report"
        asked = {
            "root": self._stage.root,
            "deadline": deadline,
            "victim": victim,
            "kind": kind,
            "plugin": PLUGIN,
            "report": report,
            "environment": {**self._stage.environment, "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE},
        }
        process = self._engines.Process(target=runpy.run_path, args=(str(DRIVE), {"ASKED": asked}, "drive"))
        report.unlink(missing_ok=True)
        process.start()
        try:
            process.join(60)
            assert process.exitcode is not None, "the update does not end"
            return Driven(process.exitcode, report.read_text() if report.exists() else "")
        finally:
            if process.is_alive():
                process.kill()
                process.join()
            process.close()


@pytest.fixture
def killer(stage: Stage, engines: multiprocessing.context.ForkServerContext) -> Killer:
    return Killer(stage, engines)


class Replay:
    """One update, begun again and again from the same state and the same cloud."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self._kept = stage.root / "start"
        for name in ("cloud", "home"):
            shutil.copytree(stage.root / name, self._kept / name)

    def again(self) -> None:
        for name in ("cloud", "home"):
            shutil.rmtree(self.stage.root / name)
            shutil.copytree(self._kept / name, self.stage.root / name)


async def before(stage: Stage, phase: str) -> tuple[str, Replay]:
    """Bring the stage to where ``phase`` begins; return the kind of update that the phase is."""
    stage.program(BEFORE)
    if phase != "create":
        await stage.succeed()
        stage.program(AFTER)
    return ("destroy" if phase == "destroy" else "up"), Replay(stage)


def assert_world_is(stage: Stage, expected: dict[str, str]) -> None:
    """The cloud and the state agree, and hold exactly the expected things: name → kind or size."""
    in_cloud = {item["urn"].rpartition("::")[2] for item in stage.things().values()}
    assert in_cloud == set(expected), "orphaned or lost in the cloud"
    assert len(stage.things()) == len(expected), "something exists twice"
    assert stage.names() == Counter(expected.keys()), "the state does not agree"
    assert not stage.state().get("pending_operations")
    ids = {r["id"] for r in stage.state().get("resources") or () if r["type"] == "test:index:Thing"}
    assert ids == set(stage.things())
    for item in stage.things().values():
        name = item["urn"].rpartition("::")[2]
        size = item["inputs"].get("size")
        assert (item["inputs"].get("kind") or (f"{size:.0f}" if size else "")) == expected[name]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("victim", "phase"),
    # No program runs in a destroy.
    [each for each in product(("engine", "program", "plugin"), WANTED) if each != ("program", "destroy")],
)
async def test_killed_at_every_record(stage: Stage, killer: Killer, victim: str, phase: str) -> None:
    """Creations, updates, replacements of both orders and deletions, with one of the three processes killed between each
    step and its record."""
    kind, replay = await before(stage, phase)
    # Of a child's deaths only those after a record differ from what the test of the plugin's own calls covers.
    first, stride = (1, 1) if victim == "engine" else (2, 2)
    failures = 0
    for deadline in range(first, 400, stride):
        replay.again()
        killed = killer.drive(kind, deadline, victim)
        if victim == "engine":
            if killed.returncode == 0:
                break
            assert killed.returncode == -signal.SIGKILL, killed.report
            assert_nothing_left_running(stage)
        else:
            assert killed.returncode in (0, 1), killed.report
            if (deadline + 1) // 2 > int(killed.report.splitlines()[-1]):
                break
        failures += killed.returncode != 0
        await stage.succeed(kind)
        assert_world_is(stage, WANTED[phase])
    assert failures >= {"engine": 8, "program": 3, "plugin": 3}[victim], "the boundaries were not met"


MOVE = """
    region = Region("here", "{0}")
    options = pulumi.ResourceOptions(provider=region)
    a = Thing("a", label="a", size=1, opts=options)
    Thing("b", label="b", note=a.serial, first=True, opts=options)
"""


@pytest.mark.parametrize("kind", ["up", "destroy"])
async def test_killed_at_every_record_of_a_move(stage: Stage, killer: Killer, kind: str) -> None:
    """An explicit provider that is replaced, and a destroy after half of that: all that was made is deleted where it is."""
    stage.program(MOVE.format("one"))
    await stage.succeed()
    if kind == "destroy":
        stage.program(MOVE.format("two").replace("note=", 'fail="create", note='))
        assert not (await stage.run()).finished.ok
        assert "two-a" in stage.things()
    stage.program(MOVE.format("two"))
    replay = Replay(stage)
    deaths = 0
    for deadline in range(1, 400):
        replay.again()
        killed = killer.drive(kind, deadline)
        if killed.returncode == 0:
            break
        assert killed.returncode == -signal.SIGKILL, killed.report
        deaths += 1
        await stage.succeed(kind)
        assert set(stage.things()) == ({"two-a", "two-b"} if kind == "up" else set())
        assert stage.names() == Counter(["a", "b"] if kind == "up" else [])
        regions = [each for each in stage.state().get("resources") or () if each["type"] == "pulumi:providers:test"]
        assert len(regions) == (1 if kind == "up" else 0)
    assert deaths >= 8, "the boundaries were not met"


async def test_killed_at_every_record_of_a_renaming(stage: Stage, killer: Killer) -> None:
    """A parent gets another name and type by an alias: whatever the state names by the old URN is found all the same."""
    source = """
        class Crate(pulumi.ComponentResource):
            def __init__(self, name, opts=None):
                super().__init__("test:index:Crate", name, None, opts)
        box = {0}("{1}", opts=pulumi.ResourceOptions(aliases=[pulumi.Alias(name="old", type_="test:index:Box")]))
        a = Thing("{1}-a", label="a", size=1, opts=pulumi.ResourceOptions(parent=box))
        Thing("{1}-b", label="b", note=a.serial, opts=pulumi.ResourceOptions(parent=box))
        Thing("c", label="c", note="{1}", opts=pulumi.ResourceOptions(depends_on=[box]))
    """
    stage.program(source.format("Box", "old"))
    await stage.succeed()
    stage.program(source.format("Crate", "new"))
    replay = Replay(stage)
    deaths = 0
    for deadline in range(1, 400):
        replay.again()
        killed = killer.drive("up", deadline)
        if killed.returncode == 0:
            break
        assert killed.returncode == -signal.SIGKILL, killed.report
        deaths += 1
        await stage.succeed()
        assert len(stage.calls("create")) == 3
        assert not stage.calls("delete")
        assert stage.names() == Counter(["new-a", "new-b", "c"])
        assert not [each for each in stage.state()["resources"] if "old" in each["urn"]]
    assert deaths >= 6, "the boundaries were not met"


@pytest.mark.slow
@pytest.mark.parametrize("phase", list(WANTED))
async def test_plugin_killed_around_every_effect(stage: Stage, phase: str) -> None:
    """Just before and just after each thing that the plugin does to the world."""
    kind, replay = await before(stage, phase)
    moments = 0
    for moment in range(1, 100):
        replay.again()
        stage.environment["TEST_KILL"] = str(moment)
        result = await stage.run(kind)
        del stage.environment["TEST_KILL"]
        if result.finished.ok:
            break
        assert "SIGKILL" in result.errors
        moments += 1
        await stage.succeed(kind)
        assert_world_is(stage, WANTED[phase])
    assert moments == {"create": 8, "change": 14, "destroy": 8}[phase], "two moments for each effect"


def assert_nothing_left_running(stage: Stage) -> None:
    """Neither plugin nor program outlives the engine."""
    deadline = (
        time.monotonic() + 30
    )  # the kernel ends them at once; how soon they are gone says how busy the machine is
    while time.monotonic() < deadline:
        left = [
            process
            for process in psutil.process_iter(["pid", "environ"])
            if (process.info["environ"] or {}).get("TEST_CLOUD") == str(stage.cloud) and process.pid != os.getpid()
        ]
        if not left:
            return
        time.sleep(0.05)
    raise AssertionError(f"still running: {left}")


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("operation", ["create", "update", "delete"])
async def test_plugin_killed_in_the_middle(stage: Stage, operation: str, moment: str) -> None:
    stage.program(BEFORE)
    await stage.succeed()
    stage.program(AFTER)
    stage.environment["TEST_KILL"] = f"{operation} {moment}"
    result = await stage.run()
    assert not result.finished.ok
    assert "SIGKILL" in result.errors
    assert "picks up from here" in result.errors
    del stage.environment["TEST_KILL"]
    await stage.succeed()
    assert_world_is(stage, {"a": "2", "b": "y", "c": "y", "new": "1"})


async def test_program_killed_in_the_middle(stage: Stage) -> None:
    stage.program(BEFORE)
    await stage.succeed()
    stage.program("""
        import os, signal, time
        a = Thing("a", size=2)
        a.serial.apply(lambda _: os.kill(os.getpid(), signal.SIGKILL))
    """)
    result = await stage.run()
    assert not result.finished.ok
    assert "SIGKILL" in result.errors
    assert "Nothing was deleted" in result.errors
    assert len(stage.things()) == 4
    stage.program(AFTER)
    await stage.succeed()
    assert_world_is(stage, {"a": "2", "b": "y", "c": "y", "new": "1"})


async def test_destroy_after_a_cut_off_creation_leaves_nothing(stage: Stage) -> None:
    """A creation whose record never came would be an orphan: destroy must find it although the state lacks it."""
    stage.program('Thing("a", size=1)')
    stage.environment["TEST_KILL"] = "create after"
    assert not (await stage.run()).finished.ok
    assert len(stage.things()) == 1
    del stage.environment["TEST_KILL"]
    await stage.succeed("destroy")
    assert stage.things() == {}


async def test_cancel_winds_down_in_order(stage: Stage) -> None:
    stage.program('Thing("quick", label="quick")\nThing("slow", label="slow", seconds=30)\n')
    task = asyncio.ensure_future(stage.run())
    while not stage.calls("create"):
        await asyncio.sleep(0.05)
    began = time.monotonic()
    task.cancel()
    result = await task
    assert time.monotonic() - began < 10
    assert result.finished.cancelled
    assert not result.finished.ok
    assert_nothing_left_running(stage)
    stage.program('Thing("quick", label="quick")\nThing("slow", label="slow")\n')
    await stage.succeed()
    assert set(stage.things()) == {"quick", "slow"}


async def test_cancel_does_not_wait_for_a_sleeping_program(stage: Stage) -> None:
    stage.program('import pathlib, time\nThing("a", label="a")\npathlib.Path("asleep").touch()\ntime.sleep(60)')
    task = asyncio.ensure_future(stage.run())
    while not (stage.root / "asleep").exists():
        await asyncio.sleep(0.05)
    began = time.monotonic()
    task.cancel()
    result = await task
    assert time.monotonic() - began < 8
    assert result.finished.cancelled

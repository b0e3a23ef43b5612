"""Plugins are found where Pulumi finds them, and a running one is attached to."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from rehearsal.engine.errors import PluginError
from rehearsal.engine.plugins.discovery import AttachedPlugin, PluginCommand, PluginSearch, ProjectPlugin

from .conftest import PLUGIN, Stage

NAME = "pulumi-resource-test"


def install(directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy(PLUGIN, directory / NAME))


@pytest.fixture
def nowhere(stage: Stage) -> Stage:
    """A stage without stand-ins: the plugin is only where a test puts it."""
    stage.stand_ins = {}
    stage.program('Thing("a", label="a")')
    return stage


async def test_in_the_project(nowhere: Stage) -> None:
    install(nowhere.root / "providers")
    (nowhere.root / "Pulumi.yaml").write_text(
        "name: proj\nruntime: python\nplugins:\n  providers:\n    - {name: test, path: providers}\n"
    )
    await nowhere.succeed()
    assert set(nowhere.things()) == {"a"}


async def test_on_the_path(nowhere: Stage) -> None:
    install(nowhere.root / "bin")
    nowhere.environment["PATH"] += f":{nowhere.root / 'bin'}"
    await nowhere.succeed()
    assert set(nowhere.things()) == {"a"}


async def test_in_the_cache(nowhere: Stage) -> None:
    install(nowhere.root / "pulumi-home/plugins/resource-test-v1.0.0")
    await nowhere.succeed()
    assert set(nowhere.things()) == {"a"}


async def test_attached_to_a_running_one(nowhere: Stage) -> None:
    with subprocess.Popen([PLUGIN], env={**os.environ, **nowhere.environment}, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        port = int(running.stdout.readline())
        nowhere.environment["PULUMI_DEBUG_PROVIDERS"] = f"other:1,test:{port}"
        try:
            await nowhere.succeed()
            await nowhere.succeed("destroy")
            assert running.poll() is None, "a plugin that the engine did not start is not ended by it"
        finally:
            running.terminate()
    assert len(nowhere.calls("attach")) == 2
    assert len(nowhere.calls("delete")) == 1


async def test_one_that_does_not_run(nowhere: Stage) -> None:
    install(nowhere.root / "bin").write_text("#!/bin/sh\necho no licence >&2\nexit 3\n")
    nowhere.environment["PATH"] += f":{nowhere.root / 'bin'}"
    result = await nowhere.run()
    assert "no licence" in result.errors
    assert "ended with status 3" in result.errors


def origin(search: PluginSearch, version: str = "1.2.0") -> str:
    found = search.find("test", version)
    return "attached" if isinstance(found, AttachedPlugin) else str(Path(found.command[0]).parent.name)


def test_the_order_of_places(tmp_path: Path) -> None:
    for place in (
        "stand-in",
        "project",
        "path",
        "home/plugins/resource-test-v1.2.0",
        "home/plugins/resource-test-v1.10.0",
    ):
        install(tmp_path / place)
    environment = {"PATH": str(tmp_path / "path"), "PULUMI_HOME": str(tmp_path / "home")}
    project = [ProjectPlugin("test", tmp_path / "project")]
    stand_ins = {"test": tmp_path / "stand-in" / NAME}
    attached = {**environment, "PULUMI_DEBUG_PROVIDERS": "test:1234"}
    quiet = {**environment, "PULUMI_IGNORE_AMBIENT_PLUGINS": "true"}
    assert origin(PluginSearch(project, stand_ins, attached)) == "attached"
    assert origin(PluginSearch(project, stand_ins, environment)) == "stand-in"
    assert origin(PluginSearch(project, {}, environment)) == "project"
    assert origin(PluginSearch([ProjectPlugin("test", tmp_path / "project", "9.9.9")], {}, environment)) == "path"
    assert origin(PluginSearch([], {}, quiet)) == "resource-test-v1.2.0"
    assert origin(PluginSearch([], {}, quiet), version="") == "resource-test-v1.10.0"
    with pytest.raises(PluginError, match=r"no plugin for the provider test 3\.0\.0"):
        PluginSearch([], {}, quiet).find("test", "3.0.0")


def test_a_port_that_is_none_is_refused() -> None:
    with pytest.raises(PluginError, match="write it as name:port"):
        PluginSearch(environment={"PULUMI_DEBUG_PROVIDERS": "test:http"}).find("test", "")


def test_a_plugin_without_its_executable_is_refused(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    with pytest.raises(PluginError, match="holds no executable pulumi-resource-test"):
        PluginSearch([ProjectPlugin("test", tmp_path / "project")], {}, {"PATH": ""}).find("test", "")
    install(tmp_path / "project").chmod(0o644)
    with pytest.raises(PluginError, match="holds no executable"):
        PluginSearch([ProjectPlugin("test", tmp_path / "project")], {}, {"PATH": ""}).find("test", "")
    assert isinstance(PluginSearch([], {"test": PLUGIN}, {}).find("test", ""), PluginCommand)

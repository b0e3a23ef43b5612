"""The SDK of a stack's cloud: installed with the first stack that needs it, from this project's lock, nowhere else."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Any

import pulumi
import pytest

from mendix_registry import cloud_sdk
from mendix_registry.cloud_sdk import MODULES, install_sdks
from mendix_registry.kinds import KINDS

ROOT = Path(__file__).parents[2]
SYNC = "sync --inexact --frozen --no-install-workspace --extra=aws"


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose environment is the one that runs the tests, and a PATH with nothing but what a test puts there."""
    (tmp_path / "uv.lock").touch()
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (tmp_path / "bin").mkdir()
    monkeypatch.setattr(cloud_sdk, "PROJECT", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


def uv(clone: Path, ending: str = "") -> Path:
    """A uv that notes its arguments and its environment's place, then ends as told."""
    calls = clone / "calls"
    program = clone / "bin" / "uv"
    program.write_text(f'#!/bin/sh\necho "$* in $PWD for $UV_PROJECT_ENVIRONMENT" >>{calls}\n{ending}\n')
    program.chmod(0o755)
    return calls


def project(member: str = ".") -> dict[str, Any]:
    return tomllib.loads((ROOT / member / "pyproject.toml").read_text())


def test_what_every_stack_installs_has_no_cloud_sdk() -> None:
    """It wants a plugin for each SDK among the dependencies and default groups."""
    names = {requirement.split("==")[0] for requirement in project("components")["project"]["dependencies"]}
    assert {name for name in names if name.startswith("pulumi")} == {"pulumi", "pulumi-kubernetes"}
    assert project()["project"]["dependencies"] == ["mendix-registry"]
    assert project()["tool"]["uv"]["default-groups"] == []


def test_every_cloud_has_an_extra_and_a_kind() -> None:
    needed = {kind.settings.sdk for kind in KINDS.values()} - {None}
    assert needed == set(MODULES) == set(project()["project"]["optional-dependencies"])


def test_a_stack_installs_its_sdk_in_the_locked_version(clone: Path) -> None:
    """Also if it is there: after a pull the lock may have another version."""
    calls = uv(clone)
    install_sdks(["aws"])
    assert calls.read_text() == f"{SYNC} in {clone} for {sys.prefix}\n"


def test_a_stack_of_no_cloud_needs_no_sdk() -> None:
    without = {name for name, kind in KINDS.items() if kind.settings.sdk is None}
    assert without == {"generic", "docker-secret", "openshift3", "openshift4"}


@pytest.mark.parametrize("lacking", ["uv.lock", ".venv"])
def test_another_programs_environment_is_left_alone(clone: Path, lacking: str) -> None:
    calls = uv(clone)
    (clone / lacking).unlink()
    install_sdks(["aws"])
    assert not calls.exists()


def test_the_environment_of_another_project_is_left_alone(clone: Path) -> None:
    calls = uv(clone)
    (clone / ".venv").unlink()
    (clone / ".venv").mkdir()
    install_sdks(["aws"])
    assert not calls.exists()


def test_uv_is_needed_only_for_what_is_missing(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_sdks(["aws"])
    monkeypatch.setitem(MODULES, "aws", "no_such_sdk")
    with pytest.raises(pulumi.RunError, match=r"SDK of aws cannot be installed: uv is not on PATH"):
        install_sdks(["aws"])


def test_a_failure_has_uvs_words_and_the_command(clone: Path) -> None:
    uv(clone, "echo 'error: no space left on device' >&2; exit 2")
    with pytest.raises(pulumi.RunError) as raised:
        install_sdks(["aws"])
    assert "no space left on device" in str(raised.value)
    assert f"uv {SYNC}" in str(raised.value)

"""The description of a stack: made once for a stack file, and again where another one could come of it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from rehearsal.sandbox import description
from rehearsal.sandbox.project import Project, load_project
from tests.conftest import ROOT

LOCAL = (ROOT / "stacks" / "Pulumi.local.yaml").read_text()
VARIABLE = "REHEARSAL_REGISTRY_PASSWORD"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.delenv(VARIABLE, raising=False)
    (tmp_path / "Pulumi.yaml").write_text("name: mendix-registry\nruntime: python\n")
    (tmp_path / "Pulumi.dev.yaml").write_text(LOCAL)
    library = tmp_path / "components" / "mendix_registry"
    library.parent.mkdir()
    library.symlink_to(ROOT / "components" / "mendix_registry")
    (library.parent / "more.py").touch()
    return load_project(tmp_path)


@pytest.fixture
def runs(project: Project, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Describes the stack as the next command does; returns how often the library has run for it."""
    started: list[str] = []
    real = subprocess.Popen

    def counted(*arguments: object, **options: object) -> object:
        started.append("")
        return real(*arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "Popen", counted)

    def described() -> int:
        started.clear()
        monkeypatch.setattr(description, "_KNOWN", {})
        found = description.begin(project, "dev", project.root / "kept.json")()
        assert found.kind == "generic"
        return len(started)

    return described


def test_the_next_command_takes_the_kept_description(runs: Callable[[], int]) -> None:
    assert [runs(), runs(), runs()] == [1, 0, 0]


@pytest.mark.parametrize("changed", ["stack file", "library", "deleted"])
def test_a_possible_change_needs_a_new_description(project: Project, runs: Callable[[], int], changed: str) -> None:
    runs()
    match changed:
        case "stack file":
            file = project.stack_path("dev")
            file.write_text(file.read_text().replace("orders", "billing"))
        case "library":
            os.utime(project.root / "components" / "more.py", (1, 1))
        case _:
            (project.root / "kept.json").unlink()
    assert [runs(), runs()] == [1, 0]


def test_values_of_variables_are_never_kept(runs: Callable[[], int], monkeypatch: pytest.MonkeyPatch) -> None:
    runs()
    monkeypatch.setenv(VARIABLE, "one")
    assert [runs(), runs()] == [1, 1]
    monkeypatch.delenv(VARIABLE)
    assert [runs(), runs()] == [1, 0]


def test_contents_of_files_are_never_kept(project: Project, runs: Callable[[], int]) -> None:
    (project.root / "password").write_text("canary")
    project.stack_path("dev").write_text(LOCAL.replace(f"environment: {VARIABLE}", "file: password"))
    assert [runs(), runs()] == [1, 1]

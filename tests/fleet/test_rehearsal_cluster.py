"""A stack of a fleet is a stack like any other: it is brought up, and its push is proved."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from fleet.stacks import environment_names
from tests.fleet.conftest import Workspace, fleet_content
from tests.rehearsal.stacks import project_in

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


def test_a_stack_of_a_fleet_comes_up(
    workspace: Workspace, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = yaml.safe_load((ROOT / "stacks" / "Pulumi.local.yaml").read_text())["config"]
    local.pop("mendix-registry:namespaces")
    namespaces = [{"name": f"fleet-{number}", "create": True} for number in range(4)]
    operator = local.setdefault("mendix-registry:operatorConfiguration", {})
    operator["adopt"] = "none"
    registry = local.pop("mendix-registry:registry")
    workspace.write(fleet_content(registry, namespaces, 2, config=local))
    # The rehearsal gives the real ones to the program; the split only checks their form.
    for variable in environment_names(registry):
        certificate = (ROOT / "tests" / "components" / "stack_file" / "ca.pem").read_text()
        monkeypatch.setenv(variable, certificate if "CA" in variable else "a-value")
    result = workspace.run("split")
    assert result.exit_code == 0, result.output
    monkeypatch.undo()
    name = next(path.name for path in workspace.stacks.iterdir())
    stack = name.removeprefix("Pulumi.").removesuffix(".yaml")
    # The project as it is, with this fleet's stack files in place of its own.
    project = tmp_path / "project"
    project.mkdir()
    (project_in(project) / "stacks").rmdir()
    (project / "stacks").symlink_to(workspace.stacks)
    environment = {**os.environ, "REHEARSAL_HOME": str(home)}
    rehearse = str(Path(sys.executable).with_name("rehearse"))
    for command in ("up", "destroy"):
        done = subprocess.run(
            [rehearse, command, "--stack", stack, "--yes", "--skip-preview", "--cwd", str(project)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=400,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        if command == "up":
            members = yaml.safe_load((workspace.stacks / name).read_text())["config"]["mendix-registry:namespaces"]
            assert all(f"Pushed for namespace {member['name']}" in done.stdout for member in members)

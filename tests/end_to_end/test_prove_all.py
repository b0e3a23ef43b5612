"""`rehearse prove --all`: stacks that share names do not conflict, and nothing of it is left."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Project

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

STACKS = Path(__file__).parents[2] / "stacks"
# The first two share a namespace and the node's name of the registry. ECR refuses to delete what has images; Azure's registry is
# protected.
CHOSEN = ("example-generic-anonymous", "local", "example-amazon-ecr-static", "example-microsoft-acr-admin")


@pytest.fixture
def own_home(project: Project, tmp_path: Path) -> Path:
    # Its sandbox is below the home, and the session's home has a cluster that others use.
    home = tmp_path / "home"
    project.environment["REHEARSAL_HOME"] = str(home)
    return home


def test_every_stack_is_proved_in_its_own_temporary_sandbox(project: Project, own_home: Path, tmp_path: Path) -> None:
    for stack in CHOSEN:
        shutil.copy(STACKS / f"Pulumi.{stack}.yaml", project.root / "stacks")
    page = tmp_path / "matrix.html"
    done = project.run("prove", "--all", "--json", "--page", str(page))
    document = json.loads(done.stdout)
    told = done.stdout + done.stderr
    assert (done.returncode, document["ok"], document["unexpected"]) == (0, True, 0), told
    assert {stack["stack"] for stack in document["stacks"]} == set(CHOSEN)
    static = next(item for item in document["stacks"] if item["stack"] == "example-amazon-ecr-static")
    outcomes = {cell["what"]: (cell["outcome"], cell["by"]) for cell in static["cells"]}
    assert outcomes["its access key pushes and reads back"] == ("allowed", "")
    assert outcomes["without ecr:BatchGetImage"] == ("refused", "ecr")
    assert outcomes["the nodes read"] == ("allowed", "")
    admin = next(item for item in document["stacks"] if item["stack"] == "example-microsoft-acr-admin")
    assert {cell["outcome"] for cell in admin["cells"]} == {"allowed", "refused"}
    assert all(cell["by"] for cell in admin["cells"] if cell["outcome"] == "refused")
    assert any(cell["what"] == "the nodes read" for cell in admin["cells"])
    assert all(stack in page.read_text() for stack in CHOSEN)
    assert not (own_home / "prove").exists()
    assert not list((tmp_path / "state").rglob("*.json")), "the user's own states were touched"


def test_one_stack_and_all_stacks_cannot_both_be_meant(project: Project) -> None:
    done = project.run("prove", "--all", "--stack", "local")
    assert done.returncode == 2
    assert "--all" in done.stderr


@pytest.mark.parametrize("seconds", [30, 20])
def test_the_exit_status_shows_a_stack_that_fails(project: Project, own_home: Path, seconds: int) -> None:
    """In its update; or because its stack file is wrong: a Job takes 30 seconds at least."""
    project.stack(builder={"image": "example.com/nobody/has@sha256:" + 64 * "0", "timeoutSeconds": seconds})
    done = project.run("prove", "--all", "--json")
    document = json.loads(done.stdout)
    assert (done.returncode, document["ok"]) == (1, False)
    assert document["stacks"][0]["error"]
    assert own_home.exists()

"""Updates that are killed in the middle: the next one ends what they began, and makes nothing twice.

A sample; ``make kill-matrix`` kills every process at every event.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rehearsal.cluster import BuiltCluster
from tests.end_to_end.killed.staging import Killer, Staged, differences

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

ECR, ENTRA, GOOGLE = (
    "example-amazon-ecr-irsa",
    "example-microsoft-acr-workload-identity",
    "example-google-gcr-workload-identity",
)
MADE: dict[str, dict[str, Any]] = {
    "the role": {"target": "aws", "holding": "Action=GetRole"},
    "the registry": {"target": "azure", "method": "GET", "path": "registries/examplemendixacr$", "skip": 1},
    "the service account": {"target": "gcp", "method": "GET", "path": "serviceAccounts/"},
}
"""Requests by which a plugin reads what it has made: while one is held back, the thing is there and the state does not know it."""


@pytest.fixture
def stage(request: pytest.FixtureRequest, tmp_path: Path, home: Path, node: BuiltCluster) -> Iterator[Staged]:
    made = Staged(request.param, tmp_path / "project", home)
    yield made
    done, _ = made.run("destroy")
    assert done.status == 0, done.printed
    for name in ("state", "stacks"):
        shutil.rmtree(home / name)


def ended(stage: Staged, verb: str, kill: Killer) -> str:
    """Kill a command, then run it again; what that prints."""
    _, killed = stage.run(verb, kill=kill)
    assert killed is not None and killed.killed, "the test shows nothing: the command ended before its time"
    done, _ = stage.run(verb)
    assert done.status == 0, done.printed
    return done.printed


def succeeds(stage: Staged, verb: str, *arguments: str) -> None:
    done, _ = stage.run(verb, *arguments)
    assert done.status == 0, done.printed


def killed_while_it_made_the_stack(stage: Staged) -> None:
    """What is left of that: a lock of a stack that is not there, which no command of Pulumi takes away."""
    with subprocess.Popen(["true"]) as gone:
        entry = {
            "pid": gone.pid,
            "username": "root",
            "hostname": socket.gethostname(),
            "timestamp": "2026-01-01T00:00:00Z",
        }
    directory = stage.home / "state" / ".pulumi" / "locks" / "organization" / "mendix-registry" / stage.stack
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "1.json").write_text(json.dumps(entry))


@pytest.mark.parametrize("stage", ["local"], indirect=True)
def test_everything_killed_at_once(stage: Staged) -> None:
    killed_while_it_made_the_stack(stage)
    # A Job runs by then.
    ended(stage, "up", stage.kill_at(45, "all"))
    found = stage.inventory()
    # The copy of the stack file is what a kill before the update can leave unfinished.
    for path in (stage.home / "stacks" / "mendix-registry").glob(f"Pulumi.{stage.stack}.*"):
        path.unlink()
    succeeds(stage, "up", "--expect-no-changes")
    ended(stage, "destroy", stage.kill_at(30, "all"))
    emptied = stage.inventory()
    succeeds(stage, "up")
    assert not differences(found, stage.inventory())
    succeeds(stage, "destroy")
    assert not differences(emptied, stage.inventory())


@pytest.mark.parametrize(
    ("stage", "made", "victim"),
    [(ECR, "the role", "cloud"), (ENTRA, "the registry", "cli"), (GOOGLE, "the service account", "all")],
    indirect=["stage"],
)
def test_resources_missing_in_the_state_are_imported(stage: Staged, made: str, victim: str) -> None:
    succeeds(stage, "destroy")  # of nothing: the emulators have to run before a fault can be asked of them
    said = ended(stage, "up", stage.kill_while(victim, **MADE[made]))
    assert "Recovered" in said and "imported" in said, said
    succeeds(stage, "up", "--expect-no-changes")

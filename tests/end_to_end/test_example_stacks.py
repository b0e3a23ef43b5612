"""Every example stack can be looked at before there is an account: nothing but this machine answers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Project

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

STACKS = Path(__file__).parents[2] / "stacks"
EXAMPLES = sorted(path.name.split(".")[1] for path in STACKS.glob("Pulumi.example-*.yaml"))
# The examples take these from the environment, as a pipeline would give them.
SURROUNDINGS = {
    "REGISTRY_PASSWORD": "a-password",
    "KRANE_IMAGE": "example.com/krane@sha256:" + 64 * "0",
    "ACR_TOKEN_ORDERS": "pending",
    "ACR_TOKEN_BILLING": "pending",
    "OPENSHIFT_CA": (Path(__file__).parents[1] / "components" / "configuration" / "ca.pem").read_text(),
}


@pytest.mark.parametrize("stack", EXAMPLES)
def test_every_example_has_a_preview_without_an_account(project: Project, stack: str) -> None:
    shutil.copy(STACKS / f"Pulumi.{stack}.yaml", project.root / "stacks")
    done = project.run("preview", "--json", "--stack", stack, **SURROUNDINGS)
    assert done.returncode == 0, done.stdout + done.stderr
    steps = json.loads(done.stdout)["steps"]
    assert {step["op"] for step in steps} <= {"create", "read"}
    assert any(step["newState"]["type"] == "kubernetes:batch/v1:Job" for step in steps)

"""Every stack of the project: deployed, unchanged, checked by the policy pack, destroyed."""

from __future__ import annotations

import shutil

import pytest

from rehearsal.access_matrix.emptying import delete_images, delete_repositories
from rehearsal.cluster import BuiltCluster
from tests.conftest import ROOT, STACKS
from tests.end_to_end.conftest import Project
from tests.policy.registrations import refusals
from tests.rehearsal.descriptions import described_stack

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_is_deployed_stays_unchanged_and_is_destroyed(quick: Project, node: BuiltCluster, stack: str) -> None:
    shutil.copy(ROOT / "stacks" / f"Pulumi.{stack}.yaml", quick.root / "stacks")
    run = Runs(quick, stack)
    run.succeeds("up", "--yes", "--skip-preview")
    run.succeeds("up", "--yes", "--skip-preview", "--expect-no-changes")
    run.succeeds("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    checked = quick.run("preview", "--stack", stack, "--policy-pack", str(ROOT / "policy"))
    expected = refusals(stack)
    assert (checked.returncode == 0) == (not expected), checked.stdout + checked.stderr
    assert "Policies:" in checked.stdout
    assert all(policy in checked.stdout for policy in expected), checked.stdout
    # As docs/operations.md says: what is protected is unprotected, what has images is emptied by its owner.
    described = described_stack(stack)
    delete_images(described, node)
    quick.unprotect(stack)
    destroyed = quick.run("destroy", "--yes", "--skip-preview", "--stack", stack)
    delete_repositories(described, node)
    if destroyed.returncode != 0:
        assert described.kind == "google-gcr", destroyed.stdout + destroyed.stderr
        run.succeeds("destroy", "--yes", "--skip-preview", "--refresh")
    assert quick.states()[stack] == []


class Runs:
    """Commands on one stack, of which each has to succeed."""

    def __init__(self, project: Project, stack: str) -> None:
        self._project, self._stack = project, stack

    def succeeds(self, verb: str, *arguments: str) -> str:
        done = self._project.run(verb, "--stack", self._stack, *arguments)
        assert done.returncode == 0, f"{verb} {' '.join(arguments)}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

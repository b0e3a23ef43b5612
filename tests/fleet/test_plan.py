"""The plan: whole texts as last looked at and found right, and the arithmetic behind them.

After a wanted change: ``pytest tests/fleet/test_plan.py --snapshot-update``, then read the difference.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from fleet.fleet_file import Fleet
from fleet.members import read_members
from fleet.plan import FleetPlan, make_plan
from fleet.plan_text import duration
from fleet.stacks import make_stacks
from fleet.state_writes import enough_stacks
from mendix_registry.kinds.google_gcr import limits
from tests.fleet.conftest import AWS, AZURE, GENERIC, GOOGLE, STATE, Workspace, fleet_content

pytestmark = pytest.mark.slow


class PlanText(SingleFileSnapshotExtension):
    file_extension = "txt"
    _write_mode = WriteMode.TEXT


SHARED_AZURE = {
    **AZURE,
    "roleAssignmentMode": "classic",
    "authentication": {**AZURE["authentication"], "sharedIdentities": 20, "namePrefix": "mendix-{stack}"},
}
CASES: dict[str, dict[str, Any]] = {
    "aws": fleet_content(namespaces=600, stacks=6, state=STATE),
    "azure": fleet_content(AZURE, namespaces=120, stacks=6),
    "azure_shared_identities": fleet_content(SHARED_AZURE, namespaces=120, stacks=6),
    "google": fleet_content(GOOGLE, namespaces=120, stacks=6),
    "generic_without_jobs": fleet_content(GENERIC, 30, 3, config={"mendix-registry:builder": {"mode": "none"}}),
}


def planned(content: dict[str, Any]) -> FleetPlan:
    fleet = Fleet.model_validate(content)
    return make_plan(fleet, make_stacks(fleet, read_members(fleet.namespaces, Path()), {}, Path()))


@pytest.mark.parametrize("case", CASES)
def test_the_plan_is_as_last_approved(case: str, workspace: Workspace, snapshot: SnapshotAssertion) -> None:
    workspace.write(CASES[case])
    result = workspace.run("plan")
    assert result.exit_code == 0, result.output
    assert result.stdout == snapshot.use_extension(PlanText)


def without_jobs(registry: dict[str, Any], namespaces: int, stacks: int = 1, **keys: Any) -> FleetPlan:
    return planned(
        fleet_content(registry, namespaces, stacks, config={"mendix-registry:builder": {"mode": "none"}}, **keys)
    )


def test_azure_writes_identities_and_credentials_at_two_a_second() -> None:
    plan = without_jobs(AZURE, 100)
    # An identity and a credential each; 2 a second in a subscription.
    assert plan.estimate.seconds == 200 / 2
    assert plan.estimate.limit == "Azure identity writes per subscription"


def test_credentials_of_one_identity_come_one_after_the_other() -> None:
    """20 credentials take 80 seconds at Azure's 0.25 writes a second, however many other identities there are."""
    registry = {
        **AZURE,
        "roleAssignmentMode": "classic",
        "authentication": {**AZURE["authentication"], "sharedIdentities": 1, "namePrefix": "mendix-{stack}"},
    }
    plan = without_jobs(registry, 20)
    assert plan.estimate.seconds == 20 / 0.25
    assert "of one identity" in plan.estimate.limit


def test_the_first_200_writes_of_azure_do_not_wait() -> None:
    quotas = {"azureIdentityWritesPerSecond": 1000}
    # 67 identities, credentials and assignments are 201 writes.
    assert without_jobs(AZURE, 67, quotas=quotas).clouds[0].seconds == pytest.approx(0.1)
    assert without_jobs(AZURE, 66, quotas=quotas).clouds[0].seconds == 0


def test_parallel_stacks_are_no_faster_than_their_shared_quota() -> None:
    plan = without_jobs(AWS, 200, 10, rollout={"stacksAtOnce": 10})
    assert plan.estimate.seconds == 200 * 2 / 5
    assert plan.estimate.limit.startswith("AWS IAM writes")


def test_stacks_one_after_the_other_take_the_sum() -> None:
    plan = planned(fleet_content(namespaces=200, stacks=4, rollout={"stacksAtOnce": 1}))
    assert plan.estimate.seconds == pytest.approx(sum(stack.estimate.seconds for stack in plan.stacks))
    assert planned(fleet_content(namespaces=200, stacks=4)).estimate.seconds == pytest.approx(
        max(stack.estimate.seconds for stack in plan.stacks)
    )


def test_builder_jobs_are_counted_with_the_last_proof() -> None:
    plan = planned(fleet_content(GENERIC, 32, 1, rollout={"parallel": 16, "jobSeconds": 30}))
    # A push and a pull each: 64 Jobs in 4 rounds, and the last namespace's two.
    assert plan.stacks[0].jobs == 64
    assert plan.estimate.seconds == 64 * 30 / 16 + 2 * 30


def test_a_bucket_receives_the_whole_state_at_each_step() -> None:
    """22 writes for each namespace and 8 for the stack; three requests each, and what docs/fleet.md has for the growing state."""
    plan = planned(
        fleet_content(GENERIC, 30, 1, state=STATE, rollout={"jobSeconds": 0.001, "stateRequestSeconds": 0.2})
    )
    assert plan.stacks[0].state_writes.count == 22 * 30 + 8
    assert plan.estimate.seconds == pytest.approx(668 * 3 * 0.2 + 13.8, rel=0.01)
    assert plan.estimate.limit == "writes of the state to Amazon S3"


def test_a_directory_as_measured_is_estimated_as_measured() -> None:
    plan = planned(fleet_content(AWS, 30, 1, state=STATE, rollout={"stateRequestSeconds": 0}))
    # The row amazon-ecr: 18.3 seconds, 5.4 without checkpoints.
    assert plan.stacks[0].state_writes.seconds == pytest.approx(18.3 - 5.4, rel=0.3)


@pytest.mark.parametrize("state", [{}, {"backend": "https://api.pulumi.com", "organization": "acme"}])
def test_a_pulumi_cloud_is_sent_what_changes(state: dict[str, Any]) -> None:
    plan = planned(fleet_content(GENERIC, 30, 1, state=state))
    assert plan.backend is None and plan.stacks[0].state_writes.seconds == 0


def test_thirty_namespaces_are_a_stack(workspace: Workspace) -> None:
    assert [enough_stacks(namespaces) for namespaces in (1, 30, 31, 3000)] == [1, 1, 2, 100]
    content = fleet_content()
    del content["stacks"]
    assert "one for each 30 namespaces" in workspace.refused(content, "plan")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (39.2, "40 s"),
        (90, "90 s"),
        (91, "2 min"),
        (5340, "89 min"),
        (5400, "1 h 30 min"),
        (7201, "2 h 01 min"),
    ],
)
def test_a_duration_is_rounded_up(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("registry", "quotas", "told"),
    [
        (AWS, {"awsRoles": 100}, "101 IAM roles in the account; 100 are allowed"),
        (AZURE, {"azureRoleAssignments": 100}, "101 role assignments in the subscription; 100 are allowed"),
        (
            {**GOOGLE, "authentication": {"method": "workload-identity"}},
            {},
            "101 service accounts in the project example-mendix; 100 are allowed",
        ),
        (
            {**GOOGLE, "repository": "example-mendix/all/{namespace}", "artifactRegistry": {"existing": True}},
            {},
            "101 principals in the policy of the repository all; 100 are allowed",
        ),
    ],
    ids=["aws-roles", "azure-role-assignments", "google-service-accounts", "google-principals"],
)
def test_a_limit_counts_over_all_stacks(
    workspace: Workspace, registry: dict[str, Any], quotas: dict[str, int], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each stack is within it; together they are not, and the last stack would fail half way."""
    # No quota of a fleet file is about principals, and 1,500 take a minute to count.
    monkeypatch.setattr(limits, "MAXIMUM_PRINCIPALS", 100)
    content = fleet_content(registry, 101, 10, quotas=quotas)
    assert told in workspace.refused(content)
    result = workspace.run("plan")
    assert result.exit_code == 2 and "EXCEEDED" in result.stdout and "counts over all stacks together" in result.stderr
    workspace.write(fleet_content(registry, 100, 10, quotas=quotas))
    assert workspace.run("plan").exit_code == 0


def test_a_raised_quota_is_taken(workspace: Workspace) -> None:
    workspace.write(fleet_content(namespaces=1001, stacks=40, quotas={"awsRoles": 2000}))
    assert workspace.run("plan").exit_code == 0

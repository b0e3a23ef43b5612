"""google-gcr in the rehearsal, end to end with the stock client: the whole matrix, and stacks that are broken each in one way."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.rehearsal import stacks

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

HOST = "europe-west4-docker.pkg.dev"


Rehearse = Callable[..., stacks.Outcome]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stacks.project_in(tmp_path_factory.mktemp("project"))


@pytest.fixture
def rehearse(project: Path, home: Path) -> Rehearse:
    """Runs a command for a stack file; what the emulators refused meanwhile is in the outcome."""

    def run(command: str, stack: str, *arguments: str, **settings: Any) -> stacks.Outcome:
        given: dict[str, Any] = {
            "host": HOST,
            "repository": f"{stack}-project/{{namespace}}/apps",
            "authentication": {"method": "workload-identity"},
            "artifact_registry": {"deletionProtection": False},
            "namespaces": [{"name": f"{stack}-orders"}],
            **settings,
        }
        config = {
            "mendix-registry:registry": {
                "type": "google-gcr",
                "pushHost": given["host"],
                "repository": given["repository"],
                "authentication": given["authentication"],
                "artifactRegistry": given["artifact_registry"],
            },
            "mendix-registry:namespaces": given["namespaces"],
            "mendix-registry:operatorConfiguration": {"imageNameTemplate": "{repository}:{{.Name}}-{{.Timestamp}}"},
            "mendix-registry:builder": {"image": {"environment": "KRANE_IMAGE"}, "attempts": 1},
        }
        return stacks.rehearse(
            project, home, command, stack, *arguments, config=config, REHEARSAL_PROPAGATION_SECONDS="0"
        )

    return run


@pytest.mark.parametrize(
    ("stack", "settings"),
    [
        ("gwi", {"namespaces": [{"name": "gwi-orders"}, {"name": "gwi-billing"}]}),
        ("ggcr", {
            "host": "gcr.io", "repository": "ggcr-project/{namespace}",
            "authentication": {"method": "direct", "projectNumber": "987654321098"},
        }),
    ],
)  # fmt: skip
def test_only_the_builder_can_push(rehearse: Rehearse, stack: str, settings: dict[str, Any]) -> None:
    outcome = rehearse("prove", stack, "--json", **settings)
    assert outcome.status == 0, outcome.said + outcome.refusals
    matrix = json.loads(outcome.said)
    assert matrix["ok"]
    assert {cell["outcome"] for cell in matrix["cells"]} == {"allowed", "refused"}
    assert all(cell["by"] for cell in matrix["cells"] if cell["outcome"] == "refused")
    # As whom the kubelet's credential provider says, or by the linked Secret: with every method.
    namespaces = {cell["namespace"] for cell in matrix["cells"]}
    assert {cell["namespace"] for cell in matrix["cells"] if cell["what"] == "the nodes read"} == namespaces


@pytest.mark.parametrize(
    ("stack", "settings", "cause"),
    [
        (
            "bcondition",
            {
                "authentication": {
                    "method": "workload-identity",
                    "condition": {
                        "title": "until 2020",
                        "expression": "request.time < timestamp('2020-01-01T00:00:00Z')",
                    },
                }
            },
            "the condition 'until 2020' is false",
        ),
        (
            "bplace",
            {
                "authentication": {
                    "method": "direct",
                    "projectNumber": "987654321098",
                    "condition": {"title": "mistyped", "expression": "resource.name.endsWith('/repositories/other')"},
                }
            },
            "the condition 'mistyped' is false",
        ),
        (
            "bannotation",
            {"namespaces": [{"name": "bannotation-orders", "serviceAccount": {"name": "default", "create": False}}]},
            "ns/bannotation-orders/sa/default does not have artifactregistry.repositories",
        ),
    ],
)
def test_a_builder_without_permission_is_denied_with_the_reason(
    rehearse: Rehearse, stack: str, settings: dict[str, Any], cause: str
) -> None:
    outcome = rehearse("up", stack, "--yes", **settings)
    assert outcome.status == 1, outcome.said
    assert f"{stack}-orders-push" in outcome.said
    assert cause in outcome.refusals


def test_what_another_stack_has_made_is_not_taken_over(rehearse: Rehearse) -> None:
    first = rehearse("up", "bfirst", "--yes")
    assert first.status == 0, first.said
    shared = {"repository": "bfirst-project/bfirst-orders/apps", "namespaces": [{"name": "bsecond-orders"}]}
    second = rehearse("up", "bsecond", "--yes", **shared)
    assert second.status == 1
    assert "Error creating Repository: googleapi: Error 409: the repository already exists" in second.said
    third = rehearse("up", "bsecond", "--yes", **shared, artifact_registry={"existing": True})
    assert third.status == 0, third.said


def test_the_quota_of_service_accounts_is_reported(rehearse: Rehearse) -> None:
    settings = {
        "repository": "bquota-project/{namespace}/apps",
        "authentication": {"method": "workload-identity", "serviceAccountQuota": 2},
    }
    names = ["bquota-orders", "bquota-billing"]
    first = rehearse("up", "bquota", "--yes", **settings, namespaces=[{"name": name} for name in names])
    assert first.status == 0, first.said
    other = rehearse("up", "bquotatwo", "--yes", **settings, namespaces=[{"name": "bquotatwo-orders"}])
    assert other.status == 1
    assert "Maximum number of service accounts on project reached" in other.said


@pytest.mark.parametrize(
    ("stack", "settings"),
    [
        ("edirect", {
            "authentication": {"method": "direct", "projectNumber": "987654321098", "grant": False},
            "artifact_registry": {"existing": True},
        }),
        ("ewi", {
            "authentication": {
                "method": "workload-identity", "grant": False,
                "existing": "pusher-{namespace}@ewi-project.iam.gserviceaccount.com",
            },
            "artifact_registry": {"existing": True},
        }),
        ("gimport", {
            "authentication": {
                "method": "workload-identity", "import": "pusher-{namespace}@gimport-project.iam.gserviceaccount.com",
            },
            "artifact_registry": {"import": True, "labels": {"part-of": "mendix"}},
        }),
    ],
)  # fmt: skip
def test_what_others_have_made_is_there_and_works(rehearse: Rehearse, stack: str, settings: dict[str, Any]) -> None:
    outcome = rehearse("up", stack, "--yes", **settings)
    assert outcome.status == 0, outcome.said + outcome.refusals
    again = rehearse("up", stack, "--yes", "--expect-no-changes", **settings)
    assert again.status == 0, again.said

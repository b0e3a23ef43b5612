"""The room's components on their own: from another program, from another language, and what importing them costs."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from pulumi.provider.experimental.analyzer import Analyzer

from mendix_registry import ArtifactRegistryRepository, DirectPushAccess, PushServiceAccount
from tests.components.kinds.google_gcr.google import ANSWERS, NUMBER, REPOSITORY_MEMBER, custom, judge
from tests.components.program import run


def test_another_program_can_put_the_parts_together() -> None:
    def program() -> Any:
        repository = ArtifactRegistryRepository(
            "images", {"project": "example-mendix", "location": "europe", "repository_id": "images"}
        )
        reference = {
            "name": "images",
            "project": repository.project,
            "location": repository.location,
            "repository_id": repository.repository_id,
        }
        account = PushServiceAccount(
            "builder",
            {
                "project": "example-mendix",
                "account_id": "builder",
                "workload_pool": "example-mendix.svc.id.goog",
                "service_accounts": [{"namespace": "ci", "name": "runner"}],
                "repositories": [reference],
            },
        )
        direct = DirectPushAccess(
            "runner",
            {
                "project_number": NUMBER,
                "workload_pool": "example-mendix.svc.id.goog",
                "service_account": {"namespace": "ci", "name": "runner"},
                "repositories": [reference],
            },
        )
        return {"email": account.email, "principal": direct.principal, "uri": repository.registry_uri}

    recording = run(program, answers=ANSWERS)
    assert judge(custom(recording)) == 5
    assert recording.result["email"] == "builder@example-mendix.iam.gserviceaccount.com"
    assert recording.result["principal"].endswith("/subject/ns/ci/sa/runner")
    assert recording.result["uri"] == "europe-docker.pkg.dev/example-mendix/images"
    assert {item.inputs["repository"] for item in recording.of_type(REPOSITORY_MEMBER)} == {"images"}


def test_pulumis_analyzer_creates_a_schema_for_each_component() -> None:
    found = Analyzer("mendix-registry").analyze([ArtifactRegistryRepository, PushServiceAccount, DirectPushAccess])
    components = found["component_definitions"]
    repository = components["ArtifactRegistryRepository"]
    assert {name for name, value in repository.inputs.items() if not value.optional} == {
        "project",
        "location",
        "repositoryId",
    }
    assert set(repository.outputs) == {"project", "location", "repositoryId", "registryUri"}
    assert set(components["PushServiceAccount"].outputs) == {"email", "member"}
    assert set(components["DirectPushAccess"].outputs) == {"principal"}
    for component in components.values():
        assert component.description
        for name, value in {**component.inputs, **component.outputs}.items():
            assert value.description, f"{component.name}.{name} is not documented"


@pytest.mark.slow
def test_each_kind_imports_the_sdk_of_its_cloud_only() -> None:
    program = """
import sys
import mendix_registry.deployment, mendix_registry.stack_file, mendix_registry.kinds.generic.resources
assert not [m for m in sys.modules if m.startswith("pulumi_")], "an SDK was imported"
import mendix_registry.kinds.google_gcr.resources
loaded = {m.split(".")[0] for m in sys.modules if m.startswith("pulumi_")}
assert loaded == {"pulumi_gcp"}, loaded
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)

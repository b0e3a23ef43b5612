"""The pipelines that users copy: judged by each site's own schema or linter, and by the rules that no linter knows."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.oracles.actionlint import oracle

ROOT = Path(__file__).parents[2]
CI = ROOT / "ci"
WORKFLOWS = sorted((CI / "github").glob("*.yml"))
OTHERS = [CI / "gitlab" / ".gitlab-ci.yml", CI / "azure-devops" / "azure-pipelines.yml"]
CHECK = [str(Path(sys.executable).with_name("check-jsonschema")), "--builtin-schema"]


@pytest.mark.slow
def test_actionlint_has_nothing_to_say() -> None:
    # Without shellcheck, which not every machine has, so that the verdict is the same everywhere.
    done = subprocess.run([oracle.build(), "-shellcheck=", "-pyflakes=", *WORKFLOWS], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(
    "arguments",
    [
        ["vendor.github-workflows", *WORKFLOWS],
        ["vendor.gitlab-ci", "--data-transform", "gitlab-ci", OTHERS[0]],
        # Microsoft's schema has a pattern that is none of ECMAScript's.
        ["vendor.azure-pipelines", "--data-transform", "azure-pipelines", "--regex-variant", "python", OTHERS[1]],
    ],
    ids=lambda arguments: str(arguments[0]),
)
def test_each_site_would_take_its_file(arguments: list[Any]) -> None:
    done = subprocess.run([*CHECK, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit_with_their_version_beside(path: Path) -> None:
    uses = re.findall(r"uses: (.*)", path.read_text())
    assert uses
    for each in uses:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+.*", each), each


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_no_job_has_more_than_it_needs(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text())
    assert workflow["permissions"] in ({}, {"contents": "read"})
    for name, job in workflow["jobs"].items():
        rights = job.get("permissions", workflow["permissions"])
        # Whoever can write to a pull request has no identity in a cloud.
        assert not ({"id-token", "pull-requests"} <= rights.keys()), name
        assert rights.get("contents", "read") == "read"
        assert "timeout-minutes" in job
        for step in job["steps"]:
            if "checkout" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_nothing_that_a_stranger_writes_is_put_into_a_script(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text())
    assert "pull_request_target" not in path.read_text()
    for job in workflow["jobs"].values():
        for step in job["steps"]:
            assert "${{" not in step.get("run", "")


@pytest.mark.parametrize("path", [*WORKFLOWS, *OTHERS], ids=lambda path: path.name)
def test_no_key_of_a_cloud_is_stored_and_no_preview_is_kept(path: Path) -> None:
    text = path.read_text()
    assert not re.search(
        r"AWS_SECRET_ACCESS_KEY|AZURE_CLIENT_SECRET|ARM_CLIENT_SECRET|GOOGLE_CREDENTIALS|credentials_json", text
    )
    kept = re.findall(r"(?:path|publish|paths): (.*)", text)
    assert not [each for each in kept if re.search(r"preview\.json|refresh\.json|STACK\.json|^\.$", each)]


@pytest.mark.parametrize("path", [CI / "github" / "deploy.yml", *OTHERS], ids=lambda path: path.name)
def test_what_is_applied_is_the_saved_plan_one_at_a_time(path: Path) -> None:
    text = path.read_text()
    assert "--save-plan" in text
    applied = re.findall(r"pulumi up .*", text)
    assert applied
    assert all("--plan" in each for each in applied)
    assert re.search(r"concurrency:|resource_group:|lockBehavior: sequential", text)
    assert "environment" in text

"""The pipelines that users copy: judged by each site's own schema or linter, and by the rules that no linter knows."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.oracles.actionlint import oracle

Job = dict[str, Any]

ROOT = Path(__file__).parents[2]
CI = ROOT / "ci"
WORKFLOWS = sorted((CI / "github").glob("*.yml"))
OTHERS = [CI / "gitlab" / ".gitlab-ci.yml", CI / "azure-devops" / "azure-pipelines.yml"]
CHECK = [str(Path(sys.executable).with_name("check-jsonschema")), "--builtin-schema"]


@pytest.mark.slow
def test_actionlint_finds_no_problem() -> None:
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
def test_text_written_by_strangers_is_in_no_script(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text())
    assert "pull_request_target" not in path.read_text()
    for job in workflow["jobs"].values():
        for step in job["steps"]:
            assert "${{" not in step.get("run", "")


@pytest.mark.parametrize("path", [*WORKFLOWS, *OTHERS], ids=lambda path: path.name)
def test_no_cloud_key_is_stored_and_no_preview_kept(path: Path) -> None:
    text = path.read_text()
    assert not re.search(
        r"AWS_SECRET_ACCESS_KEY|AZURE_CLIENT_SECRET|ARM_CLIENT_SECRET|GOOGLE_CREDENTIALS|credentials_json", text
    )
    kept = re.findall(r"(?:path|publish|paths): (.*)", text)
    assert not [each for each in kept if re.search(r"preview\.json|refresh\.json|STACK\.json|^\.$", each)]


@pytest.mark.parametrize("path", [CI / "github" / "deploy.yml", *OTHERS], ids=lambda path: path.name)
def test_pipelines_apply_the_saved_plan_one_at_a_time(path: Path) -> None:
    text = path.read_text()
    assert "PLAN=" in text
    applied = [command for command in commands(path) if command.startswith("pulumi up")]
    assert applied
    assert all("--plan" in each for each in applied)
    assert re.search(r"concurrency:|resource_group:|lockBehavior: sequential", text)
    assert "environment" in text


def commands(path: Path) -> list[str]:
    """Each call of the Pulumi CLI, as one line."""
    text = re.sub(r" *\\\n *", " ", re.sub(r"(?m)^ *#.*$", "", path.read_text()))
    return re.findall(r"pulumi (?:preview|up|refresh) --.*", text)


@pytest.mark.parametrize("path", [*WORKFLOWS, *OTHERS, CI / "preview.sh"], ids=lambda path: path.name)
def test_the_policy_pack_checks_previews_plans_and_updates(path: Path) -> None:
    """The pack ran in no pipeline. Only refresh takes no pack."""
    judged = [command for command in commands(path) if not command.startswith("pulumi refresh")]
    assert all("--policy-pack policy --policy-pack-config stacks/policies.json" in command for command in judged)
    assert json.loads((ROOT / "stacks/policies.json").read_text()) == {}
    assert "make pipeline" in (CI / "install.sh").read_text()
    assert re.search(r"^pipeline: .*policy/\.venv/\.synced", (ROOT / "Makefile").read_text(), re.MULTILINE)


def azure_stages() -> list[dict[str, Any]]:
    """All stages, those of each stack among them."""
    found: list[dict[str, Any]] = []
    for entry in yaml.safe_load(OTHERS[1].read_text())["stages"]:
        found += [entry] if "stage" in entry else next(iter(entry.values()))
    return found


def test_azure_devops_approves_only_a_plan_that_exists() -> None:
    """Checks on an environment are asked for before its *stage* begins: a plan in that stage would be made after the approval."""
    stages = {stage["stage"]: stage for stage in azure_stages()}
    approved = {name: stage for name, stage in stages.items() if "'environment'" in str(stage)}
    assert approved
    for stage in approved.values():
        assert [next(iter(job)) for job in stage["jobs"]] == ["deployment"]
        assert "PLAN=" not in str(stage)
        assert "PLAN=" in str(stages[stage["dependsOn"]])
        # Published there, fetched here.
        assert re.findall(r"'artifact': '([^']+)'", str(stage)) == re.findall(
            r"'artifact': '([^']+)'", str(stages[stage["dependsOn"]])
        )


def test_azure_devops_uses_the_writing_connection_after_approval_only() -> None:
    for stage in azure_stages():
        assert ("registry-deploy" in str(stage)) == ("'environment'" in str(stage))
    told = OTHERS[1].read_text() + (ROOT / "docs/ci.md").read_text()
    assert told.count("Branch control") >= 2
    assert "bound to the environment" not in told


def cloud_jobs(path: Path) -> dict[str, Job]:
    """The jobs of a workflow that have an identity."""
    jobs: dict[str, Job] = yaml.safe_load(path.read_text())["jobs"]
    return {name: job for name, job in jobs.items() if "id-token" in job.get("permissions", {})}


@pytest.mark.parametrize("name", ["deploy.yml", "drift.yml"])
def test_a_merge_logs_in_to_the_same_clouds(name: str) -> None:
    """With Azure or Google the preview worked and the merge failed: it logged in to AWS only."""

    def logins(job: Job) -> list[str]:
        return [step["uses"] for step in job["steps"] if re.match(r"aws-actions|azure/|google-", step.get("uses", ""))]

    (preview,) = cloud_jobs(CI / "github" / "preview.yml").values()
    assert len(logins(preview)) == 3
    for title, job in cloud_jobs(CI / "github" / name).items():
        assert logins(job) == logins(preview), title
        kind = "DEPLOY" if title == "apply" else "PREVIEW"
        assert set(re.findall(r"vars\.\w+_(PREVIEW|DEPLOY)_", str(job))) == {kind}, title


@pytest.mark.parametrize("name", ["preview.yml", "deploy.yml", "drift.yml"])
def test_every_github_job_with_an_identity_reaches_its_clusters(name: str) -> None:
    """Every stack makes Kubernetes objects, and no job had a kubeconfig."""
    for job in cloud_jobs(CI / "github" / name).values():
        runs = [step.get("run", "") for step in job["steps"]]
        uses = [step.get("uses", "") for step in job["steps"]]
        reached = runs.index("bash ci/kubeconfig.sh")
        assert reached > max(index for index, each in enumerate(uses) if "google-github-actions" in each)
        assert reached < next(
            index for index, each in enumerate(runs) if re.search(r"pulumi |ci/(preview|drift)\.sh", each)
        )
        assert {"EKS_CLUSTERS", "AKS_CLUSTERS", "GKE_CLUSTERS"} <= job["env"].keys()


def test_every_other_job_with_an_identity_reaches_its_clusters() -> None:
    gitlab = yaml.safe_load(OTHERS[0].read_text())
    for cloud in (".aws", ".azure", ".google"):
        assert "bash ci/kubeconfig.sh" in gitlab[cloud]["before_script"]
    assert gitlab[".cloud"]["extends"] in (".aws", ".azure", ".google")
    for name in ("preview", "plan", ".apply", "drift"):
        assert gitlab[name]["extends"] == ".cloud"
    azure = OTHERS[1].read_text()
    assert azure.count("bash ci/kubeconfig.sh") == azure.count("AzureCLI@2\n") == 4


def test_a_comparison_neither_cancels_nor_waits_for_a_deployment() -> None:
    """At GitHub one job waits in a group, and the next one to come cancels it."""
    drift, deploy = (
        {job["concurrency"]["group"] for job in cloud_jobs(CI / "github" / name).values() if "concurrency" in job}
        for name in ("drift.yml", "deploy.yml")
    )
    assert drift
    assert deploy
    assert not drift & deploy
    gitlab = yaml.safe_load(OTHERS[0].read_text())
    assert gitlab["drift"]["resource_group"] == "drift-$STACK"

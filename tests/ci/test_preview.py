"""The script that all three pipelines run, with the real CLI: a preview that is fine, one that is refused, one that fails."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.pulumi_cli import ROOT
from tests.report.record import Recorder
from tests.report.registries import ECR, GENERIC

pytestmark = pytest.mark.slow


class Previews:
    """The script for three stacks: one that is fine, one that the policy pack refuses, one with a wrong stack file."""

    def __init__(self, directory: Path) -> None:
        recorder = Recorder(directory)
        self.project = recorder.project
        (self.project.root / "ci").symlink_to(ROOT / "ci")
        (self.project.root / "stacks" / "policies.json").write_text("{}")
        recorder.configure(ECR, "orders", stack="fine")
        recorder.configure(GENERIC, "orders", stack="refused")
        recorder.configure({**ECR, "respository": "x"}, "orders", stack="wrong")

    def run(self, site: str, *stacks: str, **more: str) -> tuple[int, str]:
        """Its exit status, and the comment."""
        done = subprocess.run(
            ["bash", "ci/preview.sh", site, *stacks],
            cwd=self.project.root,
            env={**self.project.environment, **more},
            capture_output=True,
            text=True,
        )
        out = self.project.root / "report-out"
        assert (out / "access.html").read_text().startswith("<!doctype html>"), done.stdout + done.stderr
        return done.returncode, (out / "comment.md").read_text()


def test_a_fine_preview_saves_the_plan_for_the_update(tmp_path: Path) -> None:
    previews = Previews(tmp_path)
    status, fine = previews.run("github", "fine", PLAN="plan.json")
    assert (status, "The preview of" in fine) == (0, False), fine
    previews.project.run("up", "--yes", "--skip-preview", "--stack", "fine", "--plan", "plan.json")


@pytest.mark.parametrize("site", ["github", "gitlab", "azure-devops"])
def test_each_ending_of_a_preview_is_commented(site: str, tmp_path: Path) -> None:
    status, written = Previews(tmp_path).run(site, "fine", "refused", "wrong", "nowhere")
    assert status == 1
    assert "3 of 4 previews did not succeed" in written
    assert "**mandatory**: `no-static-credentials`" in written and "Do: use the cloud's workload identity" in written
    assert "There is no key 'respository' here." in written
    assert "exit status 6: there is no such stack" in written


def test_a_manual_change_is_written_for_an_issue(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    project = recorder.project
    (project.root / "ci").symlink_to(ROOT / "ci")
    recorder.configure(ECR, "orders")
    recorder.up()

    def compared(**more: str) -> int:
        return subprocess.run(
            ["bash", "ci/drift.sh", "github", "prod", "https://example.com/run"],
            cwd=project.root,
            env={**project.environment, **more},
        ).returncode

    written = project.root / "report-out" / "drift.md"
    assert (compared(), written.exists()) == (0, False)
    assert compared(AGREEING_FOUND=json.dumps({"aws:ecr/repository:Repository::registry/mendixapps/orders": None})) == 1
    assert "`registry/mendixapps/orders` **is gone**" in written.read_text()
    assert compared(AGREEING_FOUND="not JSON") == 1
    assert "The preview of `prod` failed" in written.read_text()

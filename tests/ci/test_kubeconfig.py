"""``ci/kubeconfig.sh`` with programs that note how they are called, and ``ci/install.sh`` with a make that does nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

CI = Path(__file__).parents[2] / "ci"
STUB = """#!/bin/bash
echo "$(basename "$0") $*" >>"$CALLS"
case "$*" in *token*--query*|*print-access-token) echo canary ;; esac
"""


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("aws", "az", "gcloud", "kubectl", "make"):
        (folder / name).write_text(STUB)
        (folder / name).chmod(0o755)
    for name in ("bash", "basename"):
        (folder / name).symlink_to(shutil.which(name) or "")
    return folder


def script(programs: Path, name: str, **variables: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    calls = programs.parent / "calls"
    calls.write_text("")
    environment = {"PATH": str(programs), "HOME": str(programs.parent), "CALLS": str(calls), **variables}
    bash = os.path.realpath(shutil.which("bash") or "")
    done = subprocess.run([bash, str(CI / name)], env=environment, capture_output=True, text=True)
    return done, calls.read_text().splitlines()


def test_one_cluster_becomes_the_current_context(programs: Path) -> None:
    done, calls = script(programs, "kubeconfig.sh", EKS_CLUSTERS="shop", AWS_REGION="eu-west-1")
    assert done.returncode == 0, done.stderr
    assert calls == [
        "aws eks update-kubeconfig --region eu-west-1 --name shop --alias shop",
        "kubectl config use-context shop",
    ]


def test_a_stack_naming_no_cluster_fails_if_several_exist(programs: Path) -> None:
    """Else a preview of two stacks would show what both would do to the cluster that was written last."""
    done, calls = script(
        programs,
        "kubeconfig.sh",
        EKS_CLUSTERS="eu-west-1/test us-east-1/prod",
        AKS_CLUSTERS="group/azure-test",
        GKE_CLUSTERS="project/europe-west1/google-test",
    )
    assert done.returncode == 0, done.stderr
    assert calls[-1] == "kubectl config unset current-context"
    assert not [call for call in calls if "use-context" in call]
    assert "aws eks update-kubeconfig --region us-east-1 --name prod --alias prod" in calls
    assert "kubectl config set-context azure-test --user=azure" in calls
    assert (
        "kubectl config set-context google-test --cluster=gke_project_europe-west1_google-test --user=google" in calls
    )
    assert "canary" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("variables", "complaint"),
    [
        ({"EKS_CLUSTERS": "shop"}, "Set AWS_REGION"),
        ({"EKS_CLUSTERS": "a/b/c"}, "is not NAME or REGION/NAME"),
        ({"AKS_CLUSTERS": "shop"}, "is not RESOURCEGROUP/NAME"),
        ({"GKE_CLUSTERS": "europe-west1/shop"}, "is not PROJECT/LOCATION/NAME"),
        ({"AKS_CLUSTERS": "a/shop b/shop"}, "Two clusters are called shop"),
    ],
)
def test_a_cluster_with_an_incomplete_name_is_rejected(
    programs: Path, variables: dict[str, str], complaint: str
) -> None:
    done, _ = script(programs, "kubeconfig.sh", **variables)
    assert done.returncode == 1
    assert complaint in done.stderr


def test_a_site_without_clusters_is_no_error(programs: Path) -> None:
    done, calls = script(programs, "kubeconfig.sh")
    assert (done.returncode, calls) == (0, [])
    assert "cluster.kubeconfig" in done.stdout


def test_uv_is_where_the_pulumi_cli_looks_for_it(programs: Path) -> None:
    """make is content with a uv of its own in the cache; the CLI starts program and policies by one on PATH."""
    own = programs.parent / ".cache/mendix-registry/uv-1.2.3/bin"
    own.mkdir(parents=True)
    path = programs.parent / "path"
    done, calls = script(programs, "install.sh", GITHUB_PATH=str(path))
    assert (done.returncode, calls) == (0, ["make pipeline"])
    assert path.read_text().strip() == str(own)
    done, _ = script(programs, "install.sh", TF_BUILD="True")
    assert done.stdout.strip() == f"##vso[task.prependpath]{own}"
    done, _ = script(programs, "install.sh")
    assert done.returncode == 1
    assert str(own) in done.stderr
    shutil.copy(programs / "make", programs / "uv")
    done, _ = script(programs, "install.sh")
    assert done.returncode == 0

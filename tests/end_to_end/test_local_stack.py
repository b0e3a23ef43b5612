"""The local stack from nothing to a proven push and pull, again without changes, and destroyed."""

from __future__ import annotations

import json
from pathlib import Path

import kr8s
import pytest

from tests.end_to_end.conftest import Project

pytestmark = pytest.mark.cluster


def test_up_proves_push_and_pull_and_then_changes_nothing(project: Project, api: kr8s.Api, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    project.environment["TMPDIR"] = str(temporary)
    preview = project.run("preview", "--json")
    assert preview.returncode == 0, preview.stderr
    assert {step["op"] for step in json.loads(preview.stdout)["steps"]} == {"create"}

    first = project.deployed()
    assert first.changes == {"create": len(project.state()["resources"])}
    pushed = first.pushed["orders"]
    # Pushed under one name, pulled under another: the nodes really used the pull host.
    assert pushed["pushed"].startswith("registry.mendix-rehearsal.svc.cluster.local:5000/mendixapps/orders:")
    assert pushed["pushed"].endswith(f"@{pushed['digest']}")
    assert pushed["pulled"] == f"localhost:32000/mendixapps/orders@{pushed['digest']}"
    for line in (f"digest  {pushed['digest']}", "as      builder", f"pulled  {pushed['pulled']}"):
        assert line in first.printed

    jobs = {job.name.rsplit("-", 1)[0]: job for job in kr8s.get("jobs", namespace="orders", api=api)}
    assert set(jobs) == {"orders-push", "orders-pull"}
    assert all(job.raw["status"]["succeeded"] == 1 for job in jobs.values())

    second = project.deployed("--expect-no-changes")
    assert set(second.changes) == {"same"}
    assert second.pushed == first.pushed

    refreshed = project.run("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    assert refreshed.returncode == 0, refreshed.stdout + refreshed.stderr

    gone = project.run("destroy", "--yes", "--skip-preview")
    assert gone.returncode == 0, gone.stderr
    assert not project.state().get("resources")
    with pytest.raises(kr8s.NotFoundError):
        kr8s.objects.Namespace.get("orders", api=api)

    # pulumi-kubernetes leaves the kubeconfig, with its credentials, in its temporary directory.
    assert not [*temporary.glob("kubeconfig*"), *project.home.glob("temporary/*")]


def test_a_new_proof_replaces_the_jobs_and_nothing_else(project: Project) -> None:
    """A rotated password that was never tried is found by the next app's build, weeks later."""
    first = project.deployed()
    project.stack(builder={"rerun": "2026-11"})
    second = project.deployed()
    assert second.pushed["orders"]["digest"] != first.pushed["orders"]["digest"]
    # Both Jobs run again with the new image, whose files are in the ConfigMap.
    assert set(second.changes) <= {"update", "replace", "same"}
    assert sum(second.changes.values()) - second.changes["same"] == 3


def test_what_default_held_before_is_kept(project: Project, api: kr8s.Api) -> None:
    """OpenShift keeps its own pull secret in this list; losing it stops every pod of the project."""
    project.stack(namespaces=[{"name": "held"}])
    namespace = kr8s.objects.Namespace({"metadata": {"name": "held"}}, api=api)
    namespace.create()
    try:
        account = kr8s.objects.ServiceAccount(
            {"metadata": {"name": "default", "namespace": "held"}, "imagePullSecrets": [{"name": "theirs"}]}, api=api
        )
        try:
            account.create()
        except kr8s.ServerError:
            account.refresh()
            account.patch({"imagePullSecrets": [{"name": "theirs"}]})
        project.up()
        account.refresh()
        assert [entry["name"] for entry in account.raw["imagePullSecrets"]] == ["theirs", "mendix-registry"]
        assert project.run("destroy", "--yes", "--skip-preview").returncode == 0
        account.refresh()
        assert "theirs" in [entry["name"] for entry in account.raw["imagePullSecrets"]]
    finally:
        namespace.delete()


def test_the_users_stack_file_is_never_written_to(project: Project) -> None:
    """Pulumi's CLI writes the salt of its passphrase into the file it is given."""
    file = project.root / "stacks" / "Pulumi.local.yaml"
    before = file.read_bytes()
    project.stack(builder={"mode": "none"})
    text = file.read_bytes()
    project.up()
    project.run("destroy", "--yes", "--skip-preview")
    assert file.read_bytes() == text != before


def test_a_stack_file_with_a_clouds_key_is_rehearsed(project: Project) -> None:
    project.stack(
        registry={"authentication": {"password": {"environment": ..., "secure": "AAABAJ/encrypted/by/a/key="}}}
    )
    file = project.root / "stacks" / "Pulumi.local.yaml"
    file.write_text(
        f"secretsprovider: awskms://alias/pulumi?region=eu-west-1\nencryptedkey: AQICAHh\n{file.read_text()}"
    )
    done = project.deployed()
    assert done.pushed["orders"]["digest"]
    assert "Values made for the sandbox" in done.printed
    assert "mendix-registry:registry.authentication.password" in done.printed

"""The local stack from nothing to a proven push and pull, again without changes, and down."""

from __future__ import annotations

import json

import kr8s
import pytest

from tests.end_to_end.conftest import Project

pytestmark = pytest.mark.cluster


def test_up_proves_a_push_and_a_pull_and_a_second_up_is_all_same(project: Project, api: kr8s.Api) -> None:
    preview = project.run("preview", "--json")
    assert preview.returncode == 0, preview.stderr
    digest = json.loads(preview.stdout)
    assert {step["op"] for step in digest["steps"]} == {"create"}

    first = project.up()
    assert first["ok"] and first["stack"] == "local"
    assert first["changes"]["create"] == len(project.state()["resources"])
    (pushed,) = first["pushed"]
    assert pushed["namespace"] == "orders"
    assert pushed["reference"].endswith(f"@{pushed['digest']}")
    # Pushed under one name, pulled under another: the nodes really used the pull host.
    assert pushed["reference"].startswith("registry.mendix-rehearsal.svc.cluster.local:5000/mendixapps/orders:")
    assert pushed["pulled"] == f"localhost:32000/mendixapps/orders@{pushed['digest']}"

    jobs = {job.name.rsplit("-", 1)[0]: job for job in kr8s.get("jobs", namespace="orders", api=api)}
    assert set(jobs) == {"orders-push", "orders-pull"}
    assert all(job.raw["status"]["succeeded"] == 1 for job in jobs.values())

    second = project.up()
    assert set(second["changes"]) == {"same"}
    assert second["pushed"] == first["pushed"]

    refreshed = project.run("refresh", "--yes", "--json", "--expect-no-changes")
    assert refreshed.returncode == 0, refreshed.stdout + refreshed.stderr

    gone = project.run("destroy", "--yes", "--json")
    assert gone.returncode == 0, gone.stderr
    assert not project.state().get("resources")
    with pytest.raises(kr8s.NotFoundError):
        kr8s.objects.Namespace.get("orders", api=api)


def test_a_changed_password_is_proved_anew_and_nothing_else_runs(project: Project) -> None:
    """A rotated password that was never tried is found by the next app's build, weeks later."""
    first = project.up()
    project.stack(builder={"rerun": "2026-11"})
    second = project.up()
    assert second["pushed"][0]["digest"] != first["pushed"][0]["digest"]
    changed = {op: count for op, count in second["changes"].items() if op != "same"}
    # Both Jobs run again with the new image, whose files are in the ConfigMap; nothing else is touched.
    assert set(changed) <= {"update", "replace", "create-replacement", "delete-replaced"}
    assert second["changes"]["same"] >= 14


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
        assert project.run("destroy", "--yes").returncode == 0
        account.refresh()
        assert "theirs" in [entry["name"] for entry in account.raw["imagePullSecrets"]]
    finally:
        namespace.delete()

"""The four types, driven over gRPC as the engine does, against the emulated Google Cloud."""

from __future__ import annotations

import ast
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pulumi_gcp
import pytest
from pulumi.runtime.proto import provider_pb2

from rehearsal.emulators.gcp.cloud import GcpCloud
from rehearsal.provider_plugins.framework.properties import Secret, Unknown, plain
from rehearsal.provider_plugins.gcp.package import PACKAGE
from tests.rehearsal.provider_plugins.driver import Plugin, RejectedError, plugin_process
from tests.rehearsal.provider_plugins.gcp.conftest import NUMBER, POOL, PROJECT

REPOSITORY = "gcp:artifactregistry/repository:Repository"
REPOSITORY_MEMBER = "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember"
ACCOUNT = "gcp:serviceaccount/account:Account"
ACCOUNT_MEMBER = "gcp:serviceaccount/iAMMember:IAMMember"
WRITER = "roles/artifactregistry.writer"
NAME = f"projects/{PROJECT}/locations/europe-west4/repositories/orders"

ORDERS: dict[str, Any] = {
    "repositoryId": "orders",
    "location": "europe-west4",
    "project": PROJECT,
    "format": "DOCKER",
    "dockerConfig": {"immutableTags": True},
    "labels": {"part-of": "mendix"},
    "cleanupPolicies": [
        {"id": "untagged", "action": "DELETE", "condition": {"tagState": "UNTAGGED", "olderThan": "30d"}}
    ],
}


def principal(namespace: str) -> str:
    pool = f"projects/{NUMBER}/locations/global/workloadIdentityPools/{POOL}"
    return f"principal://iam.googleapis.com/{pool}/subject/ns/{namespace}/sa/mendix-builder"


def writer(namespace: str, **more: Any) -> dict[str, Any]:
    given = {"repository": "orders", "location": "europe-west4", "project": PROJECT, "role": WRITER}
    return {**given, "member": principal(namespace), **more}


def test_the_inputs_are_those_of_the_sdk() -> None:
    """What the stock SDK can send is known here, and nothing is that it cannot."""
    modules = {"artifactregistry/repository": 0, "artifactregistry/repository_iam_member": 1,
               "serviceaccount/account": 2, "serviceaccount/iam_member": 3}  # fmt: skip
    types = {item.type: item for item in PACKAGE.resources}
    ordered = [types[REPOSITORY], types[REPOSITORY_MEMBER], types[ACCOUNT], types[ACCOUNT_MEMBER]]
    for module, index in modules.items():
        tree = ast.parse((Path(pulumi_gcp.__file__).parent / f"{module}.py").read_text())
        arguments = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name.endswith("Args"))
        init = next(n for n in arguments.body if isinstance(n, ast.FunctionDef) and n.name == "__init__")
        names = {argument.arg for argument in [*init.args.args[1:], *init.args.kwonlyargs]}
        camel = {"".join([name.split("_")[0], *(part.title() for part in name.split("_")[1:])]) for name in names}
        assert camel == set(ordered[index].inputs)


def test_a_repository_from_creation_to_deletion(plugin: Plugin) -> None:
    made = plugin.create(REPOSITORY, ORDERS)
    assert made.id == NAME
    assert made.state["registryUri"] == f"europe-west4-docker.pkg.dev/{PROJECT}/orders"
    assert isinstance(made.state["effectiveLabels"], Secret)
    assert plain(made.state["effectiveLabels"]) == {"part-of": "mendix", "goog-pulumi-provisioned": "true"}
    changed = {**ORDERS, "description": "apps", "dockerConfig": {"immutableTags": False}}
    found = plugin.diff(REPOSITORY, made, plugin.checked(REPOSITORY, changed, made.inputs))
    assert sorted(found.diffs) == ["description", "dockerConfig"]
    assert not found.replaces
    updated = plugin.update(REPOSITORY, made, changed)
    read = plugin.read(REPOSITORY, made.id, updated)
    assert read.inputs["dockerConfig"] == {"immutableTags": False}
    assert plain(read.inputs) == plain(updated.inputs)
    plugin.delete(REPOSITORY, updated)
    assert plugin.read(REPOSITORY, made.id).id == ""


@pytest.mark.parametrize(
    ("change", "replaces"),
    [
        ({"repositoryId": "other"}, True),
        ({"location": "us-east1"}, True),
        ({"kmsKeyName": "projects/p/locations/europe-west4/keyRings/r/cryptoKeys/k"}, True),
        ({"mode": "REMOTE_REPOSITORY"}, True),
        ({"labels": {"part-of": "other"}}, False),
        ({"cleanupPolicyDryRun": False}, False),
        ({"deletionPolicy": "PREVENT"}, False),
    ],
)
def test_what_google_cannot_change_makes_a_new_repository(
    plugin: Plugin, change: dict[str, Any], replaces: bool
) -> None:
    made = plugin.create(REPOSITORY, ORDERS)
    found = plugin.diff(REPOSITORY, made, plugin.checked(REPOSITORY, {**ORDERS, **change}, made.inputs))
    assert found.changes == provider_pb2.DiffResponse.DIFF_SOME
    assert bool(found.replaces) == replaces


def test_a_protected_repository_is_deleted_only_after_a_change(plugin: Plugin) -> None:
    made = plugin.create(REPOSITORY, {**ORDERS, "deletionPolicy": "PREVENT"})
    with pytest.raises(RejectedError) as rejected:
        plugin.delete(REPOSITORY, made)
    assert 'deletionPolicy is "PREVENT"' in rejected.value.message
    updated = plugin.update(REPOSITORY, made, {**ORDERS, "deletionPolicy": "DELETE"})
    plugin.delete(REPOSITORY, updated)


def test_a_repository_that_exists_is_imported_as_it_is(plugin: Plugin) -> None:
    made = plugin.create(REPOSITORY, ORDERS)
    for identity in (NAME, f"{PROJECT}/europe-west4/orders", "europe-west4/orders"):
        found = plugin.read(REPOSITORY, identity)
        assert found.id == NAME
        assert plain(found.inputs)["labels"] == {"part-of": "mendix"}
        differs = plugin.diff(REPOSITORY, found, plugin.checked(REPOSITORY, ORDERS))
        # Google writes durations in seconds.
        assert set(differs.diffs) == {"cleanupPolicies"}
    assert plugin.read(REPOSITORY, f"{PROJECT}/europe-west4/nothing").id == ""
    plugin.delete(REPOSITORY, made)


@pytest.mark.parametrize(
    ("inputs", "path"),
    [
        ({**ORDERS, "format": "TARBALL"}, "format"),
        ({**ORDERS, "deletionPolicy": "KEEP"}, "deletionPolicy"),
        ({**ORDERS, "labels": {"Part": "x"}}, "labels.Part"),
        ({**ORDERS, "dockerConfig": {"immutable": True}}, "dockerConfig.immutable"),
        ({key: value for key, value in ORDERS.items() if key != "repositoryId"}, "repositoryId"),
        ({**ORDERS, "cleanupPolicies": [{"id": "a", "action": "ARCHIVE"}]}, "cleanupPolicies[0].action"),
    ],
)
def test_rejected_inputs_are_reported_before_any_call(
    plugin_without_cloud: Plugin, inputs: dict[str, Any], path: str
) -> None:
    assert list(plugin_without_cloud.check(REPOSITORY, inputs)[1]) == [path]


def test_a_preview_without_a_cloud_marks_unknown_values(plugin_without_cloud: Plugin) -> None:
    made = plugin_without_cloud.create(ACCOUNT, {"accountId": "builder-orders", "project": PROJECT}, preview=True)
    assert all(isinstance(made.state[key], Unknown) for key in ("email", "member", "name", "uniqueId"))
    member = {"serviceAccountId": made.state["name"], "role": "roles/iam.workloadIdentityUser", "member": "allUsers"}
    assert plugin_without_cloud.create(ACCOUNT_MEMBER, member, preview=True).state["etag"]


def test_without_an_emulator_nothing_is_created_anywhere(plugin_without_cloud: Plugin) -> None:
    with pytest.raises(RejectedError) as rejected:
        plugin_without_cloud.create(REPOSITORY, ORDERS)
    error = rejected.value
    assert "REHEARSAL_GCP_ENDPOINT is not set" in error.message
    assert "never calls the real one" in error.message


def test_a_service_account_and_who_may_act_as_it(plugin: Plugin, google: tuple[GcpCloud, str]) -> None:
    made = plugin.create(ACCOUNT, {"accountId": "builder-orders", "project": PROJECT, "displayName": "Builder"})
    email = f"builder-orders@{PROJECT}.iam.gserviceaccount.com"
    assert (made.id, made.state["member"]) == (f"projects/{PROJECT}/serviceAccounts/{email}", f"serviceAccount:{email}")
    user = {
        "serviceAccountId": made.state["name"],
        "role": "roles/iam.workloadIdentityUser",
        "member": f"serviceAccount:{POOL}[orders/mendix-builder]",
    }
    member = plugin.create(ACCOUNT_MEMBER, user)
    assert plain(plugin.read(ACCOUNT_MEMBER, member.id, member).inputs) == user
    assert plain(plugin.read(ACCOUNT, made.id, made).inputs) == plain(made.inputs)
    plugin.delete(ACCOUNT_MEMBER, member)
    assert not google[0].account.store.policy(made.id)["bindings"]
    updated = plugin.update(ACCOUNT, made, {**made.inputs, "displayName": "Other", "disabled": True})
    assert google[0].account.store.accounts[email]["disabled"]
    plugin.delete(ACCOUNT, updated)
    plugin.delete(ACCOUNT, updated)


def test_the_quota_of_service_accounts_is_reported_at_once(plugin: Plugin) -> None:
    for number in range(2):
        plugin.create(ACCOUNT, {"accountId": f"builder-{number}"})
    with pytest.raises(RejectedError) as rejected:
        plugin.create(ACCOUNT, {"accountId": "builder-2"})
    error = rejected.value
    assert error.message.startswith("Error creating service account: googleapi: Error 429: Maximum number of service")


@pytest.mark.slow
def test_members_that_come_at_once_all_stay(plugin: Plugin, google: tuple[GcpCloud, str], tmp_path: Path) -> None:
    """Two processes, so that the provider's own lock does not help: only the etag does."""
    plugin.create(REPOSITORY, ORDERS)
    with (
        plugin_process("gcp", tmp_path, {"REHEARSAL_GCP_ENDPOINT": google[1]}) as (_, other),
        ThreadPoolExecutor(8) as executor,
    ):
        other.configure(project=PROJECT, region="europe-west4")
        plugins = [plugin, other] * 6
        list(executor.map(lambda i: plugins[i].create(REPOSITORY_MEMBER, writer(f"ns-{i}")), range(len(plugins))))
    members = google[0].account.store.policy(NAME)["bindings"][0]["members"]
    assert sorted(members) == sorted(principal(f"ns-{i}") for i in range(12))


def test_a_member_that_goes_leaves_everybody_elses(plugin: Plugin, google: tuple[GcpCloud, str]) -> None:
    plugin.create(REPOSITORY, ORDERS)
    orders, billing = (plugin.create(REPOSITORY_MEMBER, writer(name)) for name in ("orders", "billing"))
    condition = {"title": "office hours", "expression": "request.time < timestamp('2030-01-01T00:00:00Z')"}
    conditional = plugin.create(REPOSITORY_MEMBER, writer("orders", condition=condition))
    assert conditional.id.endswith("/office hours")
    plugin.delete(REPOSITORY_MEMBER, orders)
    assert plugin.read(REPOSITORY_MEMBER, orders.id, orders).id == ""
    assert plugin.read(REPOSITORY_MEMBER, billing.id, billing).id == billing.id
    assert plain(plugin.read(REPOSITORY_MEMBER, conditional.id, conditional).inputs)["condition"] == condition


def test_a_member_is_imported_as_the_real_provider_does(plugin: Plugin) -> None:
    plugin.create(REPOSITORY, ORDERS)
    made = plugin.create(REPOSITORY_MEMBER, writer("orders"))
    for identity in (f"{NAME} {WRITER} {principal('orders')}", made.id):
        assert plain(plugin.read(REPOSITORY_MEMBER, identity).inputs) == writer("orders")


def test_a_deleted_principal_is_no_member(plugin_without_cloud: Plugin) -> None:
    inputs = writer("orders") | {"member": "deleted:serviceAccount:a@b.iam.gserviceaccount.com?uid=1"}
    assert list(plugin_without_cloud.check(REPOSITORY_MEMBER, inputs)[1]) == ["member"]

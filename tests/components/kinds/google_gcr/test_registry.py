"""Kind ``google-gcr``: what it registers, who may push where, and what waits for what."""

from __future__ import annotations

import pytest

from mendix_registry.stack_file import Settings
from tests.components.kinds.google_gcr.google import (
    ACCOUNT,
    ACCOUNT_MEMBER,
    NUMBER,
    READER,
    REPOSITORY,
    REPOSITORY_MEMBER,
    WRITER,
    custom,
    place,
    stack,
    whole,
)

BOTH = {"workload-identity": stack("orders", "billing"), "direct": stack("orders", "billing", direct=True)}
NODES = "nodes@example-mendix.iam.gserviceaccount.com"
JOB = "kubernetes:batch/v1:Job"


@pytest.mark.parametrize("settings", BOTH.values(), ids=BOTH.keys())
def test_children_have_their_component_as_parent_without_callers_options(settings: Settings) -> None:
    recording = whole(settings)
    components = {item.urn for item in recording.registered if not item.custom}
    for item in custom(recording):
        assert item.parent in components, item.urn
        assert not item.protect and not item.import_id and not item.ignore_changes and not item.provider
        assert not item.retain_on_delete


@pytest.mark.parametrize("settings", BOTH.values(), ids=BOTH.keys())
def test_two_runs_register_the_same(settings: Settings) -> None:
    first, second = whole(settings), whole(settings)
    assert {i.urn: i.inputs for i in first.registered} == {i.urn: i.inputs for i in second.registered}


def test_no_builder_may_push_to_another_namespaces_repository() -> None:
    recording = place(stack("orders", "billing"))
    members = recording.of_type(REPOSITORY_MEMBER)
    assert {(m.inputs["repository"], m.inputs["role"], m.inputs["member"]) for m in members} == {
        (name, WRITER, f"serviceAccount:mendix-{name}@example-mendix.iam.gserviceaccount.com")
        for name in ("orders", "billing")
    }
    users = recording.of_type(ACCOUNT_MEMBER)
    assert {(u.inputs["serviceAccountId"].rsplit("/")[-1].split("@")[0], u.inputs["member"]) for u in users} == {
        (f"mendix-{name}", f"serviceAccount:example-mendix.svc.id.goog[{name}/mendix-builder]")
        for name in ("orders", "billing")
    }


def test_the_principal_has_project_number_and_pool_id() -> None:
    recording = place(stack(direct=True, authentication={"workloadPool": "example-fleet.svc.id.goog"}))
    assert recording.one(REPOSITORY_MEMBER).inputs["member"] == (
        f"principal://iam.googleapis.com/projects/{NUMBER}/locations/global/workloadIdentityPools/"
        "example-fleet.svc.id.goog/subject/ns/orders/sa/mendix-builder"
    )
    assert recording.result["orders"]["annotations"] == {}
    assert not recording.of_type(ACCOUNT)


def test_the_annotation_has_the_address_that_google_returns() -> None:
    recording = whole(stack())
    account = recording.one("kubernetes:core/v1:ServiceAccount")
    assert account.metadata["annotations"] == {
        "iam.gke.io/gcp-service-account": "mendix-orders@example-mendix.iam.gserviceaccount.com"
    }
    assert recording.result["namespaces"]["orders"]["pushedAs"].startswith("mendix-orders@")


@pytest.mark.parametrize("direct", [False, True], ids=["workload-identity", "direct"])
def test_the_push_waits_for_permissions_of_builder_and_nodes(direct: bool) -> None:
    recording = whole(stack("orders", "billing", direct=direct, nodeServiceAccounts=[NODES]))
    for namespace, other in (("orders", "billing"), ("billing", "orders")):
        waits_for = recording.one(JOB, f"{namespace}-push").dependencies
        own = {item.urn for item in custom(recording) if namespace in item.name}
        assert own <= waits_for
        # Nor does it wait for another namespace, whose failure is none of its business.
        assert not any(item.urn in waits_for for item in custom(recording) if other in item.name)


@pytest.mark.parametrize(
    ("host", "location"), [("gcr.io", "us"), ("us.gcr.io", "us"), ("eu.gcr.io", "europe"), ("asia.gcr.io", "asia")]
)
def test_a_gcr_name_maps_to_its_own_repository(host: str, location: str) -> None:
    recording = whole(stack("orders", "billing", pushHost=host, repository="example-mendix/apps/{namespace}"))
    given = recording.one(REPOSITORY).inputs
    assert (given["repositoryId"], given["location"], given["project"]) == (host, location, "example-mendix")
    assert recording.result["namespaces"]["orders"]["pushed"].startswith(f"{host}/example-mendix/apps/orders:")


def test_defaults_are_the_careful_ones() -> None:
    given = place(stack()).one(REPOSITORY).inputs
    assert given["dockerConfig"] == {"immutableTags": True}
    assert given["deletionPolicy"] == "PREVENT"
    assert given["cleanupPolicyDryRun"] is True
    assert "cleanupPolicies" not in given
    assert given["vulnerabilityScanningConfig"] == {"enablementConfig": "INHERITED"}


def test_ages_reach_google_in_seconds() -> None:
    policy = {"id": "old", "action": "delete", "condition": {"tagState": "untagged", "olderThan": "30d"}}
    given = place(stack(artifactRegistry={"cleanup": {"policies": [policy]}})).one(REPOSITORY).inputs
    assert given["cleanupPolicies"][0]["condition"] == {"tagState": "UNTAGGED", "olderThan": f"{30 * 24 * 3600}s"}


def test_what_exists_is_only_granted_access() -> None:
    recording = place(
        stack(
            "orders",
            "billing",
            artifactRegistry={"existing": True},
            authentication={"existing": "builder@example-tools.iam.gserviceaccount.com"},
            nodeServiceAccounts=[NODES],
        )
    )
    assert not recording.of_type(REPOSITORY) and not recording.of_type(ACCOUNT)
    name = "projects/example-tools/serviceAccounts/builder@example-tools.iam.gserviceaccount.com"
    assert {item.inputs["serviceAccountId"] for item in recording.of_type(ACCOUNT_MEMBER)} == {name}
    roles = sorted((m.inputs["repository"], m.inputs["role"]) for m in recording.of_type(REPOSITORY_MEMBER))
    assert roles == [(name, role) for name in ("billing", "orders") for role in (READER, WRITER)]


def test_nothing_is_registered_where_everything_exists_and_is_granted() -> None:
    recording = place(
        stack(
            artifactRegistry={"existing": True},
            authentication={"existing": "builder@example-mendix.iam.gserviceaccount.com", "grant": False},
        )
    )
    assert custom(recording) == []
    assert recording.result["orders"]["who"] == "builder@example-mendix.iam.gserviceaccount.com"


def test_what_is_imported_is_always_protected() -> None:
    recording = place(
        stack(
            artifactRegistry={"import": True},
            authentication={"import": "builder-{namespace}@example-tools.iam.gserviceaccount.com"},
        )
    )
    repository, account = recording.one(REPOSITORY), recording.one(ACCOUNT)
    assert repository.import_id == "projects/example-mendix/locations/europe-west4/repositories/orders"
    email = "builder-orders@example-tools.iam.gserviceaccount.com"
    assert account.import_id == f"projects/example-tools/serviceAccounts/{email}"
    assert account.inputs["accountId"] == "builder-orders"
    assert repository.protect and account.protect


def test_a_preview_names_all_resources_without_known_addresses() -> None:
    settings = stack("orders", "billing", nodeServiceAccounts=[NODES])
    assert {i.urn for i in whole(settings, preview=True).registered} == {i.urn for i in whole(settings).registered}


@pytest.mark.parametrize("direct", [False, True], ids=["workload-identity", "direct"])
def test_a_condition_stands_on_the_push_and_nowhere_else(direct: bool) -> None:
    condition = {"title": "until 2030", "expression": "request.time < timestamp('2030-01-01T00:00:00Z')"}
    recording = place(stack(direct=direct, authentication={"condition": condition}, nodeServiceAccounts=[NODES]))
    by_role = {m.inputs["role"]: m.inputs.get("condition") for m in recording.of_type(REPOSITORY_MEMBER)}
    assert by_role == {WRITER: condition, READER: None}
    assert all("condition" not in item.inputs for item in recording.of_type(ACCOUNT_MEMBER))


def test_a_fleets_pool_is_that_of_its_host_project() -> None:
    recording = place(stack(authentication={"workloadPool": "example-fleet.svc.id.goog"}))
    assert recording.one(ACCOUNT_MEMBER).inputs["member"] == (
        "serviceAccount:example-fleet.svc.id.goog[orders/mendix-builder]"
    )


def test_namespaces_of_one_shard_share_only_the_account() -> None:
    recording = place(stack("orders", "billing", authentication={"shards": 1}))
    assert recording.one(ACCOUNT).inputs["accountId"] == "mendix-builder-0"
    assert sorted(m.inputs["repository"] for m in recording.of_type(REPOSITORY_MEMBER)) == ["billing", "orders"]
    assert len(recording.of_type(ACCOUNT_MEMBER)) == 2


def test_another_service_account_proves_its_push_again() -> None:
    def digest(pattern: str) -> str:
        return whole(stack(authentication={"serviceAccount": pattern})).result["namespaces"]["orders"]["digest"]

    assert digest("first-{namespace}") == digest("first-{namespace}")
    assert digest("first-{namespace}") != digest("second-{namespace}")


def test_nodes_get_to_read_each_repository_once() -> None:
    recording = place(stack("orders", "billing", nodeServiceAccounts=[NODES, NODES]))
    readers = [m for m in recording.of_type(REPOSITORY_MEMBER) if m.inputs["role"] == READER]
    assert sorted(m.inputs["repository"] for m in readers) == ["billing", "orders"]
    assert {m.inputs["member"] for m in readers} == {f"serviceAccount:{NODES}"}


@pytest.mark.parametrize("key", ["existing", "import"])
def test_equal_account_names_in_several_projects_stay_separate(key: str) -> None:
    """The incident: builder@team-{namespace} was taken for one account, the first namespace's, and given to all of them."""
    settings = stack("orders", "billing", authentication={key: "builder@team-{namespace}.iam.gserviceaccount.com"})
    recording = place(settings)
    email = {name: f"builder@team-{name}.iam.gserviceaccount.com" for name in ("orders", "billing")}
    users = {
        (u.inputs["serviceAccountId"].rpartition("/")[2], u.inputs["member"]) for u in recording.of_type(ACCOUNT_MEMBER)
    }
    assert users == {
        (email[name], f"serviceAccount:example-mendix.svc.id.goog[{name}/mendix-builder]") for name in email
    }
    writers = {(m.inputs["repository"], m.inputs["member"]) for m in recording.of_type(REPOSITORY_MEMBER)}
    assert writers == {(name, f"serviceAccount:{email[name]}") for name in email}
    assert {name: recording.result[name]["annotations"] for name in email} == {
        name: {"iam.gke.io/gcp-service-account": email[name]} for name in email
    }
    imported = {item.import_id for item in recording.of_type(ACCOUNT)}
    assert imported == ({f"projects/team-{n}/serviceAccounts/{email[n]}" for n in email} if key == "import" else set())


def test_accounts_that_differ_by_id_have_different_resource_names() -> None:
    def names(address: str, *namespaces: str) -> set[str]:
        return {m.name for m in place(stack(*namespaces, authentication={"existing": address})).of_type(ACCOUNT_MEMBER)}

    assert names("builder@tools-1.iam.gserviceaccount.com", "orders") == {"builder.orders.mendix-builder"}
    assert names("b-{namespace}@t-{namespace}.iam.gserviceaccount.com", "orders") == {"b-orders.orders.mendix-builder"}
    per_project = "builder@t-{namespace}.iam.gserviceaccount.com"
    # One namespace more renames nothing.
    assert names(per_project, "orders") < names(per_project, "orders", "billing")


def test_a_private_address_before_google_is_reached_by_https() -> None:
    """The incident: auto took a proxy's address for a host of plain http, which the kind does not even allow to ask for."""
    recording = whole(stack(pushHost="10.0.0.5", location="europe-west4"))
    pod = recording.one(JOB, "orders-push").inputs["spec"]["template"]["spec"]
    assert [e["value"] for e in pod["containers"][0]["env"] if e["name"] == "INSECURE"] == ["false"]

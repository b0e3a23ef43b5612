"""The APIs, used by Google's own Python client: what they refuse, as the real ones do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.rehearsal.emulators.gcp.conftest import PARENT, POOL, PROJECT, Google, member, principal, refusal

pytestmark = pytest.mark.slow

WRITER = "roles/artifactregistry.writer"


def test_a_repository_exists_only_after_its_operation(google: Google) -> None:
    body = {"format": "DOCKER", "dockerConfig": {"immutableTags": True}}
    started = google.repositories.create(parent=PARENT, repositoryId="orders", body=body).execute()
    assert not started.get("done")
    operations = google.api("artifactregistry").projects().locations().operations()
    assert operations.get(name=started["name"]).execute()["done"]
    found = google.repositories.get(name=f"{PARENT}/repositories/orders").execute()
    assert found["registryUri"] == f"europe-west4-docker.pkg.dev/{PROJECT}/orders"
    assert found["dockerConfig"] == {"immutableTags": True}


def test_what_exists_is_not_made_again(google: Google) -> None:
    google.repository("orders")
    error = refusal(lambda: google.repository("orders"))
    assert (error.status_code, error.reason) == (409, "the repository already exists")
    google.service_account("builder-orders")
    assert refusal(lambda: google.service_account("builder-orders")).status_code == 409


@pytest.mark.parametrize(
    ("identity", "parent", "body", "says"),
    [
        ("Orders", PARENT, {}, "lowercase"),
        ("eu.gcr.io", PARENT, {}, "must be in europe"),
        ("orders", f"projects/{PROJECT}/locations/eu", {}, "Location eu is not found"),
        ("orders", PARENT, {"labels": {"Part": "x"}}, "label Part"),
        ("orders", PARENT, {"labels": {f"l{n}": "x" for n in range(65)}}, "at most 64"),
        ("orders", PARENT, {"kmsKeyName": "projects/p/locations/us/keyRings/r/cryptoKeys/k"}, "not in the location"),
        ("orders", PARENT, {"cleanupPolicies": {"a": {"id": "b", "action": "KEEP"}}}, "must be its id"),
        (
            "orders",
            PARENT,
            {"cleanupPolicies": {"a": {"id": "a", "action": "DELETE", "mostRecentVersions": {"keepCount": 1}}}},
            "only be specified with a Keep action",
        ),
    ],
)
def test_a_repository_that_google_rejects_is_rejected(
    google: Google, identity: str, parent: str, body: dict[str, Any], says: str
) -> None:
    create = google.repositories.create(parent=parent, repositoryId=identity, body={"format": "DOCKER", **body})
    assert says in refusal(create.execute).reason


def test_what_cannot_be_changed_is_not(google: Google) -> None:
    name = google.repository("orders")
    patch = google.repositories.patch(name=name, updateMask="kmsKeyName", body={"kmsKeyName": "k"})
    assert "immutable" in refusal(patch.execute).reason
    changed = google.repositories.patch(name=name, updateMask="description", body={"description": "apps"}).execute()
    assert changed["description"] == "apps"


def test_the_hundred_and_first_service_account_is_rejected(make_google: Callable[..., Google]) -> None:
    google = make_google(quota=3)
    for number in range(3):
        google.service_account(f"builder-{number}")
    error = refusal(lambda: google.service_account("builder-3"))
    assert (error.status_code, error.reason) == (429, "Maximum number of service accounts on project reached.")
    assert google.service_account("builder-3", project="another-project")


@pytest.mark.parametrize("name", ["short", "Builder-orders", "builder-", "b" * 31, "1builder"])
def test_an_account_id_outside_of_its_rule_is_rejected(google: Google, name: str) -> None:
    assert refusal(lambda: google.service_account(name)).status_code == 400


def test_who_was_slower_must_read_the_policy_again(google: Google) -> None:
    name = google.repository("orders")
    stale = google.repositories.getIamPolicy(resource=name).execute()
    google.grant(name, WRITER, principal("orders", "builder"))
    stale["bindings"] = [{"role": WRITER, "members": [principal("billing", "builder")]}]
    error = refusal(google.repositories.setIamPolicy(resource=name, body={"policy": stale}).execute)
    assert error.status_code == 409
    assert "concurrent policy changes" in error.reason
    kept = google.repositories.getIamPolicy(resource=name).execute()["bindings"]
    assert kept == [{"role": WRITER, "members": [principal("orders", "builder")]}]


@pytest.mark.parametrize(
    ("who", "says"),
    [
        (f"serviceAccount:nobody@{PROJECT}.iam.gserviceaccount.com", "does not exist"),
        ("serviceAccount:other-project.svc.id.goog[orders/builder]", "Identity Pool does not exist"),
        (principal("orders", "builder", number="999999999999"), "Identity Pool does not exist"),
        (principal("orders", "builder").replace("/sa/builder", ""), "Invalid principal"),
        ("orders/builder", "valid type prefix"),
    ],
)
def test_an_impossible_member_is_rejected(google: Google, who: str, says: str) -> None:
    name = google.repository("orders")
    assert says in refusal(lambda: google.grant(name, WRITER, who)).reason


def test_a_policy_has_at_most_1500_members(google: Google) -> None:
    name = google.repository("orders")
    members = [principal(f"ns-{number}", "builder") for number in range(1501)]
    policy = {"bindings": [{"role": WRITER, "members": members[:1500]}]}
    google.repositories.setIamPolicy(resource=name, body={"policy": policy}).execute()
    policy = {"bindings": [{"role": WRITER, "members": members}]}
    error = refusal(google.repositories.setIamPolicy(resource=name, body={"policy": policy}).execute)
    assert "(1,501) is larger than the maximum allowed size 1,500" in error.reason


def test_a_condition_needs_a_policy_of_version_3(google: Google) -> None:
    name = google.repository("orders")
    binding = {"role": WRITER, "members": [principal("orders", "builder")]}
    binding["condition"] = {"title": "t", "expression": "true"}  # type: ignore[assignment]
    policy = {"bindings": [binding], "version": 1}
    error = refusal(google.repositories.setIamPolicy(resource=name, body={"policy": policy}).execute)
    assert "version is not 3" in error.reason


def test_unknown_or_missing_tokens_get_no_answer(google: Google) -> None:
    for headers in ({}, {"authorization": "Bearer ya29.stolen"}):
        assert httpx.get(f"{google.url}/v1/{PARENT}/repositories", headers=headers).status_code == 401


def test_a_builder_may_not_use_the_management_api(google: Google) -> None:
    email = google.service_account("builder-orders")
    name = google.repository("orders")
    google.grant(name, WRITER, f"serviceAccount:{email}")
    made = google.api("iamcredentials").projects().serviceAccounts().generateAccessToken(
        name=f"projects/-/serviceAccounts/{email}", body={"scope": ["https://www.googleapis.com/auth/cloud-platform"]}
    )  # fmt: skip
    repositories = google.api("artifactregistry", made.execute()["accessToken"]).projects().locations().repositories()
    assert repositories.get(name=name).execute()["name"] == name
    assert refusal(repositories.delete(name=name).execute).status_code == 403
    assert refusal(repositories.setIamPolicy(resource=name, body={"policy": {}}).execute).status_code == 403


def test_everything_outlives_the_process(make_google: Callable[..., Google]) -> None:
    first = make_google()
    email = first.service_account("builder-orders")
    account = f"projects/{PROJECT}/serviceAccounts/{email}"
    first.grant(account, "roles/iam.workloadIdentityUser", member("orders", "builder"))
    first.repository("orders")
    again = make_google()
    assert again.accounts.get(name=account).execute() == first.accounts.get(name=account).execute()
    policy = again.accounts.getIamPolicy(resource=account).execute()
    assert policy["bindings"][0]["members"] == [f"serviceAccount:{POOL}[orders/builder]"]
    assert again.repositories.get(name=f"{PARENT}/repositories/orders").execute()["format"] == "DOCKER"
    assert not again.store._path.stat().st_mode & 0o077

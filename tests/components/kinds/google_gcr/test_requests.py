"""Every request that the room would make, judged by Google's discovery documents."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from mendix_registry.kinds.google_gcr.limits import MAXIMUM_PRINCIPALS
from tests.components.kinds.google_gcr.google import (
    ACCOUNT,
    ACCOUNT_MEMBER,
    REPOSITORY,
    REPOSITORY_MEMBER,
    custom,
    judge,
    place,
    stack,
)
from tests.oracles.google.discovery import account_id_grammar, bytes_at_most, judge_body, member_form, most_principals

EVERYTHING: dict[str, Any] = {
    "artifactRegistry": {
        "immutableTags": False,
        "kmsKeyName": "projects/keys/locations/europe-west4/keyRings/ring/cryptoKeys/images",
        "vulnerabilityScanning": "disabled",
        "description": "Images",
        "labels": {"part-of": "mendix"},
        "deletionProtection": False,
        "cleanup": {
            "dryRun": False,
            "policies": [
                {
                    "id": "old",
                    "action": "delete",
                    "condition": {
                        "tagState": "tagged",
                        "tagPrefixes": ["test-"],
                        "olderThan": "30d",
                        "newerThan": "365d",
                        "packageNamePrefixes": ["apps"],
                        "versionNamePrefixes": ["sha256:0"],
                    },
                },
                {
                    "id": "newest",
                    "action": "keep",
                    "mostRecentVersions": {"keepCount": 10, "packageNamePrefixes": ["apps"]},
                },
            ],
        },
    },
    "nodeServiceAccounts": ["nodes@example-mendix.iam.gserviceaccount.com", "1-compute@developer.gserviceaccount.com"],
    "authentication": {
        "condition": {
            "title": "until 2030",
            "expression": "request.time < timestamp('2030-01-01T00:00:00Z')",
            "description": "contract",
        }
    },
}

STACKS = {
    "defaults": stack(),
    "direct": stack(direct=True),
    "everything": stack("orders", "billing", **EVERYTHING),
    "everything, direct": stack("orders", "billing", direct=True, **EVERYTHING),
    "gcr.io": stack(pushHost="gcr.io", repository="example-mendix/apps/{namespace}"),
    "shards": stack(*(f"team-{n}" for n in range(12)), authentication={"shards": 3}),
    "existing": stack(
        artifactRegistry={"existing": True},
        authentication={"existing": "builder-{namespace}@example-mendix.iam.gserviceaccount.com"},
    ),
    "imported": stack(
        artifactRegistry={"import": True}, authentication={"import": "builder@example-mendix.iam.gserviceaccount.com"}
    ),
    "project of an old domain": stack(project="example.com:mendix", repository="example.com/mendix/{namespace}/apps"),
    "fleet": stack(authentication={"workloadPool": "example-fleet.svc.id.goog"}),
}


@pytest.mark.parametrize("settings", STACKS.values(), ids=STACKS.keys())
def test_google_would_take_every_request(settings: Any) -> None:
    assert judge(custom(place(settings))) > 0


@pytest.mark.parametrize("settings", STACKS.values(), ids=STACKS.keys())
def test_every_member_is_one_identity_in_googles_documented_form(settings: Any) -> None:
    recording = place(settings)
    forms = {
        ACCOUNT_MEMBER: {"serviceAccount:{projectid}.svc.id.goog[{namespace}/{kubernetes-sa}]"},
        REPOSITORY_MEMBER: {
            "serviceAccount:{emailid}",
            "principal://iam.googleapis.com/projects/{project_number}/locations/global/workloadIdentityPools/{pool_id}"
            "/subject/{subject_attribute_value}",
        },
    }
    for token, allowed in forms.items():
        for item in recording.of_type(token):
            assert member_form(item.inputs["member"]) in allowed
            assert "*" not in item.inputs["member"]


def test_roles_are_granted_on_repositories_and_accounts_only() -> None:
    for settings in STACKS.values():
        types = {item.type for item in custom(place(settings))}
        assert types <= {REPOSITORY, REPOSITORY_MEMBER, ACCOUNT, ACCOUNT_MEMBER}


def test_the_longest_namespace_obeys_googles_rules_for_ids() -> None:
    pattern, least, most = account_id_grammar()
    for namespace in ("a", "0", "n" * 63, "x" + "-" * 61 + "y"):
        account = place(stack({"name": namespace, "repository": "example-mendix/all/apps"})).one(ACCOUNT)
        assert pattern.fullmatch(account.inputs["accountId"])
        assert least <= len(account.inputs["accountId"]) <= most
        for field in ("displayName", "description"):
            assert len(account.inputs[field].encode()) <= bytes_at_most("ServiceAccount", field)


def test_rules_know_the_policy_size_limit_of_google() -> None:
    assert most_principals() == MAXIMUM_PRINCIPALS


def test_the_oracle_rejects_what_google_would_reject() -> None:
    good = {"format": "DOCKER", "dockerConfig": {"immutableTags": True}}
    judge_body("artifactregistry.v1", "Repository", good)
    for wrong in (
        {"format": "docker"},
        {"dockerConfig": {"immutableTags": "yes"}},
        {"dockerConfig": {"immutable": True}},
        {"registryUri": "x"},
        {"cleanupPolicies": {"a": {"condition": {"olderThan": "30d"}}}},
    ):
        with pytest.raises(jsonschema.ValidationError):
            judge_body("artifactregistry.v1", "Repository", {**good, **wrong})
    for member in ("serviceAccount:p.svc.id.goog[a/b/c]", "builder@example.com", "principal://example.com/x"):
        with pytest.raises(AssertionError):
            member_form(member)

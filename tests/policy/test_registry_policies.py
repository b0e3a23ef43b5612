"""Policies that stand on a registry or repository itself, and say there who may use it.

All of what is refused here passed all ten rules once: no rule but one looked at these types, and any condition satisfied that one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.policy.registrations import judged

REPOSITORY = "aws:ecr/repositoryPolicy:RepositoryPolicy"
PUBLIC = "aws:ecrpublic/repositoryPolicy:RepositoryPolicy"
REGISTRY = "aws:ecr/registryPolicy:RegistryPolicy"
TEMPLATE = "aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate"
PULL = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
OURS = "arn:aws:iam::123456789012:role/nodes"
FOREIGN = "arn:aws:iam::999999999999:root"
LISTED = {"exact-trust-subjects": {"awsPrincipals": [OURS, "123456789012", "o-ours"]}}


def policy(**statement: Any) -> str:
    return json.dumps({"Statement": [{"Effect": "Allow", "Principal": {"AWS": OURS}, "Action": PULL, **statement}]})


def refused(
    kind: str, inputs: Mapping[str, Any], configuration: Mapping[str, Mapping[str, Any]] = LISTED
) -> dict[str, list[str]]:
    return judged(kind, inputs, configuration)


def everybody(condition: Mapping[str, Any] | None) -> str:
    return policy(Principal="*", **({} if condition is None else {"Condition": condition}))


@pytest.mark.parametrize(
    "condition",
    [
        None,
        {},
        {"Bool": {"aws:SecureTransport": "true"}},
        {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}},
        {"StringLike": {"aws:PrincipalOrgID": "o-ours"}},
        {"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-ours"}},
        {"ForAllValues:StringEquals": {"aws:PrincipalAccount": ["123456789012"]}},
        {"StringNotEquals": {"aws:PrincipalAccount": "123456789012"}},
        {"StringEquals": {"aws:PrincipalAccount": []}},
        {"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::*:role/nodes"}},
        {"StringEquals": {"aws:PrincipalTag/team": "orders"}},
    ],
)
def test_a_condition_that_others_meet_leaves_a_repository_open(condition: Mapping[str, Any] | None) -> None:
    assert "no-anonymous-access" in refused(REPOSITORY, {"policy": everybody(condition)})


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"aws:PrincipalOrgID": "o-ours"}},
        {"StringEquals": {"aws:principalaccount": "123456789012"}, "Bool": {"aws:SecureTransport": "true"}},
        {"StringEquals": {"aws:SourceAccount": ["123456789012"]}},
        {"ArnEquals": {"aws:PrincipalArn": OURS}},
        # Both have to hold, so the second may name more than is listed.
        {"ArnEquals": {"aws:PrincipalArn": OURS}, "StringEquals": {"aws:PrincipalOrgID": "o-somebodys"}},
    ],
)
def test_a_condition_that_names_the_callers_closes_it(condition: Mapping[str, Any]) -> None:
    assert refused(REPOSITORY, {"policy": everybody(condition)}) == {}


@pytest.mark.parametrize(
    "statement",
    [
        {"Principal": {"AWS": FOREIGN}},
        {"Principal": {"AWS": [OURS, FOREIGN]}},
        {"Principal": "*", "Condition": {"StringEquals": {"aws:PrincipalAccount": "999999999999"}}},
        {"Principal": "*", "Condition": {"StringEquals": {"aws:PrincipalAccount": ["123456789012", "999999999999"]}}},
    ],
)
@pytest.mark.parametrize("kind", [REPOSITORY, REGISTRY, TEMPLATE])
def test_a_foreign_account_on_a_repository_must_be_listed(kind: str, statement: dict[str, Any]) -> None:
    key = "repositoryPolicy" if kind == TEMPLATE else "policy"
    inputs = {
        key: policy(**statement, Resource="arn:aws:ecr:eu-west-1:123456789012:repository/a"),
        "imageTagMutability": "IMMUTABLE",
        "encryptionConfigurations": [{"encryptionType": "AES256"}],
    }
    found = refused(kind, inputs)
    assert found.keys() == {"exact-trust-subjects"}
    assert "999999999999" in found["exact-trust-subjects"][0]
    listed = {"exact-trust-subjects": {"awsPrincipals": [OURS, "123456789012", FOREIGN, "999999999999"]}}
    assert refused(kind, inputs, listed) == {}


def test_everyone_except_one_principal_counts_as_everyone() -> None:
    inputs = {"policy": json.dumps({"Statement": {"Effect": "Allow", "NotPrincipal": {"AWS": OURS}, "Action": PULL}})}
    assert refused(REPOSITORY, inputs).keys() == {"exact-trust-subjects", "no-anonymous-access"}


@pytest.mark.parametrize("kind", [REPOSITORY, PUBLIC, REGISTRY])
@pytest.mark.parametrize("action", ["ecr:*", "ecr:DeleteRepository", "ecr-public:*", "*"])
def test_repository_policies_are_checked_like_role_policies(kind: str, action: str) -> None:
    target = "arn:aws:ecr:eu-west-1:123456789012:repository/a"
    assert refused(kind, {"policy": policy(Action=action, Resource=target)}).keys() == {"least-privilege"}


def test_a_policy_of_the_whole_registry_names_repositories() -> None:
    found = refused(REGISTRY, {"policy": policy(Resource="*")})
    assert "not one repository" in found["least-privilege"][0]


def test_a_policy_on_an_unlisted_repository_is_rejected() -> None:
    inputs = {"policy": policy(), "repository": "elsewhere/orders"}
    assert refused(REPOSITORY, inputs) == {}
    own = {**LISTED, "least-privilege": {"repositories": ["mendixapps/*"]}}
    assert refused(REPOSITORY, inputs, own).keys() == {"least-privilege"}


def test_a_policy_that_cannot_be_read_passes_nowhere() -> None:
    assert len(refused(REGISTRY, {"policy": "{"})) == 3


def test_a_repository_of_ecr_public_is_rejected() -> None:
    """Its images are everybody's by nature: nothing about it has to be set for that."""
    assert "no-anonymous-access" in refused("aws:ecrpublic/repository:Repository", {"repositoryName": "orders"})

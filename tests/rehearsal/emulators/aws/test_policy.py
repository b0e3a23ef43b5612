"""The policy evaluator against what AWS's documentation says of its language."""

from __future__ import annotations

from typing import Any

import pytest

from rehearsal.emulators.aws.policy import (
    Decision,
    PolicyError,
    Principal,
    Request,
    identity_decision,
    trust_decision,
)

ISSUER = "oidc.eks.eu-west-1.amazonaws.com/id/ABC"
PROVIDER = f"arn:aws:iam::123456789012:oidc-provider/{ISSUER}"
REPOSITORY = "arn:aws:ecr:eu-west-1:123456789012:repository/orders"
ROLE = Principal("AWS", ("arn:aws:sts::123456789012:assumed-role/push/s", "arn:aws:iam::123456789012:role/push"))


def token(**context: str | list[str]) -> Request:
    given = {f"{ISSUER}:sub": "system:serviceaccount:orders:builder", f"{ISSUER}:aud": "sts.amazonaws.com"}
    return Request(Principal("Federated", (PROVIDER,)), "sts:AssumeRoleWithWebIdentity", context={**given, **context})


def trust(**changes: Any) -> dict[str, Any]:
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": PROVIDER},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            "StringEquals": {
                f"{ISSUER}:sub": "system:serviceaccount:orders:builder",
                f"{ISSUER}:aud": "sts.amazonaws.com",
            }
        },
    }
    return {"Version": "2012-10-17", "Statement": [{**statement, **changes}]}


def push(action: str, resource: str, document: dict[str, Any], **context: str | list[str]) -> Decision:
    return identity_decision(Request(ROLE, action, resource, context), [("policy p", document)])


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": action, "Resource": resource, **more}}


def test_the_trusted_service_account_may_assume_the_role() -> None:
    assert trust_decision(token(), "the trust policy", trust()).allowed


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({f"{ISSUER}:sub": "system:serviceaccount:billing:builder"}, "system:serviceaccount:billing:builder"),
        ({f"{ISSUER}:sub": "system:serviceaccount:orders:default"}, "system:serviceaccount:orders:default"),
        ({f"{ISSUER}:aud": "kubernetes"}, "kubernetes"),
    ],
    ids=["neighbour namespace", "another ServiceAccount", "another audience"],
)
def test_a_token_with_one_different_claim_is_denied(changed: dict[str, str], named: str) -> None:
    decision = trust_decision(token(**changed), "the trust policy", trust())
    assert not decision.allowed
    assert named in decision.reason


def test_another_cluster_s_provider_is_not_the_trusted_one() -> None:
    other = Request(Principal("Federated", (PROVIDER.replace("ABC", "DEF"),)), "sts:AssumeRoleWithWebIdentity")
    assert "principal" in trust_decision(other, "the trust policy", trust()).reason


def test_a_required_claim_that_the_token_lacks_never_matches() -> None:
    request = Request(Principal("Federated", (PROVIDER,)), "sts:AssumeRoleWithWebIdentity")
    assert "absent" in trust_decision(request, "the trust policy", trust()).reason


def test_a_permission_on_one_repository_is_none_on_another() -> None:
    document = allow(["ecr:PutImage"], REPOSITORY)
    assert push("ecr:PutImage", REPOSITORY, document).allowed
    decision = push("ecr:PutImage", REPOSITORY + "-archive", document)
    assert not decision.allowed
    assert REPOSITORY + "-archive" in decision.reason


def test_actions_ignore_case_and_resources_do_not() -> None:
    assert push("ecr:PutImage", REPOSITORY, allow("ECR:putimage", REPOSITORY)).allowed
    assert not push("ecr:PutImage", REPOSITORY, allow("ecr:PutImage", REPOSITORY.upper())).allowed


def test_an_explicit_deny_wins_over_every_allow() -> None:
    document = {
        "Statement": [allow("ecr:*")["Statement"], {"Effect": "Deny", "Action": "ecr:PutImage", "Resource": "*"}]
    }
    decision = push("ecr:PutImage", REPOSITORY, document)
    assert not decision.allowed
    assert "explicit deny" in decision.reason
    assert push("ecr:BatchGetImage", REPOSITORY, document).allowed


def test_a_repository_policy_alone_is_enough_inside_one_account() -> None:
    document = {"Statement": {"Effect": "Allow", "Principal": {"AWS": ROLE.names[1]}, "Action": "ecr:PutImage"}}
    request = Request(ROLE, "ecr:PutImage", REPOSITORY)
    assert identity_decision(request, [], [("the repository policy", document)]).allowed
    other = Request(Principal("AWS", ("arn:aws:iam::123456789012:role/x",)), "ecr:PutImage", REPOSITORY)
    assert not identity_decision(other, [], [("the repository policy", document)]).allowed


def test_a_boundary_limits_what_the_policy_allows() -> None:
    request = Request(ROLE, "ecr:PutImage", REPOSITORY)
    decision = identity_decision(request, [("p", allow("ecr:*"))], boundary=("the boundary", allow("s3:*")))
    assert not decision.allowed
    assert "the boundary" in decision.reason


@pytest.mark.parametrize(
    ("operator", "wanted", "actual", "met"),
    [
        ("StringLike", "system:serviceaccount:orders:*", "system:serviceaccount:orders:x", True),
        ("StringLike", "system:serviceaccount:[a]:x", "system:serviceaccount:a:x", False),
        ("StringNotEquals", "a", "b", True),
        ("StringNotEquals", "a", None, True),
        ("StringEquals", "a", None, False),
        ("StringEqualsIfExists", "a", None, True),
        ("StringEqualsIgnoreCase", "A", "a", True),
        ("ForAnyValue:StringEquals", ["a", "b"], ["c", "b"], True),
        ("ForAllValues:StringEquals", ["a", "b"], ["c", "b"], False),
        ("ForAllValues:StringEquals", ["a"], None, True),
        ("Null", "true", None, True),
        ("Null", "false", None, False),
        ("Bool", "true", "true", True),
        ("ArnLike", "arn:aws:eks:*:123456789012:cluster/*", "arn:aws:eks:eu-west-1:123456789012:cluster/c", True),
        ("ArnLike", "arn:aws:eks:*:cluster/c", "arn:aws:eks:eu-west-1:123456789012:cluster/c", False),
        ("IpAddress", "10.0.0.0/8", "10.1.2.3", True),
        ("NumericLessThan", "10", "9", True),
        ("DateGreaterThan", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z", True),
        ("StringEquals", ["a", "b"], "b", True),
    ],
)
def test_condition_operators_match_as_documented(operator: str, wanted: Any, actual: Any, met: bool) -> None:
    document = allow("ecr:PutImage", Condition={operator: {"test:Key": wanted}})
    context = {} if actual is None else {"TEST:key": actual}
    assert push("ecr:PutImage", REPOSITORY, document, **context).allowed is met


def test_every_condition_must_hold_not_one_of_them() -> None:
    document = allow("ecr:PutImage", Condition={"StringEquals": {"a:x": "1"}, "StringLike": {"a:y": "2*"}})
    assert push("ecr:PutImage", REPOSITORY, document, **{"a:x": "1", "a:y": "2"}).allowed
    assert not push("ecr:PutImage", REPOSITORY, document, **{"a:x": "1", "a:y": "3"}).allowed


def test_a_policy_variable_without_a_request_value_matches_nothing() -> None:
    document = allow("ecr:PutImage", REPOSITORY.replace("orders", "${aws:PrincipalTag/kubernetes-namespace}"))
    assert push("ecr:PutImage", REPOSITORY, document, **{"aws:PrincipalTag/kubernetes-namespace": "orders"}).allowed
    assert not push("ecr:PutImage", REPOSITORY, document).allowed


@pytest.mark.parametrize(
    "document",
    [
        allow("ecr:*", Condition={"StringAlmost": {"a": "b"}}),
        {"Statement": {"Effect": "Permit", "Action": "*", "Resource": "*"}},
        {"Statement": {"Effect": "Allow", "Resource": "*"}},
        {"Statement": {"Effect": "Allow", "Action": "*", "Ressource": "*"}},
    ],
)
def test_what_it_does_not_understand_it_never_calls_allowed(document: dict[str, Any]) -> None:
    with pytest.raises(PolicyError):
        push("ecr:PutImage", REPOSITORY, document, a="b")

"""Documents that grant less or more than they look like: what the map and the risks say about them."""

from __future__ import annotations

import json
from typing import Any

import pairs_of_escalation as escalation
import previews
import pytest

from report.access.facts import NOT_UNDERSTOOD
from report.access.grants import NOT_SHOWN
from tests.report.recordings import document

OTHER = "oidc.eks.eu-west-1.amazonaws.com/id/OTHER"
ROLE_ARN = "arn:aws:iam::123456789012:role/r"
EMAIL = "b@acme.iam.gserviceaccount.com"
WORKLOAD = "serviceAccount:acme.svc.id.goog[orders/mendix-builder]"
AR_POLICY = "gcp:artifactregistry/repositoryIamPolicy:RepositoryIamPolicy"


def _azure(condition: str, role: str = escalation.WRITER) -> dict[str, Any]:
    """A recorded assignment with another condition; the real one's role is only known after ``up``, as here with ``role`` empty."""
    preview = document("first-acr")
    preview["steps"] = [step for step in preview["steps"] if "billing" not in step["urn"]]
    del preview["changeSummary"]
    for step in preview["steps"]:
        if "RoleAssignment" in step["urn"]:
            step["newState"]["inputs"]["condition"] = condition
            if role:
                step["newState"]["inputs"]["roleDefinitionId"] = f"/…/roleDefinitions/{role}"
    return preview


def _role(trust: str, *, permits: str = previews.push_policy("mendixapps/orders")) -> previews.Stack:
    stack = previews.aws_stack("prod")
    stack.step("create", previews.ROLE, "r", "", {"name": "r", "assumeRolePolicy": trust})
    stack.step("create", previews.ROLE_POLICY, "r", "", {"role": "r", "policy": permits})
    return stack


def _granted(report: Any) -> set[tuple[str, str, str]]:
    return {(grant.namespace, grant.repository, "+".join(grant.verbs)) for grant in report.access.after}


def _marked(report: Any) -> set[tuple[str, str]]:
    return {(risk.kind, risk.value) for risk in report.risks}


def _federated(**conditions: dict[str, Any]) -> str:
    principal = {"Federated": f"arn:aws:iam::123456789012:oidc-provider/{previews.ISSUER}"}
    action = "sts:AssumeRoleWithWebIdentity"
    return escalation.document(
        {"Effect": "Allow", "Principal": principal, "Action": action, "Condition": dict(conditions)}
    )


def test_a_read_only_condition_shows_writing_everywhere(summaries) -> None:
    """It was told as exact, without a risk, and let the builds of one namespace write every image."""
    narrowed = escalation.narrowed(f"{escalation.ACR_NAME} StringEquals 'mendixapps/orders'", "content/read")
    (report,) = summaries([_azure(narrowed)])
    assert {where for _, where, verbs in _granted(report) if "push" in verbs} == {"(every repository)"}
    assert {where for _, where, verbs in _granted(report) if verbs == "pull"} == {"mendixapps/orders"}
    assert ("broad access", "metadata/read, content/write, metadata/write") in _marked(report)


def test_several_allowed_values_show_their_repositories_without_risk(summaries) -> None:
    tests = f"{escalation.ACR_NAME} ForAnyOfAnyValues:StringEquals {{'a', 'b'}}"
    (report,) = summaries([_azure(escalation.narrowed(tests))])
    assert {where for _, where, _ in _granted(report)} == {"a", "b"}
    assert not report.risks


@pytest.mark.parametrize("role", [escalation.WRITER, ""])
@pytest.mark.parametrize("condition", ["what is this", "@Environment[isPrivateLink] BoolEquals true"])
def test_an_unreadable_condition_is_shown_as_a_risk(condition: str, role: str, summaries) -> None:
    """Before the first deployment it was not: the role's id is not known then."""
    (report,) = summaries([_azure(condition, role)])
    assert {where for _, where, _ in _granted(report)} == {NOT_UNDERSTOOD}
    assert {risk.kind for risk in report.risks} == {"not understood"}


def test_a_condition_that_no_repository_meets_grants_nothing(summaries) -> None:
    (report,) = summaries([_azure(escalation.narrowed(f"{escalation.ACR_NAME} StringEquals 'Orders*'"))])
    assert not _granted(report)
    assert {risk.kind for risk in report.risks} == {"not understood"}


NOBODY = {
    "a claim of another issuer": _federated(
        StringEquals={f"{OTHER}:sub": previews.subject("orders"), f"{OTHER}:aud": "sts.amazonaws.com"}
    ),
    "claims of two issuers at once": _federated(
        StringEquals={
            f"{previews.ISSUER}:sub": previews.subject("orders"),
            f"{previews.ISSUER}:aud": "sts.amazonaws.com",
            f"{OTHER}:sub": previews.subject("orders"),
        }
    ),
    "a star that is a plain character": _federated(
        StringEquals={
            f"{previews.ISSUER}:sub": "system:serviceaccount:orders:*",
            f"{previews.ISSUER}:aud": "sts.amazonaws.com",
        }
    ),
    "two names at once": _federated(
        StringEquals={
            f"{previews.ISSUER}:sub": previews.subject("orders"),
            f"{previews.ISSUER}:aud": "sts.amazonaws.com",
        },
        StringLike={f"{previews.ISSUER}:sub": "system:serviceaccount:billing:*"},
    ),
    "another action": escalation.trust("StringEquals", "sub").replace("WithWebIdentity", "WithSAML"),
}


@pytest.mark.parametrize("what", NOBODY)
def test_a_trust_without_subjects_is_a_risk_without_gain(what: str, summaries) -> None:
    (report,) = summaries([_role(NOBODY[what]).document()])
    assert not report.sentences
    assert {risk.kind for risk in report.risks} == {"not understood"}
    assert all(risk.why.startswith("The trust accepts no one.") for risk in report.risks)


def test_statements_for_two_issuers_trust_both(summaries) -> None:
    one = json.loads(escalation.trust("StringEquals", "sub"))["Statement"]
    two = json.loads(escalation.trust("StringEquals", "sub", issuer=OTHER))["Statement"]
    (report,) = summaries([_role(escalation.document(*one, *two)).document()])
    assert len({grant.cluster for grant in report.access.after}) == 2
    assert not report.risks


def test_keys_in_other_case_still_name_an_exact_subject(summaries) -> None:
    subject, audience = f"{previews.ISSUER.upper()}:SUB", f"{previews.ISSUER}:aud"
    trust = _federated(
        **{"ForAnyValue:StringEquals": {subject: previews.subject("orders"), audience: "sts.amazonaws.com"}}
    )
    (report,) = summaries([_role(trust).document()])
    assert _granted(report) == {("orders", "mendixapps/orders", "pull+push")}
    assert not report.risks


@pytest.mark.parametrize("key", ["assumeRolePolicy", "policy"])
def test_a_policy_that_is_no_document_is_not_understood(key: str, summaries) -> None:
    wrong = '{"Statement": [{"Action": "ecr:*"}]}'
    stack = _role(wrong) if key == "assumeRolePolicy" else _role(escalation.trust("StringEquals", "sub"), permits=wrong)
    (report,) = summaries([stack.document()])
    assert _marked(report) == {("not understood", key)}


def _policy_data(*bindings: dict[str, Any]) -> str:
    return json.dumps({"bindings": list(bindings)})


def test_a_google_repositorys_whole_policy_shows_its_access(summaries) -> None:
    stack = previews.Stack()
    account = {"accountId": "b", "email": EMAIL, "project": "acme"}
    stack.step("create", "gcp:serviceaccount/account:Account", "b", "", account)
    stack.step(
        "create",
        "gcp:serviceaccount/iAMPolicy:IAMPolicy",
        "b",
        "",
        {
            "serviceAccountId": f"projects/acme/serviceAccounts/{EMAIL}",
            "policyData": _policy_data({"role": "roles/iam.workloadIdentityUser", "members": [WORKLOAD]}),
        },
    )
    stack.step(
        "create",
        AR_POLICY,
        "r",
        "",
        {
            "repository": "orders",
            "project": "acme",
            "location": "europe-west4",
            "policyData": _policy_data(
                {"role": "roles/artifactregistry.writer", "members": [f"serviceAccount:{EMAIL}"]},
                {"role": "roles/artifactregistry.reader", "members": ["allUsers"]},
            ),
        },
    )
    (report,) = summaries([stack.document()])
    assert ("orders", "acme/orders", "pull+push") in _granted(report)
    assert (NOT_SHOWN, "acme/orders", "pull") in _granted(report)
    assert ("broad access", "allUsers") in _marked(report)
    assert {risk.type for risk in report.risks if risk.why.startswith("It replaces the whole policy")} == {
        AR_POLICY,
        "gcp:serviceaccount/iAMPolicy:IAMPolicy",
    }


def test_losing_a_google_condition_is_broader_trust(summaries) -> None:
    narrow = {"condition": {"title": "t", "expression": 'request.time < timestamp("2027-01-01T00:00:00Z")'}}
    member = escalation.member("roles/artifactregistry.writer")
    for old, new, kind in ((member, member | narrow, "not understood"), (member | narrow, member, "broad access")):
        stack = previews.Stack()
        stack.step("update", escalation.AR_MEMBER, "m", "", new, old)
        (report,) = summaries([stack.document()])
        assert [risk.kind for risk in report.risks] == [kind]


def _association(**more: Any) -> dict[str, Any]:
    return {"clusterName": "prod", "namespace": "orders", "serviceAccount": "b", "roleArn": ROLE_ARN, **more}


def _pods(old: dict[str, Any] | None, new: dict[str, Any]) -> previews.Stack:
    stack = previews.aws_stack("prod")
    for name in ("r", "target"):
        trust = escalation.tagged() if name == "r" else escalation.document()
        role = {"name": name, "assumeRolePolicy": trust}
        arn = {"outputs": {**role, "arn": f"arn:aws:iam::123456789012:role/{name}"}}
        stack.step("same", previews.ROLE, name, "", role, role, more_old=arn, more_new=arn)
    permits = {"role": "target", "policy": previews.push_policy("mendixapps/all")}
    stack.step("same", previews.ROLE_POLICY, "target", "", permits, permits)
    stack.step("update" if old else "create", previews.ASSOCIATION, "a", "", new, old)
    return stack


def test_pods_with_a_target_role_gain_its_permissions(summaries) -> None:
    target = ROLE_ARN.replace("/r", "/target")
    (report,) = summaries([_pods(_association(), _association(targetRoleArn=target)).document()])
    gained = [(each.namespace, each.repository) for each in report.sentences if each.sign == "gains"]
    assert gained == [("orders", "mendixapps/all")]
    assert ("broad access", "target") in _marked(report)


def test_sessions_without_tags_lose_roles_that_require_tags(summaries) -> None:
    (report,) = summaries([_pods(_association(), _association(disableSessionTags=True)).document()])
    assert {risk.kind for risk in report.risks} == {"broad access", "not understood"}
    assert any("come without tags" in risk.why for risk in report.risks)


@pytest.mark.parametrize(
    "type_", ["aws:ecr/registryPolicy:RegistryPolicy", "aws:ecr/repositoryPolicy:RepositoryPolicy"]
)
def test_registry_and_repository_policies_show_who_has_access(type_: str, summaries) -> None:
    allow = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::999999999999:root"}, "Action": ["ecr:PutImage"]}
    if "registryPolicy" in type_:
        allow["Resource"] = previews.repository_arn("mendixapps/*")
    stack = previews.aws_stack("prod")
    stack.step("create", type_, "p", "", {"repository": "mendixapps/orders", "policy": escalation.document(allow)})
    (report,) = summaries([stack.document()])
    where = "mendixapps/*" if "registryPolicy" in type_ else "mendixapps/orders"
    assert (NOT_SHOWN, where, "push") in _granted(report)
    assert "broad access" in {risk.kind for risk in report.risks}


def test_a_policy_of_several_roles_belongs_to_each(summaries) -> None:
    stack = previews.aws_stack("prod")
    role = {"name": "r", "assumeRolePolicy": escalation.trust("StringEquals", "sub")}
    stack.step("create", previews.ROLE, "r", "", role)
    shared = {"roles": ["r"], "policyArn": "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPowerUser"}
    stack.step("create", "aws:iam/policyAttachment:PolicyAttachment", "p", "", shared)
    (report,) = summaries([stack.document()])
    assert ("orders", "(every repository)", "pull+push") in _granted(report)


def _pushing(*more: dict[str, Any], **parts: Any) -> dict[str, Any]:
    return {"role": "r", "policy": escalation.document({**escalation.allow("ecr:PutImage"), **parts}, *more)}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (_pushing(Condition={"StringEquals": {"aws:SourceVpc": "vpc-1"}}), _pushing()),
        (_pushing({"Sid": "Never", "Effect": "Deny", "Action": "ecr:Delete*", "Resource": "*"}), _pushing()),
    ],
)
def test_a_policy_that_loses_its_limits_is_broader_trust(old: Any, new: Any, summaries) -> None:
    for before, after, expected in ((old, new, ["broad access"]), (new, old, []), (old, old | {"name": "p"}, [])):
        stack = previews.Stack()
        stack.step("update", previews.ROLE_POLICY, "p", "", after, before)
        (report,) = summaries([stack.document()])
        assert [risk.kind for risk in report.risks] == expected


def test_another_azure_api_version_is_read_as_well(summaries) -> None:
    """Azure's SDKs have every type once for each version of the API."""
    role = escalation.assignment(escalation.AZURE["Owner"])
    stack = previews.Stack()
    stack.step("create", escalation.ASSIGNMENT.replace(":RoleA", "/v20220401:RoleA"), "a", "", role)
    (report,) = summaries([stack.document()])
    assert {risk.kind for risk in report.risks} == {"broad access"}

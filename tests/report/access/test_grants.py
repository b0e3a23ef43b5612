"""Who may do what, told from resources of which some are unknown, unchanged or not listed at all."""

from __future__ import annotations

import pairs_of_escalation as escalation
import previews
import pytest

from report.access.grants import NOT_SHOWN
from report.summary import summarize
from tests.report.recordings import document, recorded


def _after(report) -> set[tuple[str, str, str]]:
    return {(grant.namespace, grant.repository, "+".join(grant.verbs)) for grant in report.access.after}


def _told(report) -> list[tuple[str, str, str]]:
    return [(sentence.sign, sentence.namespace, sentence.repository) for sentence in report.sentences]


def test_namespaces_that_are_not_listed_are_as_last_deployed() -> None:
    report = summarize(recorded("unchanged"))
    assert _after(report) == {("orders", "mendixapps/orders", "push"), ("billing", "mendixapps/billing", "push")}
    assert report.access.before == report.access.after
    assert report.access.partial
    assert not report.sentences


def test_a_namespace_that_left_the_stack_file_loses_access(summaries) -> None:
    stack = previews.aws_stack("prod", "orders")
    stack.outputs = previews.outputs_of("orders", "legacy")
    (report,) = summaries([stack.document(unchanged=3)])
    assert _told(report) == [("loses", "legacy", "mendixapps/legacy")]


def test_everything_listed_with_show_sames_is_complete(summaries) -> None:
    (report,) = summaries(previews.fleet(6, 1))
    assert not report.access.partial
    assert _told(report) == [("loses", "team-0004", "fleet-0/team-0004"), ("gains", "team-0003", "fleet-0/team-0003")]


def test_a_role_with_unlisted_permissions_names_who_gains_it(summaries) -> None:
    stack = previews.aws_stack("prod", "orders", "new")
    stack.outputs = previews.outputs_of("orders")
    one, two = (
        previews.trust(previews.subject("orders")),
        previews.trust(previews.subject("orders"), previews.subject("new")),
    )
    role = {"name": "shared"}
    stack.step(
        "update", previews.ROLE, "shared", "", {**role, "assumeRolePolicy": two}, {**role, "assumeRolePolicy": one}
    )
    (report,) = summaries([stack.document(unchanged=9)])
    assert _told(report) == [("gains", "new", NOT_SHOWN)]


def test_gaining_access_everywhere_is_no_loss_anywhere() -> None:
    report = summarize(recorded("broad-access"))
    assert _told(report) == [("gains", "*", "(every repository)")]


def test_losing_access_everywhere_is_reported_as_a_loss() -> None:
    assert ("loses", "*", "(every repository)") in _told(summarize(recorded("broad-access-undone")))


def test_another_identity_for_one_push_is_a_change(summaries) -> None:
    stack = previews.aws_stack("prod", "orders")
    trust = previews.trust(previews.subject("orders"))
    for op, name in (("delete", "old"), ("create", "new")):
        role = {"name": name, "assumeRolePolicy": trust}
        policy = {"role": name, "policy": previews.push_policy("mendixapps/orders")}
        side = {"new": role} if op == "create" else {"old": role}
        stack.step(op, previews.ROLE, name, **side)
        stack.step(op, previews.ROLE_POLICY, name, **({"new": policy} if op == "create" else {"old": policy}))
    (report,) = summaries([stack.document()])
    (sentence,) = report.sentences
    assert (sentence.sign, sentence.before, sentence.after) == (
        "changes",
        (("mendix-builder", "old"),),
        (("mendix-builder", "new"),),
    )


def test_an_identity_reaches_every_repository_in_its_condition(summaries) -> None:
    preview = document("first-acr")
    preview["steps"] = [step for step in preview["steps"] if "billing" not in step["urn"]]
    (assignment,) = [step for step in preview["steps"] if "RoleAssignment" in step["urn"]]
    name = escalation.ACR_NAME
    condition = escalation.narrowed(f"{name} StringEquals 'a' OR {name} StringStartsWith 'a/'")
    assignment["newState"]["inputs"]["condition"] = condition
    assignment["newState"]["inputs"]["roleDefinitionId"] = escalation.WRITER
    (report,) = summaries([preview])
    assert {(repository, verbs) for _, repository, verbs in _after(report)} == {
        ("a", "pull+push"),
        ("a/*", "pull+push"),
    }


@pytest.mark.parametrize(
    ("clusters", "expected"), [(1, {"prod"}), (2, {"A (oidc.example.com)", "B (oidc.example.com)"})]
)
def test_the_stack_file_names_clusters_unless_several_exist(clusters: int, expected: set[str], summaries) -> None:
    stack = previews.aws_stack("prod", "orders")
    for name in "AB"[:clusters]:
        trust = previews.trust(previews.subject("orders"), issuer=f"oidc.example.com/id/{name}")
        stack.step("create", previews.ROLE, name, "", {"name": name, "assumeRolePolicy": trust})
        stack.step(
            "create",
            previews.ROLE_POLICY,
            name,
            "",
            {"role": name, "policy": previews.push_policy("mendixapps/orders")},
        )
    (report,) = summaries([stack.document()])
    assert {grant.cluster for grant in report.access.after} == expected


def test_a_denied_or_unrelated_action_grants_nothing(summaries) -> None:
    stack = previews.aws_stack("prod", "orders")
    stack.step(
        "create", previews.ROLE, "r", "", {"name": "r", "assumeRolePolicy": previews.trust(previews.subject("orders"))}
    )
    policy = '{"Statement":[{"Effect":"Deny","Action":"ecr:*","Resource":"*"},{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'
    stack.step("create", previews.ROLE_POLICY, "r", "", {"role": "r", "policy": policy})
    (report,) = summaries([stack.document()])
    assert {verbs for _, _, verbs in _after(report)} == {NOT_SHOWN}


def test_manual_changes_differ_from_what_a_refresh_finds() -> None:
    report = summarize(recorded("drift"))
    assert _told(report) == [("gains", "intruder", "mendixapps/orders")]
    assert [(change.op, change.name) for change in report.changes] == [
        ("delete", "registry/mendixapps/billing"),
        ("refresh", "orders"),
    ]
    assert report.changed == 2


def _changed_role(before: str, after: str, before_policy: str = "", after_policy: str = ""):
    stack = previews.aws_stack("prod", "orders")
    stack.setting(cluster={"name": "prod-cluster"})
    stack.step(
        "update",
        previews.ROLE,
        "r",
        "",
        {"name": "r", "assumeRolePolicy": after},
        {"name": "r", "assumeRolePolicy": before},
    )
    push = previews.push_policy("mendixapps/orders")
    old, new = {"role": "r", "policy": before_policy or push}, {"role": "r", "policy": after_policy or push}
    stack.step("update", previews.ROLE_POLICY, "p", "", new, old)
    return stack.document()


def test_another_issuer_shows_despite_an_equal_cluster_name(summaries) -> None:
    """A role's trust went from one issuer to another, and the report had nothing to say: both were called prod-cluster."""
    one, two = (previews.trust(previews.subject("orders"), issuer=f"oidc.example.com/id/{name}") for name in "AB")
    (report,) = summaries([_changed_role(one, two)])
    assert [(sentence.sign, sentence.cluster) for sentence in report.sentences] == [
        ("loses", "A (oidc.example.com)"),
        ("gains", "B (oidc.example.com)"),
    ]
    (report,) = summaries([_changed_role(one, one)])
    assert {grant.cluster for grant in report.access.after} == {"prod-cluster"}


@pytest.mark.parametrize("operator", ["StringNotEquals", "ForAllValues:StringEquals", "StringEqualsIfExists"])
def test_a_condition_without_an_exact_subject_means_everyone(operator: str, summaries) -> None:
    one, two = (previews.trust(previews.subject("orders"), operator=each) for each in ("StringEquals", operator))
    (report,) = summaries([_changed_role(one, two)])
    assert ("gains", "*", "mendixapps/orders") in _told(report)


def test_all_resources_except_some_means_every_repository(summaries) -> None:
    trust = previews.trust(previews.subject("orders"))
    policy = '{"Statement":[{"Effect":"Allow","Action":"ecr:PutImage","NotResource":"arn:x"}]}'
    (report,) = summaries([_changed_role(trust, trust, after_policy=policy)])
    assert ("gains", "orders", "(every repository)") in _told(report)

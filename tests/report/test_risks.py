"""Every danger is marked when it appears, and not when it was there before or goes away."""

from __future__ import annotations

import json
from typing import Any

import pairs_of_escalation as escalation
import previews
import pytest

REGISTRY = "azure-native:containerregistry:Registry"
ASSIGNMENT = "azure-native:authorization:RoleAssignment"
AR = "gcp:artifactregistry/repository:Repository"
AR_MEMBER = "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember"
WRITER = "/subscriptions/1/providers/Microsoft.Authorization/roleDefinitions/2a1e307c-b015-4ebd-883e-5b7698a07328"
ACR = "/subscriptions/1/resourceGroups/g/providers/Microsoft.ContainerRegistry/registries/r"
POD_TRUST = {"Effect": "Allow", "Principal": {"Service": "pods.eks.amazonaws.com"}, "Action": ["sts:AssumeRole"]}
TAGGED = {
    **POD_TRUST,
    "Condition": {
        "StringEquals": {
            "aws:RequestTag/kubernetes-namespace": "orders",
            "aws:RequestTag/kubernetes-service-account": "mendix-builder",
        }
    },
}


def _mode(mode: str) -> dict[str, Any]:
    return {"properties": {"template": {"resources": [{"properties": {"roleAssignmentMode": mode}}]}}}


def _document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Statement": list(statements)})


def _role(trust: str) -> dict[str, Any]:
    return {"name": "r", "assumeRolePolicy": trust}


EXACT = _role(previews.trust(previews.subject("orders")))

# What, its inputs when it is safe, and when it is not.
PAIRS: dict[str, tuple[str, str, dict[str, Any], dict[str, Any]]] = {
    "wildcard subject": (
        "broad access",
        previews.ROLE,
        EXACT,
        _role(previews.trust("system:serviceaccount:orders:*", operator="StringLike")),
    ),
    "no subject": ("broad access", previews.ROLE, EXACT, _role(previews.trust())),
    "no audience": (
        "broad access",
        previews.ROLE,
        EXACT,
        _role(previews.trust(previews.subject("orders"), audience=False)),
    ),
    "another account": (
        "broad access",
        previews.ROLE,
        EXACT,
        _role(_document({"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::999999999999:root"}})),
    ),
    "everybody": ("broad access", previews.ROLE, EXACT, _role(_document({"Effect": "Allow", "Principal": "*"}))),
    "pod identity of every cluster": (
        "broad access",
        previews.ROLE,
        _role(_document(TAGGED)),
        _role(_document(POD_TRUST)),
    ),
    "every repository": (
        "broad access",
        previews.ROLE_POLICY,
        {"role": "r", "policy": previews.push_policy("a")},
        {"role": "r", "policy": previews.push_policy("*")},
    ),
    "every action": (
        "broad access",
        previews.ROLE_POLICY,
        {"role": "r", "policy": previews.push_policy("a")},
        {
            "role": "r",
            "policy": _document({"Effect": "Allow", "Action": "ecr:*", "Resource": previews.repository_arn("a")}),
        },
    ),
    "no repository condition": (
        "broad access",
        ASSIGNMENT,
        {"scope": ACR, "roleDefinitionId": WRITER, "condition": escalation.condition("StringEquals")},
        {"scope": ACR, "roleDefinitionId": WRITER},
    ),
    "a whole resource group": (
        "broad access",
        ASSIGNMENT,
        {"scope": ACR, "roleDefinitionId": WRITER, "condition": "@Request[x/repositories:name] StringEquals 'a'"},
        {
            "scope": "/subscriptions/1/resourceGroups/g",
            "roleDefinitionId": WRITER,
            "condition": "@Request[x/repositories:name] StringEquals 'a'",
        },
    ),
    "anonymous pull": ("broad access", REGISTRY, {"anonymousPullEnabled": False}, {"anonymousPullEnabled": True}),
    "all users": (
        "broad access",
        AR_MEMBER,
        {"role": "roles/artifactregistry.reader", "member": "serviceAccount:a@b.iam.gserviceaccount.com"},
        {"role": "roles/artifactregistry.reader", "member": "allUsers"},
    ),
    "a whole namespace": (
        "broad access",
        AR_MEMBER,
        {"role": "roles/artifactregistry.writer", "member": "principal://x/subject/ns/a/sa/b"},
        {
            "role": "roles/artifactregistry.writer",
            "member": "principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/namespace/a",
        },
    ),
    "a group": (
        "broad access",
        "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding",
        {"subjects": [{"kind": "ServiceAccount", "name": "builder"}]},
        {"subjects": [{"kind": "Group", "name": "system:authenticated"}]},
    ),
    "mutable tags": (
        "protection removed",
        previews.ECR_REPOSITORY,
        {"imageTagMutability": "IMMUTABLE"},
        {"imageTagMutability": "MUTABLE"},
    ),
    "mutable tags at Google": (
        "protection removed",
        AR,
        {"dockerConfig": {"immutableTags": True}},
        {"dockerConfig": {"immutableTags": False}},
    ),
    "deleted with its images": (
        "protection removed",
        previews.ECR_REPOSITORY,
        {"forceDelete": False},
        {"forceDelete": True},
    ),
    "no scan": (
        "protection removed",
        previews.ECR_REPOSITORY,
        {"imageScanningConfiguration": {"scanOnPush": True}},
        {"imageScanningConfiguration": {"scanOnPush": False}},
    ),
    "from the internet": (
        "protection removed",
        REGISTRY,
        {"publicNetworkAccess": "Disabled"},
        {"publicNetworkAccess": "Enabled"},
    ),
    "permissions for all repositories": (
        "protection removed",
        "azure-native:resources:Deployment",
        _mode("AbacRepositoryPermissions"),
        _mode("LegacyRegistryPermissions"),
    ),
    "no boundary": (
        "protection removed",
        previews.ROLE,
        {**EXACT, "permissionsBoundary": "arn:aws:iam::1:policy/b"},
        EXACT,
    ),
    "admin user": ("static credentials", REGISTRY, {"adminUserEnabled": False}, {"adminUserEnabled": True}),
    "plain http": (
        "plain http",
        previews.JOB,
        previews.job("orders", "r", "a", INSECURE="false"),
        previews.job("orders", "r", "a", INSECURE="true"),
    ),
    **escalation.TRUST,
    **escalation.PRIVILEGES,
    **escalation.LOSS,
    **escalation.TAGS,
}
EITHER_WAY = {
    what for what in escalation.TRUST if what.startswith(("another issuer", "another audience", "another pool"))
}
"""Trust in another cluster is as new on the way back."""


def _kinds(summaries, type_: str, old: dict[str, Any], new: dict[str, Any], **more: Any) -> set[str]:
    stack = previews.Stack()
    stack.step("update", type_, "it", "", new, old, **more)
    (report,) = summaries([stack.document()])
    return {risk.kind for risk in report.risks}


@pytest.mark.parametrize("what", PAIRS)
def test_a_danger_is_marked_when_it_appears(what: str, summaries) -> None:
    kind, type_, safe, dangerous = PAIRS[what]
    assert kind in _kinds(summaries, type_, safe, dangerous)


@pytest.mark.parametrize("what", PAIRS)
def test_removed_and_existing_dangers_are_not_marked(what: str, summaries) -> None:
    _, type_, safe, dangerous = PAIRS[what]
    back = {"broad access"} if what in EITHER_WAY else set[str]()
    assert _kinds(summaries, type_, dangerous, {**safe, "tags": {"a": "b"}}) == back
    assert _kinds(summaries, type_, dangerous, {**dangerous, "tags": {"a": "b"}}) == set()
    assert _kinds(summaries, type_, safe, {**safe, "tags": {"a": "b"}}) == set()


@pytest.mark.parametrize("type_", [previews.ECR_REPOSITORY, REGISTRY, AR, "kubernetes:core/v1:Namespace"])
@pytest.mark.parametrize("op", ["delete", "replace"])
def test_lost_data_is_marked_unless_kept_in_the_cloud(op: str, type_: str, summaries) -> None:
    for kept in (False, True):
        stack = previews.Stack()
        new = {"name": "b"} if op == "replace" else None
        stack.step(
            op,
            type_,
            "it",
            "",
            new,
            {"name": "a"},
            more_old={"retainOnDelete": kept},
            more_new={"retainOnDelete": kept},
        )
        (report,) = summaries([stack.document()])
        assert ("data loss" in {risk.kind for risk in report.risks}) != kept


def test_removed_protection_is_marked_without_any_other_change(summaries) -> None:
    stack = previews.Stack()
    stack.step("same", REGISTRY, "it", "", {"a": "b"}, {"a": "b"}, more_old={"protect": True})
    (report,) = summaries([stack.document()])
    assert [risk.kind for risk in report.risks] == ["protection removed"]


@pytest.mark.parametrize(
    "type_", ["aws:iam/accessKey:AccessKey", "azure-native:containerregistry:Token", "gcp:serviceaccount/key:Key"]
)
def test_new_keys_are_marked_and_old_ones_are_not(type_: str, summaries) -> None:
    stack = previews.Stack()
    stack.step("create", type_, "new", "", {"a": "b"})
    stack.step("update", type_, "old", "", {"a": "c"}, {"a": "b"})
    (report,) = summaries([stack.document()])
    assert [(risk.kind, risk.name) for risk in report.risks] == [("static credentials", "new")]


def test_plain_http_in_the_stack_file_is_always_marked(summaries) -> None:
    stack = previews.Stack().setting(registry={"type": "generic", "transport": {"insecure": True}})
    (report,) = summaries([stack.document()])
    assert [risk.kind for risk in report.risks] == ["plain http"]


def _created(summaries, type_: str, inputs: dict[str, Any]) -> list[str]:
    stack = previews.Stack()
    stack.step("create", type_, "it", "", inputs)
    (report,) = summaries([stack.document()])
    return [risk.kind for risk in report.risks]


def test_whatever_is_bound_in_the_whole_cluster_is_marked(summaries) -> None:
    everywhere = "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding"
    assert set(_created(summaries, everywhere, escalation.bound("cluster-admin"))) == {"broad access"}
    assert _created(summaries, everywhere, escalation.bound("system:image-puller")) == ["broad access"]


def test_the_components_resources_for_creation_on_push_pass(summaries) -> None:
    below = f"{escalation.ORDERS}/*"
    push = escalation.policy(escalation.allow("ecr:PutImage", Resource=[escalation.ORDERS, below]))
    assert _created(summaries, previews.ROLE_POLICY, push) == []
    encrypt = escalation.allow(
        ["kms:CreateGrant", "kms:DescribeKey", "kms:RetireGrant"], Resource="arn:aws:kms:r:1:key/a"
    )
    create = escalation.allow(["ecr:CreateRepository", "ecr:TagResource"], Resource=below)
    creation = {"role": "r", "policy": escalation.document(create, encrypt)}
    assert _created(summaries, previews.ROLE_POLICY, creation) == []


def test_access_below_a_name_is_marked_for_others_repositories(summaries) -> None:
    stack = previews.Stack()
    stack.step("create", previews.ECR_REPOSITORY, "orders", "", previews.repository("mendixapps/orders"))
    arns = [previews.repository_arn("mendixapps"), previews.repository_arn("mendixapps/*")]
    policy = {"role": "r", "policy": escalation.document(escalation.allow("ecr:PutImage", Resource=arns))}
    stack.step("create", previews.ROLE_POLICY, "push", "", policy)
    (report,) = summaries([stack.document()])
    assert [(risk.kind, risk.value) for risk in report.risks] == [("broad access", arns[1])]


@pytest.mark.parametrize(
    ("op", "status", "expected"), [("create", "untagged", 0), ("create", "any", 1), ("same", "untagged", 1)]
)
def test_only_the_default_lifecycle_of_new_repositories_passes(op: str, status: str, expected: int, summaries) -> None:
    stack = previews.Stack()
    home = previews.repository("mendixapps/orders")
    stack.step(op, previews.ECR_REPOSITORY, "orders", "", home, home if op == "same" else None)
    stack.step("create", escalation.LIFECYCLE, "orders", "", escalation.lifecycle(14, status))
    (report,) = summaries([stack.document()])
    assert [risk.kind for risk in report.risks] == ["data loss"] * expected


def test_a_second_role_with_another_issuer_is_marked(summaries) -> None:
    stack = previews.Stack()
    evil = escalation.role(escalation.trust("StringEquals", "sub", "oidc/id/EVIL"))
    stack.step("create", previews.ROLE, "evil", "", evil)
    (first,) = summaries([stack.document()])
    assert not first.risks
    stack.step("same", previews.ROLE, "good", "", escalation.EXACT, escalation.EXACT)
    (second,) = summaries([stack.document()])
    assert [(risk.why, risk.value) for risk in second.risks] == [
        ("Another cluster's tokens are trusted.", "oidc/id/EVIL")
    ]


@pytest.mark.parametrize("account", ["123456789012", 123456789012])
def test_the_stacks_own_account_in_repository_policies_passes(account: str | int, summaries) -> None:
    stack = previews.Stack().setting(registry={"type": "amazon-ecr", "accountId": account})
    own = {"AWS": "arn:aws:iam::123456789012:role/nodes"}
    policy = escalation.document({"Effect": "Allow", "Principal": own, "Action": "ecr:BatchGetImage"})
    stack.step("create", escalation.REPOSITORY_POLICY, "it", "", {"repository": "a", "policy": policy})
    (report,) = summaries([stack.document()])
    assert not report.risks


def test_ignoring_pulls_is_marked_as_a_loss_of_images(summaries) -> None:
    """Rules by the last pull then take what the nodes run."""
    exclusion = "aws:ecr/pullTimeUpdateExclusion:PullTimeUpdateExclusion"
    stack = previews.Stack()
    stack.step("create", exclusion, "nodes", "", {"principalArn": "arn:aws:iam::123456789012:role/nodes"})
    (report,) = summaries([stack.document()])
    assert [(risk.kind, risk.value) for risk in report.risks] == [("data loss", "arn:aws:iam::123456789012:role/nodes")]


def test_another_order_of_lifecycle_rules_is_marked(summaries) -> None:
    kept, taken = escalation.KEPT, escalation.TAKEN
    other = [{**kept, "rulePriority": 2}, {**taken, "rulePriority": 1}]
    stack = previews.Stack()
    stack.step("update", escalation.LIFECYCLE, "it", "", escalation.rules(*other), escalation.rules(kept, taken))
    (report,) = summaries([stack.document()])
    assert [(risk.kind, risk.value) for risk in report.risks] == [("data loss", "rulePriority")]


def test_archiving_instead_of_deleting_is_no_new_loss(summaries) -> None:
    old, new = (
        escalation.rules(escalation.rule("sinceImagePushed", 90, action)) for action in ("expire", "transition")
    )
    stack = previews.Stack()
    stack.step("update", escalation.LIFECYCLE, "it", "", new, old)
    (report,) = summaries([stack.document()])
    assert not report.risks


def test_reversed_filters_are_marked_where_they_overlap(summaries) -> None:
    old = escalation.tags(escalation.MUTABLE, "v*")
    for filters, expected in ((("v1*", "x*"), ["v1*"]), (("x*",), []), (("*",), ["*"])):
        stack = previews.Stack()
        stack.step("update", previews.ECR_REPOSITORY, "it", "", escalation.tags(escalation.IMMUTABLE, *filters), old)
        (report,) = summaries([stack.document()])
        assert [risk.value for risk in report.risks] == expected


def test_listing_images_as_in_mendixs_page_is_no_risk(summaries) -> None:
    assert not _created(summaries, previews.ROLE_POLICY, escalation.policy(escalation.allow("ecr:ListImages")))

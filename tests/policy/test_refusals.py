"""One wrong thing at a time in what the components really register: exactly the rule that is meant for it must refuse it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from policy.rules import RULES
from tests.policy.registrations import managed, one, resource, rule_named

IRSA, POD_IDENTITY = "example-amazon-ecr-irsa", "example-amazon-ecr-pod-identity"
ACR, ACR_TOKEN = "example-microsoft-acr-workload-identity", "example-microsoft-acr-token"
GCR, DIRECT = "example-google-gcr-workload-identity", "example-google-gcr-direct"
OPENSHIFT, GENERIC = "example-openshift4", "example-generic"

ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
ROLE, POLICY = "aws:iam/role:Role", "aws:iam/rolePolicy:RolePolicy"
FEDERATED = "azure-native:managedidentity:FederatedIdentityCredential"
ASSIGNMENT = "azure-native:authorization:RoleAssignment"
REGISTRY = "azure-native:containerregistry:Registry"
SCOPE_MAP = "azure-native:containerregistry:ScopeMap"
ECR = "aws:ecr/repository:Repository"
ARTIFACTS = "gcp:artifactregistry/repository:Repository"
ARTIFACTS_MEMBER = "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember"
ACCOUNT_MEMBER = "gcp:serviceaccount/iAMMember:IAMMember"
JOB, NAMESPACE = "kubernetes:batch/v1:Job", "kubernetes:core/v1:Namespace"
BINDING = "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding"

Inputs = dict[str, Any]
Mutation = Callable[[Inputs], Any]


def text(key: str, old: str, new: str) -> Mutation:
    """Another text in one input, which must have held the old one."""

    def change(inputs: Inputs) -> None:
        assert old in inputs[key]
        inputs[key] = inputs[key].replace(old, new)

    return change


def put(key: str, value: Any) -> Mutation:
    return lambda inputs: inputs.__setitem__(key, value)


def statement(key: str, change: Callable[[dict[str, Any]], Any], index: int = 0) -> Mutation:
    """A change of one statement of a policy document."""

    def apply(inputs: Inputs) -> None:
        document = json.loads(inputs[key])
        change(document["Statement"][index])
        inputs[key] = json.dumps(document)

    return apply


def pod(change: Callable[[dict[str, Any]], Any]) -> Mutation:
    return lambda inputs: change(inputs["spec"]["template"]["spec"])


def container(change: Callable[[dict[str, Any]], Any]) -> Mutation:
    return pod(lambda spec: change(spec["containers"][0]))


def security(**values: Any) -> Mutation:
    return container(lambda each: each["securityContext"].update(values))


def insecure(each: dict[str, Any]) -> None:
    next(item for item in each["env"] if item["name"] == "INSECURE")["value"] = "true"


def any_other_subject(each: dict[str, Any]) -> None:
    key = next(key for key in each["Condition"]["StringEquals"] if key.endswith(":sub"))
    each["Condition"]["StringNotLike"] = {key: each["Condition"]["StringEquals"].pop(key)}


def claim_of_another(each: dict[str, Any]) -> None:
    each["Condition"]["StringEquals"]["oidc.eks.eu-west-1.amazonaws.com/id/OTHER:sub"] = "system:serviceaccount:a:b"


def without(ending: str) -> Callable[[dict[str, Any]], Any]:
    def change(each: dict[str, Any]) -> None:
        block = each["Condition"]["StringEquals"]
        del block[next(key for key in block if key.endswith(ending))]

    return change


TRUST, PRIVILEGE, STATIC = "exact-trust-subjects", "least-privilege", "no-static-credentials"
CASES: list[tuple[str, str, str, Mutation, str]] = [
    # Trust
    (
        TRUST,
        IRSA,
        ROLE,
        text("assumeRolePolicy", ":mendix-orders:mendix-builder", ":mendix-orders:*"),
        "mendix-orders:*",
    ),
    (
        TRUST,
        IRSA,
        ROLE,
        text("assumeRolePolicy", ":mendix-orders:mendix-builder", ":*:mendix-builder"),
        "without * or ?",
    ),
    (TRUST, IRSA, ROLE, statement("assumeRolePolicy", any_other_subject), "does not name exactly"),
    (TRUST, IRSA, ROLE, statement("assumeRolePolicy", claim_of_another), "it rejects all"),
    (TRUST, POD_IDENTITY, ASSOCIATION, put("disableSessionTags", True), "disables session tags"),
    (TRUST, POD_IDENTITY, ASSOCIATION, put("targetRoleArn", "arn:aws:iam::123456789012:role/x"), "lets pods act as"),
    (TRUST, IRSA, ROLE, statement("assumeRolePolicy", without(":sub")), "does not name exactly"),
    (TRUST, IRSA, ROLE, statement("assumeRolePolicy", without(":aud")), "issued for another purpose"),
    (TRUST, IRSA, ROLE, text("assumeRolePolicy", '"sts.amazonaws.com"', '"everything"'), "issued for another purpose"),
    (TRUST, IRSA, ROLE, statement("assumeRolePolicy", lambda s: s.update(Principal="*")), "trusts everyone"),
    (TRUST, IRSA, ROLE, statement("assumeRolePolicy", lambda s: s.update(Principal={"AWS": "*"})), "the principal *"),
    (TRUST, IRSA, ROLE, put("assumeRolePolicy", "not JSON"), "trusts everyone"),
    (
        TRUST,
        POD_IDENTITY,
        ROLE,
        statement("assumeRolePolicy", without("kubernetes-namespace")),
        "any cluster or namespace",
    ),
    (TRUST, POD_IDENTITY, ROLE, statement("assumeRolePolicy", without("eks-cluster-arn")), "any cluster or namespace"),
    (TRUST, ACR, FEDERATED, text("subject", "mendix-builder", "*"), "accepts the subject"),
    (
        TRUST,
        ACR,
        FEDERATED,
        put("claimsMatchingExpression", {"value": "claims['sub'] matches '*'"}),
        "no claimsMatching",
    ),
    (TRUST, ACR, FEDERATED, put("audiences", ["api://AzureADTokenExchange", "anything"]), "tokens issued for"),
    (TRUST, ACR, FEDERATED, put("audiences", []), "tokens issued for anything"),
    (TRUST, ACR, FEDERATED, put("issuer", "https://*/"), "trusts the issuer"),
    (TRUST, GCR, ACCOUNT_MEMBER, text("member", "mendix-builder]", "*]"), "not one exact account"),
    (TRUST, GCR, ACCOUNT_MEMBER, put("member", "allAuthenticatedUsers"), "not one exact account"),
    (TRUST, GCR, ARTIFACTS_MEMBER, put("member", "allUsers"), "not one exact account"),
    (TRUST, GCR, ARTIFACTS_MEMBER, put("member", "domain:example.com"), "not one exact account"),
    (
        TRUST,
        DIRECT,
        ARTIFACTS_MEMBER,
        put("member", "principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/*"),
        "not one exact account",
    ),
    (
        TRUST,
        OPENSHIFT,
        BINDING,
        put("subjects", [{"kind": "Group", "name": "system:serviceaccounts"}]),
        "many accounts",
    ),
    # Privilege
    (PRIVILEGE, IRSA, POLICY, statement("policy", lambda s: s.update(Action=["ecr:*"]), 1), "allows ecr:*"),
    (PRIVILEGE, IRSA, POLICY, statement("policy", lambda s: s["Action"].append("ecr:DeleteRepository"), 1), "Delete"),
    (PRIVILEGE, IRSA, POLICY, statement("policy", lambda s: s.update(Resource="*"), 1), "not one repository"),
    (
        PRIVILEGE,
        IRSA,
        POLICY,
        text("policy", "repository/mendixapps/mendix-orders", "repository/*"),
        "not one repository",
    ),
    (PRIVILEGE, IRSA, POLICY, text("policy", ":123456789012:", ":*:"), "not one repository"),
    (PRIVILEGE, IRSA, POLICY, statement("policy", lambda s: s.update(NotAction=s.pop("Action")), 1), "NotAction"),
    (PRIVILEGE, IRSA, ROLE, put("managedPolicyArns", ["arn:aws:iam::aws:policy/AdministratorAccess"]), "Administrator"),
    (
        PRIVILEGE,
        POD_IDENTITY,
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        text("policyArn", "PullOnly", "FullAccess"),
        "FullAccess",
    ),
    (PRIVILEGE, ACR, ASSIGNMENT, text("roleDefinitionId", "2a1e307c", "b24988ac"), "more or other than pushing"),
    (PRIVILEGE, ACR, ASSIGNMENT, put("scope", "/subscriptions/1/resourceGroups/rg"), "not one registry"),
    (
        PRIVILEGE,
        ACR_TOKEN,
        SCOPE_MAP,
        lambda i: i["actions"].append("repositories/*/content/write"),
        "without a wildcard",
    ),
    (PRIVILEGE, ACR_TOKEN, SCOPE_MAP, lambda i: i["actions"].append("repositories/a/content/delete"), "content/delete"),
    (PRIVILEGE, GCR, ARTIFACTS_MEMBER, put("role", "roles/artifactregistry.admin"), "more than pushing"),
    (PRIVILEGE, GCR, ACCOUNT_MEMBER, put("role", "roles/owner"), "on a service account"),
    (PRIVILEGE, OPENSHIFT, BINDING, lambda i: i["roleRef"].update(name="cluster-admin"), "cluster-admin"),
    # Static credentials
    (STATIC, ACR, REGISTRY, put("adminUserEnabled", True), "acr-admin:examplemendixacr"),
    (
        STATIC,
        ACR,
        "azure-native:resources:Deployment",
        lambda i: i["properties"]["template"]["resources"][0]["properties"].update(adminUserEnabled=True),
        "acr-admin:examplemendixacr",
    ),
    # Registries
    ("immutable-tags", IRSA, ECR, put("imageTagMutability", "MUTABLE"), "can be overwritten"),
    ("immutable-tags", POD_IDENTITY, ECR, lambda i: i.pop("imageTagMutability"), "can be overwritten"),
    ("immutable-tags", IRSA, ECR, put("imageTagMutabilityExclusionFilters", [{"filter": "*"}]), "match * can"),
    ("immutable-tags", IRSA, ECR, put("imageTagMutabilityExclusionFilters", [{"filter": "v*"}]), "match v* can"),
    (
        "immutable-tags",
        POD_IDENTITY,
        "aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate",
        put("imageTagMutability", "MUTABLE"),
        "can be overwritten",
    ),
    ("immutable-tags", GCR, ARTIFACTS, put("dockerConfig", {"immutableTags": False}), "can be overwritten"),
    ("encryption-at-rest", IRSA, ECR, lambda i: i.pop("encryptionConfigurations"), "does not set its encryption"),
    ("protected-registries", IRSA, ECR, put("forceDelete", True), "deleted with all its images"),
    ("protected-registries", GCR, ARTIFACTS, put("deletionPolicy", "DELETE"), "deleted with all its images"),
    ("no-anonymous-access", ACR, REGISTRY, put("anonymousPullEnabled", True), "everyone on the internet"),
    # Transport
    ("no-plain-http", GENERIC, JOB, container(insecure), "over plain http"),
    (
        "no-plain-http",
        GENERIC,
        "pulumi:providers:kubernetes",
        put("kubeconfig", "clusters: [{cluster: {insecure-skip-tls-verify: true}}]"),
        "verify",
    ),
    # Pods
    ("restricted-jobs", IRSA, JOB, security(allowPrivilegeEscalation=True), "allowPrivilegeEscalation"),
    ("restricted-jobs", IRSA, JOB, security(privileged=True), "privileged"),
    ("restricted-jobs", IRSA, JOB, security(runAsUser=0), "user 0"),
    ("restricted-jobs", IRSA, JOB, security(capabilities={"drop": ["NET_RAW"]}), "drop ALL"),
    ("restricted-jobs", IRSA, JOB, security(capabilities={"drop": ["ALL"], "add": ["SYS_ADMIN"]}), "SYS_ADMIN"),
    ("restricted-jobs", IRSA, JOB, security(procMount="Unmasked"), "/proc"),
    ("restricted-jobs", IRSA, JOB, security(seccompProfile={"type": "Unconfined"}), "seccomp"),
    ("restricted-jobs", IRSA, JOB, security(appArmorProfile={"type": "Unconfined"}), "AppArmor"),
    ("restricted-jobs", IRSA, JOB, security(seLinuxOptions={"type": "spc_t"}), "SELinux"),
    ("restricted-jobs", IRSA, JOB, pod(lambda s: s["securityContext"].pop("runAsNonRoot")), "may run as root"),
    ("restricted-jobs", IRSA, JOB, pod(lambda s: s["securityContext"].pop("seccompProfile")), "seccomp"),
    ("restricted-jobs", IRSA, JOB, pod(lambda s: s.update(hostNetwork=True)), "hostNetwork"),
    ("restricted-jobs", IRSA, JOB, pod(lambda s: s["volumes"].append({"name": "v", "hostPath": {}})), "hostPath"),
    (
        "restricted-jobs",
        IRSA,
        JOB,
        pod(lambda s: s.update(initContainers=[{"name": "i", "image": "a"}])),
        "container i",
    ),
    ("restricted-jobs", IRSA, JOB, container(lambda c: c.update(ports=[{"hostPort": 80}])), "node's port 80"),
    ("restricted-jobs", "local", NAMESPACE, lambda i: i["metadata"].pop("labels"), "does not enforce"),
    ("digest-pinned-images", ACR, JOB, container(lambda c: c.update(image="krane:debug")), "not named by its digest"),
    (
        "digest-pinned-images",
        ACR,
        JOB,
        container(lambda c: c.update(image="krane@sha256:1")),
        "not named by its digest",
    ),
]


@pytest.mark.parametrize(
    ("rule", "stack", "kind", "mutation", "complaint"),
    CASES,
    ids=[f"{case[0]}-{number}" for number, case in enumerate(CASES)],
)
def test_what_is_wrong_is_rejected_by_its_rule(
    rule: str, stack: str, kind: str, mutation: Mutation, complaint: str
) -> None:
    item = one(stack, kind)
    judge = rule_named(rule)
    assert judge.findings(resource(item, judge)) == [], "the resource must be good before it is made bad"
    inputs = copy.deepcopy(dict(item.inputs))
    mutation(inputs)
    wrong = replace(item, inputs=inputs)
    said = [str(finding) for finding in judge.findings(resource(wrong, judge))]
    assert any(complaint in each for each in said), said
    assert all("\nDo: " in each for each in said)


def test_every_rule_is_seen_to_reject() -> None:
    assert {case[0] for case in CASES} == {rule.name for rule in RULES}


def test_a_registry_without_protection_is_rejected() -> None:
    rule = rule_named("protected-registries")
    item = one(ACR, REGISTRY)
    assert item.protect
    assert rule.findings(resource(item, rule)) == []
    assert rule.findings(resource(replace(item, protect=False), rule))


WRITER = "2a1e307c-b015-4ebd-883e-5b7698a07328"
PORTAL = """(
 (
  !(ActionMatches{'Microsoft.ContainerRegistry/registries/repositories/content/read'})
  AND
  !(ActionMatches{'Microsoft.ContainerRegistry/registries/repositories/content/write'})
  AND
  !(ActionMatches{'Microsoft.ContainerRegistry/registries/repositories/metadata/read'})
  AND
  !(ActionMatches{'Microsoft.ContainerRegistry/registries/repositories/metadata/write'})
 )
 OR
 (
  @Request[Microsoft.ContainerRegistry/registries/repositories:name] StringEquals 'mendixapps/orders'
 )
)"""
NAME = "@Request[Microsoft.ContainerRegistry/registries/repositories:name]"


def conditioned(condition: str | None) -> list[str]:
    """What is said of a writer's assignment with this condition."""
    rule = rule_named(PRIVILEGE)
    item = next(each for each in managed(ACR) if WRITER in str(each.inputs.get("roleDefinitionId")))
    inputs = {**item.inputs, "condition": condition}
    return [str(finding) for finding in rule.findings(resource(replace(item, inputs=inputs), rule))]


def test_a_condition_as_the_portal_writes_it_is_taken() -> None:
    assert conditioned(PORTAL) == []
    below = f"'mendixapps/orders' OR {NAME} StringStartsWith 'mendixapps/orders/'"
    assert conditioned(PORTAL.replace("'mendixapps/orders'", below)) == []
    several = PORTAL.replace("StringEquals 'mendixapps/orders'", "ForAnyOfAnyValues:StringEquals {'x/a', 'x/b'}")
    assert conditioned(several.replace("AND", "&&").replace("OR", "||")) == []


def test_unreadable_conditions_and_empty_trusts_are_reported() -> None:
    (unread,) = conditioned(PORTAL.replace("StringEquals", "StringMatchesRegex"))
    assert "not understood" in unread
    (nobody,) = conditioned(PORTAL.replace("'mendixapps/orders'", "'mendixapps/*'"))
    assert "no push succeeds" in nobody


@pytest.mark.parametrize(
    "condition",
    [
        None,
        "",
        PORTAL.replace("orders'", "*'").replace("StringEquals", "StringLike"),
        PORTAL.replace("StringEquals 'mendixapps/orders'", "StringStartsWith 'mendixapps/orders'"),
        PORTAL.replace("StringEquals 'mendixapps/orders'", "StringStartsWith 'mendixapps/'"),
        PORTAL.replace("StringEquals", "StringNotEquals"),
        # One action that is not named is allowed everywhere.
        PORTAL.replace(
            "  AND\n  !(ActionMatches{'Microsoft.ContainerRegistry/registries/repositories/content/write'})\n", ""
        ),
        PORTAL.replace("'mendixapps/orders'", "'mendixapps/orders' OR 1 == 1"),
        PORTAL.replace("'mendixapps/orders'", f"'mendixapps/orders' OR {NAME} StringLike '*'"),
    ],
)
def test_a_condition_that_allows_more_than_named_is_rejected(condition: str | None) -> None:
    assert conditioned(condition)


def test_own_keys_are_required_of_every_registry_if_configured() -> None:
    rule = rule_named("encryption-at-rest")
    for stack, kind in ((IRSA, ECR), (ACR, REGISTRY), (GCR, ARTIFACTS)):
        item = one(stack, kind)
        assert rule.findings(resource(item, rule)) == []
        assert rule.findings(resource(item, rule, {"customerManagedKeys": True}))


@pytest.mark.parametrize(
    "token", ["azure-native:containerregistry:Registry", "azure-native:containerregistry/v20251101:Registry"]
)
def test_another_api_version_does_not_bypass_a_rule(token: str) -> None:
    rule = rule_named("no-anonymous-access")
    item = one(ACR, REGISTRY)
    changed = replace(item, type=token, inputs={**item.inputs, "anonymousPullEnabled": True})
    assert rule.findings(resource(changed, rule))


def test_every_message_has_cause_reason_and_remedy() -> None:
    for rule in RULES:
        assert len(rule.description) > 80, rule.name
        assert rule.description.endswith((".", ")")), rule.name
        assert rule.remedy.endswith("."), rule.name
        for name, schema in rule.settings.items():
            assert schema["description"], name
            assert "default" in schema, name

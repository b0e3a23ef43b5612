"""Kind ``amazon-ecr``: what it registers, who may push, and that AWS would take every request."""

from __future__ import annotations

import json
from configparser import ConfigParser
from typing import Any

import pulumi
import pytest

from mendix_registry import EcrRegistry
from mendix_registry.deployment import deploy
from mendix_registry.kinds.amazon_ecr.resources import AmazonEcr
from mendix_registry.namespace_access import NewCredentialFile
from tests.components.kinds.amazon_ecr import api_oracle, iam_oracle
from tests.components.kinds.amazon_ecr.stack import (
    ACCOUNT,
    ANSWERS,
    IRSA,
    POD_IDENTITY,
    PROVIDER,
    SECRET_KEY,
    STATIC,
    deployed,
    settings,
)
from tests.components.program import Recording, run

KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
ISSUER = "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE0"
EVERYTHING: dict[str, Any] = {
    "repositories": {
        "mutableTags": ["dev-*", "test-*"],
        "encryption": {"type": "KMS", "key": KEY},
        "lifecycle": {"untaggedDays": 3, "keepTagged": 50},
        "createOnPush": True,
    },
    "permissions": ["pull", "describe", "create", "list"],
    "nodeRoles": ["nodes", f"arn:aws:iam::{ACCOUNT}:role/eks/other-nodes"],
    "tags": {"team": "mendix", "cost-centre": "4711"},
}
STACKS = {
    "irsa": (IRSA, {}),
    "irsa-shared": ({**IRSA, "roles": {"shared": 2, "path": "/mendix/"}}, EVERYTHING),
    "irsa-created-provider": (
        {"method": "irsa", "oidcProvider": {"issuer": ISSUER, "create": True}, "audience": "my-audience"},
        EVERYTHING,
    ),
    "pod-identity": (POD_IDENTITY, EVERYTHING),
    "static": (
        {**STATIC, "users": {"permissionsBoundary": f"arn:aws:iam::{ACCOUNT}:policy/boundary"}},
        EVERYTHING,
    ),
}


@pytest.fixture(params=STACKS)
def recording(request: pytest.FixtureRequest) -> Recording:
    authentication, registry = STACKS[request.param]
    return deployed(settings(authentication, ("orders", "billing", "a" * 63), **registry))[0]


def test_aws_takes_every_request(recording: Recording) -> None:
    created = [item for item in recording.registered if item.custom]
    assert created
    for item in created:
        assert api_oracle.faults(*api_oracle.requests(item)) == [], item.urn


def test_every_permission_is_real_and_clean(recording: Recording) -> None:
    documents = [
        item.inputs["policy"]
        for kind in ("aws:iam/rolePolicy:RolePolicy", "aws:iam/userPolicy:UserPolicy")
        for item in recording.of_type(kind)
    ]
    assert documents
    for document in documents:
        assert iam_oracle.unknown_actions(document) == set()
        assert iam_oracle.findings(document) == []


def test_every_child_has_a_component_as_its_parent(recording: Recording) -> None:
    urns = {item.urn for item in recording.registered if not item.custom}
    for item in recording.registered:
        if item.custom or item.type != "mendix-registry:aws:AmazonEcr":
            assert item.parent in urns, item.urn


def test_the_role_trusts_exactly_one_issuer_audience_and_subject() -> None:
    recording, _ = deployed(settings(IRSA))
    issuer = PROVIDER.partition("oidc-provider/")[2]
    (statement,) = iam_oracle.statements(recording.one("aws:iam/role:Role").inputs["assumeRolePolicy"])
    assert statement == {
        "Effect": "Allow",
        "Principal": {"Federated": PROVIDER},
        "Action": ["sts:AssumeRoleWithWebIdentity"],
        "Condition": {
            "StringEquals": {
                f"{issuer}:aud": "sts.amazonaws.com",
                f"{issuer}:sub": "system:serviceaccount:orders:mendix-builder",
            }
        },
    }


def test_pod_identity_is_limited_to_cluster_namespace_service_account() -> None:
    recording, _ = deployed(settings(POD_IDENTITY))
    (statement,) = iam_oracle.statements(recording.one("aws:iam/role:Role").inputs["assumeRolePolicy"])
    assert set(statement["Action"]) <= iam_oracle.known_actions()
    assert statement["Principal"] == {"Service": "pods.eks.amazonaws.com"}
    assert statement["Condition"] == {
        "StringEquals": {
            "aws:RequestTag/eks-cluster-arn": f"arn:aws:eks:eu-west-1:{ACCOUNT}:cluster/production",
            "aws:RequestTag/kubernetes-namespace": "orders",
            "aws:RequestTag/kubernetes-service-account": "mendix-builder",
        }
    }
    association = recording.one("aws:eks/podIdentityAssociation:PodIdentityAssociation")
    # The trust reads the session's tags: without them nobody could assume the role.
    assert not association.inputs.get("disableSessionTags")
    assert association.inputs["roleArn"].endswith("role/mendix-test-orders")


def test_a_push_is_allowed_to_the_own_repository_only() -> None:
    recording, _ = deployed(settings(IRSA, ("orders", "billing")))
    policy = recording.one("aws:iam/rolePolicy:RolePolicy", "orders").inputs["policy"]
    login, push = iam_oracle.statements(policy)
    assert login["Action"] == ["ecr:GetAuthorizationToken"] and login["Resource"] == ["*"]
    assert push["Resource"] == [f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/mendixapps/orders"]
    assert not any("List" in action or "*" in action for action in push["Action"])


@pytest.mark.parametrize("authentication", [IRSA, POD_IDENTITY, STATIC], ids=lambda a: a["method"])
def test_the_job_waits_for_permission_and_repository(authentication: dict[str, Any]) -> None:
    given = settings(authentication)
    recording = run(lambda: deploy(given), answers=ANSWERS)
    job = recording.one("kubernetes:batch/v1:Job", "orders-push")
    attached = {
        "irsa": ("aws:iam/rolePolicy:RolePolicy",),
        "pod-identity": ("aws:iam/rolePolicy:RolePolicy", "aws:eks/podIdentityAssociation:PodIdentityAssociation"),
        "static": ("aws:iam/userPolicy:UserPolicy", "aws:iam/accessKey:AccessKey"),
    }[authentication["method"]]
    for kind in (*attached, "aws:ecr/repository:Repository"):
        assert recording.one(kind).urn in job.dependencies, kind


def test_only_irsa_annotates_the_service_account() -> None:
    for authentication, expected in (
        (IRSA, {"eks.amazonaws.com/role-arn": f"arn:aws:iam::{ACCOUNT}:role/mendix-test-orders"}),
        (POD_IDENTITY, {}),
    ):
        given = settings(authentication)
        recording = run(lambda given=given: deploy(given), answers=ANSWERS)
        account = recording.one("kubernetes:core/v1:ServiceAccount", "orders-builder")
        assert account.metadata.get("annotations", {}) == expected


def test_another_audience_is_passed_to_the_webhook() -> None:
    given = settings({**IRSA, "audience": "my-audience"})
    recording = run(lambda: deploy(given), answers=ANSWERS)
    account = recording.one("kubernetes:core/v1:ServiceAccount", "orders-builder")
    assert account.inputs["metadata"]["annotations"]["eks.amazonaws.com/audience"] == "my-audience"
    assert "my-audience" in recording.one("aws:iam/role:Role").inputs["assumeRolePolicy"]


def test_repositories_have_secure_defaults() -> None:
    recording, _ = deployed(settings(IRSA))
    repository = recording.one("aws:ecr/repository:Repository")
    assert repository.inputs["imageTagMutability"] == "IMMUTABLE"
    assert repository.inputs["imageScanningConfiguration"] == {"scanOnPush": True}
    assert "forceDelete" not in repository.inputs
    assert repository.inputs["region"] == "eu-west-1"
    (rule,) = json.loads(recording.one("aws:ecr/lifecyclePolicy:LifecyclePolicy").inputs["policy"])["rules"]
    assert rule["selection"]["tagStatus"] == "untagged"


def test_images_are_deleted_only_without_deletion_protection() -> None:
    recording, _ = deployed(settings(IRSA, repositories={"deletionProtection": False}))
    assert recording.one("aws:ecr/repository:Repository").inputs["forceDelete"] is True


def test_without_a_lifecycle_nothing_is_deleted() -> None:
    recording, _ = deployed(settings(IRSA, repositories={"lifecycle": {"untaggedDays": None}}))
    assert recording.of_type("aws:ecr/lifecyclePolicy:LifecyclePolicy") == []


def test_what_exists_is_left_alone() -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/builder"
    recording, component = deployed(
        settings(
            {**IRSA, "roles": {"existing": {"orders": role}}},
            ("orders", "billing"),
            repositories={"existing": ["mendixapps/orders"]},
        )
    )
    assert [item.name for item in recording.of_type("aws:iam/role:Role")] == ["billing"]
    assert [item.inputs["name"] for item in recording.of_type("aws:ecr/repository:Repository")] == [
        "mendixapps/billing"
    ]
    assert component.access["orders"].ready == ()


def test_what_is_imported_is_always_protected() -> None:
    recording, _ = deployed(
        settings(
            {
                "method": "irsa",
                "oidcProvider": {"issuer": ISSUER, "import": PROVIDER},
                "roles": {"import": {"orders": "the-builder"}},
            },
            ("orders", "billing"),
            repositories={"import": ["mendixapps/orders"]},
        )
    )
    imported = {item.type: (item.import_id, item.protect) for item in recording.registered if item.import_id}
    assert imported == {
        "aws:ecr/repository:Repository": ("mendixapps/orders@eu-west-1", True),
        "aws:iam/role:Role": ("the-builder", True),
        "aws:iam/openIdConnectProvider:OpenIdConnectProvider": (PROVIDER, True),
    }
    role = recording.one("aws:iam/role:Role", "orders")
    assert role.inputs["name"] == "the-builder"
    # The engine refuses an import that would change something; nobody could give another description.
    assert role.ignore_changes == ("description",)


def test_an_import_uses_the_resources_own_region() -> None:
    """The provider reads an import's region from the id alone; by the bare one it looked in its own region."""
    authentication = {**POD_IDENTITY, "cluster": {"name": "production", "region": "eu-central-1"}}
    given = settings(
        {**authentication, "import": {"orders": "production,a-1"}}, repositories={"import": ["mendixapps/orders"]}
    )
    recording, _ = deployed(given)
    assert recording.one("aws:ecr/repository:Repository").import_id == "mendixapps/orders@eu-west-1"
    association = recording.one("aws:eks/podIdentityAssociation:PodIdentityAssociation")
    assert association.import_id == "production,a-1@eu-central-1"


def test_an_imported_repository_keeps_its_lifecycle_by_default() -> None:
    """The incident: with ``import`` alone, images without a tag, some of which run by digest, began to be deleted."""
    names = ("orders", "billing")
    recording, _ = deployed(settings(IRSA, names, repositories={"import": ["mendixapps/orders"]}))
    assert [item.inputs["repository"] for item in recording.of_type("aws:ecr/lifecyclePolicy:LifecyclePolicy")] == [
        "mendixapps/billing"
    ]
    chosen = {"import": ["mendixapps/orders"], "lifecycle": {"untaggedDays": 90}}
    recording, _ = deployed(settings(IRSA, names, repositories=chosen))
    policies = [item.inputs["policy"] for item in recording.of_type("aws:ecr/lifecyclePolicy:LifecyclePolicy")]
    assert len(policies) == 2 and all("after 90 days" in policy for policy in policies)


@pytest.mark.parametrize("kept", [{"create": False}, {"existing": ["mendixapps/orders"]}], ids=str)
def test_apps_get_repositories_below_an_unmanaged_one(kept: dict[str, Any]) -> None:
    """The incident: builders were allowed to create below it, but no template was there, so the first build failed."""
    tags = {"team": "mendix"}
    recording, component = deployed(settings(IRSA, repositories={**kept, "createOnPush": True}, tags=tags))
    assert recording.of_type("aws:ecr/repository:Repository") == []
    template = recording.one("aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate")
    assert template.inputs["prefix"] == "mendixapps/orders"
    (allowed,) = iam_oracle.statements(
        recording.one("aws:iam/rolePolicy:RolePolicy", "registry-creation").inputs["policy"]
    )
    assert allowed["Resource"] == [f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/mendixapps/orders/*"]
    # The Job, and with it the first build, waits for the template.
    assert len(component.access["orders"].ready) == 2


@pytest.mark.parametrize("authentication", [IRSA, POD_IDENTITY, STATIC], ids=lambda a: a["method"])
def test_the_role_for_creation_on_push_has_the_boundary(authentication: dict[str, Any]) -> None:
    """The incident: who may create roles only with the boundary got AccessDenied for this one."""
    bounds = {"path": "/mendix/", "permissionsBoundary": f"arn:aws:iam::{ACCOUNT}:policy/boundary"}
    owners = "users" if authentication is STATIC else "roles"
    given = settings({**authentication, owners: bounds}, repositories={"createOnPush": True}, tags={"team": "mendix"})
    role = deployed(given)[0].one("aws:iam/role:Role", "registry-creation")
    assert role.inputs["permissionsBoundary"] == bounds["permissionsBoundary"]
    assert role.inputs["path"] == "/mendix/"


def test_a_complete_stack_file_needs_no_cloud_in_previews() -> None:
    for authentication, registry in STACKS.values():
        deployed(settings(authentication, **registry), calls={}, preview=True)


def test_the_provider_supplies_what_the_stack_file_omits() -> None:
    calls = {
        "aws:index/getCallerIdentity:getCallerIdentity": lambda _: {"accountId": "999999999999", "id": "x"},
        "aws:index/getRegion:getRegion": lambda _: {"region": "cn-north-1", "id": "x"},
        "aws:index/getPartition:getPartition": lambda _: {"partition": "aws-cn", "id": "x"},
        "aws:iam/getOpenIdConnectProvider:getOpenIdConnectProvider": lambda args: {
            "arn": f"arn:aws-cn:iam::999999999999:oidc-provider/{args['url'].removeprefix('https://')}",
            "id": "x",
        },
    }
    given = settings({"method": "irsa", "oidcProvider": {"issuer": ISSUER}}, region=None, accountId=None)
    recording, _ = deployed(given, calls=calls)
    assert recording.outputs[recording.one("mendix-registry:aws:AmazonEcr").urn]["pushHost"] == (
        "999999999999.dkr.ecr.cn-north-1.amazonaws.com.cn"
    )
    policy = recording.one("aws:iam/rolePolicy:RolePolicy").inputs["policy"]
    assert "arn:aws-cn:ecr:cn-north-1:999999999999:repository/mendixapps/orders" in policy
    assert "region" not in recording.one("aws:ecr/repository:Repository").inputs


def test_the_secret_key_is_a_secret_wherever_it_goes() -> None:
    def content() -> dict[str, pulumi.Output[object]]:
        given = settings(STATIC)
        credentials = AmazonEcr("registry", given, given.registry).access["orders"].credentials
        assert isinstance(credentials, NewCredentialFile)
        secret = pulumi.Output.from_input(credentials.content.is_secret())
        return {"content": pulumi.Output.unsecret(credentials.content), "secret": secret}

    recording = run(content, answers=ANSWERS)
    assert recording.result["secret"] is True
    parser = ConfigParser()
    parser.read_string(recording.result["content"])
    assert parser["default"]["aws_secret_access_key"] == SECRET_KEY
    for item in recording.registered:
        for key, value in item.inputs.items():
            assert SECRET_KEY not in str(value) or key in item.secrets, f"{item.urn}.{key}"


def test_a_key_that_exists_makes_no_user() -> None:
    key = {"accessKeyId": "AKIAIOSFODNN7EXAMPLE", "secretAccessKey": {"environment": "KEY"}}
    recording, component = deployed(settings({**STATIC, "existingKey": key}))
    assert not [item for item in recording.registered if item.type.startswith("aws:iam/")]
    credentials = component.access["orders"].credentials
    assert isinstance(credentials, NewCredentialFile)
    assert credentials.variable == "AWS_SHARED_CREDENTIALS_FILE"


def test_rotation_makes_the_new_key_beside_the_old_one() -> None:
    # Two names: the engine creates the one and deletes the other last. One name replaced in place would have no overlap.
    names = [
        deployed(settings({**STATIC, "rotation": rotation}))[0].one("aws:iam/accessKey:AccessKey").name
        for rotation in (1, 2)
    ]
    assert names == ["orders-1", "orders-2"]


def test_a_creation_template_has_a_role_only_if_needed() -> None:
    plain, _ = deployed(settings(IRSA, repositories={"createOnPush": True}))
    template = plain.one("aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate")
    assert "customRoleArn" not in template.inputs
    assert template.inputs["imageTagMutability"] == "IMMUTABLE"
    push = plain.one("aws:iam/rolePolicy:RolePolicy", "orders").inputs["policy"]
    create = next(s for s in iam_oracle.statements(push) if s["Action"] == ["ecr:CreateRepository"])
    assert create["Resource"] == [f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/mendixapps/orders/*"]
    tagged, _ = deployed(settings(IRSA, repositories={"createOnPush": True}, tags={"team": "mendix"}))
    template = tagged.one("aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate")
    assert template.inputs["customRoleArn"].endswith("role/mendix-test-ecr-creation")


def test_nodes_get_the_right_to_pull_and_nothing_else() -> None:
    recording, _ = deployed(settings(IRSA, nodeRoles=["nodes", f"arn:aws:iam::{ACCOUNT}:role/eks/others"]))
    attached = recording.of_type("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
    assert {item.inputs["role"] for item in attached} == {"nodes", "others"}
    assert {item.inputs["policyArn"] for item in attached} == {
        "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly"
    }


def test_mxpc_configuration_exists_only_for_public_forms() -> None:
    given = settings(IRSA)
    assert deployed(given)[1].access["orders"].mxpc_configuration is not None
    for authentication in (POD_IDENTITY, STATIC):
        assert deployed(settings(authentication))[1].access["orders"].mxpc_configuration is None
    recording = run(lambda: deploy(given)["mxpcConfiguration"]["orders"], answers=ANSWERS)
    assert f"aws_iam_role: arn:aws:iam::{ACCOUNT}:role/mendix-test-orders" in recording.result


def test_the_providers_region_is_enough_for_region_and_partition() -> None:
    calls = {"aws:index/getCallerIdentity:getCallerIdentity": lambda _: {"accountId": ACCOUNT, "id": "x"}}

    def program() -> None:
        pulumi.runtime.set_config("aws:region", "us-gov-west-1")
        try:
            given = settings(POD_IDENTITY, region=None, accountId=None)
            AmazonEcr("registry", given, given.registry)
        finally:
            pulumi.runtime.set_all_config({})

    recording = run(program, answers=ANSWERS, calls=calls)
    assert recording.one("aws:ecr/repository:Repository").inputs["region"] == "us-gov-west-1"
    assert (
        f"arn:aws-us-gov:eks:us-gov-west-1:{ACCOUNT}:cluster/production"
        in (recording.one("aws:iam/role:Role").inputs["assumeRolePolicy"])
    )


def test_two_registries_of_one_program_may_share_repository_names() -> None:
    def program() -> None:
        for region in ("eu-west-1", "us-east-1"):
            EcrRegistry(region, {"repositories": ["team/app"], "region": region})

    recording = run(program, answers=ANSWERS)
    assert len({item.urn for item in recording.registered}) == len(recording.registered)

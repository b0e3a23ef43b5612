"""Every type of the AWS plugin through its life, and what it must reject as the real provider does."""

from __future__ import annotations

import itertools
import json
from typing import Any

import boto3
import pytest

from rehearsal.provider_plugins.aws.cloud import connect
from rehearsal.provider_plugins.aws.package import PACKAGE
from rehearsal.provider_plugins.framework.properties import UNKNOWN, Secret, Unknown
from tests.rehearsal.provider_plugins.driver import Plugin, RejectedError, Result

REPOSITORY, LIFECYCLE = "aws:ecr/repository:Repository", "aws:ecr/lifecyclePolicy:LifecyclePolicy"
ROLE, USER, KEY = "aws:iam/role:Role", "aws:iam/user:User", "aws:iam/accessKey:AccessKey"
_numbers = itertools.count(1)


def unique(stem: str) -> str:
    return f"{stem}-{next(_numbers)}"


def trust(service: str = "ec2.amazonaws.com", padding: int = 0) -> str:
    statement: dict[str, Any] = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    if padding:
        statement["Condition"] = {"StringEquals": {"aws:RequestTag/x": "y" * padding}}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def permissions(padding: int = 0) -> str:
    resource = "arn:aws:ecr:eu-west-1:300000000001:repository/orders" + "x" * padding
    return json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ecr:PutImage", "Resource": resource}]}
    )


LIFECYCLE_TEXT = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 1,
                "selection": {
                    "tagStatus": "untagged",
                    "countType": "sinceImagePushed",
                    "countUnit": "days",
                    "countNumber": 14,
                },
                "action": {"type": "expire"},
            }
        ]
    }
)


def inputs_of(plugin: Plugin, token: str) -> dict[str, Any]:
    """Inputs for one resource of a type, with what it needs made before."""
    role = lambda: plugin.create(ROLE, {"name": unique("role"), "assumeRolePolicy": trust()}).id  # noqa: E731
    user = lambda: plugin.create(USER, {"name": unique("user")}).id  # noqa: E731
    repository = lambda: plugin.create(REPOSITORY, {"name": unique("repo")}).id  # noqa: E731
    managed = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly"
    everyone = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}],
    }
    made = {
        REPOSITORY: lambda: {
            "name": unique("repo/orders"),
            "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
            "imageTagMutabilityExclusionFilters": [{"filter": "dev-*", "filterType": "WILDCARD"}],
            "imageScanningConfiguration": {"scanOnPush": True},
            "tags": {"team": "mendix"},
        },
        LIFECYCLE: lambda: {"repository": repository(), "policy": LIFECYCLE_TEXT},
        "aws:ecr/repositoryPolicy:RepositoryPolicy": lambda: {
            "repository": repository(),
            "policy": json.dumps(everyone),
        },
        "aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate": lambda: {
            "prefix": unique("mendix/orders"),
            "appliedFors": ["CREATE_ON_PUSH"],
            "imageTagMutability": "IMMUTABLE",
        },
        ROLE: lambda: {"name": unique("role"), "assumeRolePolicy": trust(), "tags": {"a": "b"}, "description": "x"},
        "aws:iam/policy:Policy": lambda: {"name": unique("policy"), "policy": permissions()},
        USER: lambda: {"name": unique("user"), "path": "/mendix/", "tags": {"a": "b"}},
        KEY: lambda: {"user": user()},
        "aws:iam/openIdConnectProvider:OpenIdConnectProvider": lambda: {
            "url": f"https://{unique('issuer')}.example.com",
            "clientIdLists": ["sts.amazonaws.com"],
            "thumbprintLists": ["0" * 40],
        },
        "aws:iam/rolePolicy:RolePolicy": lambda: {"role": role(), "name": "push", "policy": permissions()},
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment": lambda: {"role": role(), "policyArn": managed},
        "aws:iam/userPolicy:UserPolicy": lambda: {"user": user(), "name": "push", "policy": permissions()},
        "aws:iam/userPolicyAttachment:UserPolicyAttachment": lambda: {"user": user(), "policyArn": managed},
        "aws:eks/podIdentityAssociation:PodIdentityAssociation": lambda: {
            "clusterName": eks_cluster(plugin),
            "namespace": "orders",
            "serviceAccount": "builder",
            "roleArn": "arn:aws:iam::300000000001:role/push",
            "tags": {"a": "b"},
        },
    }
    return made[token]()


def eks_cluster(plugin: Plugin) -> str:
    name = unique("cluster")
    connect({"region": "eu-west-1"}).call(
        "eks",
        "CreateCluster",
        name=name,
        roleArn="arn:aws:iam::300000000001:role/eks",
        resourcesVpcConfig={"subnetIds": ["subnet-1", "subnet-2"]},
    )
    return name


TOKENS = [item.type for item in PACKAGE.resources]


@pytest.mark.parametrize("token", TOKENS)
def test_created_resources_have_no_drift_and_disappear_after_deletion(plugin: Plugin, token: str) -> None:
    made = plugin.create(token, inputs_of(plugin, token))
    assert plugin.read(token, made.id, made) == made
    plugin.delete(token, made)
    assert plugin.read(token, made.id, made).id == ""
    plugin.delete(token, made)


@pytest.mark.parametrize("token", [token for token in TOKENS if token not in (KEY,)])
def test_imported_inputs_need_no_change(plugin: Plugin, token: str) -> None:
    given = inputs_of(plugin, token)
    identity = plugin.create(token, given).id
    if token.endswith(":PodIdentityAssociation"):
        identity = f"{given['clusterName']},{identity}"
    imported = plugin.read(token, identity)
    difference = plugin.diff(token, imported, plugin.checked(token, given, imported.inputs))
    assert not [path for path in difference.detailedDiff if path not in ("forceDetachPolicies", "forceDestroy")]


@pytest.mark.parametrize("name", ["Repository", "PodIdentityAssociation"])
def test_an_import_names_its_region_in_its_id(plugin: Plugin, name: str) -> None:
    """The real provider takes ``id@region``; a repository of another region was looked for in the provider's."""
    token = next(token for token in TOKENS if token.endswith(f":{name}"))
    given = inputs_of(plugin, token)
    made = plugin.create(token, given)
    identity = f"{given['clusterName']},{made.id}" if name == "PodIdentityAssociation" else made.id
    imported = plugin.read(token, f"{identity}@{made.state['region']}")
    assert (imported.id, imported.inputs["region"]) == (made.id, made.state["region"])
    if name == "PodIdentityAssociation":  # Under test, the repositories of all regions are in one place.
        assert plugin.read(token, f"{identity}@eu-central-1").id == ""


@pytest.mark.parametrize("token", TOKENS)
def test_a_preview_needs_no_cloud_and_computes_no_output(
    plugin: Plugin, plugin_without_cloud: Plugin, token: str
) -> None:
    previewed = plugin_without_cloud.create(token, inputs_of(plugin, token), preview=True)
    assert previewed.id == ""
    state = previewed.state
    computed = set(PACKAGE.resource(token).computed) - {"region", "tagsAll"}
    unknown = {key for key in computed if isinstance(getattr(state[key], "value", state[key]), Unknown)}
    assert unknown == computed


def test_without_an_emulator_nothing_is_called_but_reported(plugin_without_cloud: Plugin) -> None:
    with pytest.raises(RejectedError, match="never calls the real one"):
        plugin_without_cloud.create(REPOSITORY, {"name": "orders"})


@pytest.mark.parametrize(
    ("token", "news", "property_", "says"),
    [
        (REPOSITORY, {"name": "Orders"}, "name", "does not match"),
        (REPOSITORY, {"name": "a"}, "name", "2 to 256"),
        (REPOSITORY, {"name": "ok", "imageTagMutability": "FROZEN"}, "imageTagMutability", "one of"),
        (REPOSITORY, {"name": "ok", "colour": "blue"}, "colour", "not an input"),
        (REPOSITORY, {"name": "ok", "tags": {"aws:x": "y"}}, "tags.aws:x", "does not match"),
        (ROLE, {"name": "x" * 65, "assumeRolePolicy": "{}"}, "name", "64"),
        (ROLE, {"name": "ok"}, "assumeRolePolicy", "Missing required"),
        (ROLE, {"name": "ok", "assumeRolePolicy": "{}", "maxSessionDuration": 60}, "maxSessionDuration", "3600"),
        (ROLE, {"name": "ok", "namePrefix": "p", "assumeRolePolicy": "{}"}, "name", "conflicts"),
        (LIFECYCLE, {"repository": "ok", "policy": "{}"}, "policy", "100 to 30720"),
        (KEY, {}, "user", "Missing required"),
    ],
)
def test_the_vendors_model_rejects_inputs_before_any_call(
    plugin_without_cloud: Plugin, token: str, news: dict[str, Any], property_: str, says: str
) -> None:
    _, failures = plugin_without_cloud.check(token, news)
    assert says in failures[property_]


def test_what_is_not_known_yet_is_not_checked(plugin_without_cloud: Plugin) -> None:
    assert plugin_without_cloud.check(ROLE, {"name": "ok", "assumeRolePolicy": UNKNOWN})[1] == {}


@pytest.mark.parametrize(
    ("token", "old", "new", "replaces"),
    [
        (REPOSITORY, {"name": "a"}, {"name": "b"}, ["name"]),
        (REPOSITORY, {"name": "a"}, {"name": "a", "imageTagMutability": "IMMUTABLE"}, []),
        (
            REPOSITORY,
            {"name": "a"},
            {"name": "a", "encryptionConfigurations": [{"encryptionType": "KMS"}]},
            ["encryptionConfigurations"],
        ),
        (ROLE, {"name": "a", "path": "/"}, {"name": "a", "path": "/x/"}, ["path"]),
        (ROLE, {"name": "a", "description": "x"}, {"name": "a", "description": "y"}, []),
        (USER, {"name": "a"}, {"name": "b"}, []),
        (KEY, {"user": "a"}, {"user": "b"}, ["user"]),
    ],
)  # fmt: skip
def test_replacements_have_the_same_causes_as_the_real_provider(
    plugin_without_cloud: Plugin, token: str, old: dict[str, Any], new: dict[str, Any], replaces: list[str]
) -> None:
    difference = plugin_without_cloud.diff(token, Result("a", old, old), new)
    found = [path for path, item in difference.detailedDiff.items() if item.kind in (1, 3, 5)]
    assert (found or list(difference.replaces)) == replaces


def test_a_policy_that_only_looks_different_is_no_change(plugin_without_cloud: Plugin) -> None:
    spread = json.dumps(json.loads(trust()), indent=4, sort_keys=True)
    old, new = ({"name": "a", "assumeRolePolicy": text} for text in (trust(), spread))
    difference = plugin_without_cloud.diff(ROLE, Result("a", old, old), new)
    assert difference.changes == difference.DIFF_NONE


def test_a_trust_policy_beyond_the_quota_has_awss_message(plugin: Plugin) -> None:
    with pytest.raises(RejectedError, match="Cannot exceed quota for ACLSizePerRole: 2048"):
        plugin.create(ROLE, {"name": unique("role"), "assumeRolePolicy": trust(padding=2000)})


def test_role_names_are_unique_ignoring_case(plugin: Plugin) -> None:
    name = unique("Role")
    plugin.create(ROLE, {"name": name, "assumeRolePolicy": trust()})
    with pytest.raises(RejectedError, match="already exists"):
        plugin.create(ROLE, {"name": name.lower(), "assumeRolePolicy": trust()})


def test_inline_policies_of_a_role_share_one_limit(plugin: Plugin) -> None:
    role = plugin.create(ROLE, {"name": unique("role"), "assumeRolePolicy": trust()}).id
    token = "aws:iam/rolePolicy:RolePolicy"
    plugin.create(token, {"role": role, "name": "one", "policy": permissions(padding=6000)})
    with pytest.raises(RejectedError, match="Maximum policy size of 10240"):
        plugin.create(token, {"role": role, "name": "two", "policy": permissions(padding=6000)})


def test_a_user_has_at_most_two_access_keys(plugin: Plugin) -> None:
    user = plugin.create(USER, {"name": unique("user")}).id
    for _ in range(2):
        plugin.create(KEY, {"user": user})
    with pytest.raises(RejectedError, match="AccessKeysPerUser"):
        plugin.create(KEY, {"user": user})


def test_an_access_key_s_secret_is_marked_and_works(plugin: Plugin, aws_endpoint: str) -> None:
    user = plugin.create(USER, {"name": unique("user")}).id
    made = plugin.create(KEY, {"user": user})
    assert isinstance(made.state["secret"], Secret)
    client = boto3.client(
        "sts",
        region_name="eu-west-1",
        endpoint_url=aws_endpoint,
        aws_access_key_id=made.id,
        aws_secret_access_key=made.state["secret"].value,
    )
    assert client.get_caller_identity()["Arn"].endswith(f"user/{user}")


@pytest.mark.parametrize("token", [ROLE, USER])
def test_a_permissions_boundary_changes_in_place(plugin: Plugin, token: str) -> None:
    """A changed boundary of a user was recorded as updated, and never reached the account; nor did one at its creation."""
    base = {"name": unique("bound"), **({"assumeRolePolicy": trust()} if token == ROLE else {})}
    bounds = [f"arn:aws:iam::300000000001:policy/{unique('boundary')}" for _ in range(2)]
    made = plugin.create(token, {**base, "permissionsBoundary": bounds[0]})
    assert plugin.read(token, made.id, made).inputs["permissionsBoundary"] == bounds[0]
    for bound in (bounds[1], None, bounds[0]):
        wanted = {**base, **({"permissionsBoundary": bound} if bound else {})}
        assert not plugin.diff(token, made, plugin.checked(token, wanted, made.inputs)).replaces
        made = plugin.update(token, made, wanted)
        found = plugin.read(token, made.id, made)
        assert found.inputs.get("permissionsBoundary") == bound
        assert found == made


def test_a_user_beyond_its_permissions_boundary_is_rejected(plugin: Plugin, aws_endpoint: str) -> None:
    """The check asked for a boundary that nobody could ever have set."""
    managed = "aws:iam/policy:Policy"
    bound = plugin.create(managed, {"name": unique("boundary"), "policy": permissions()}).state["arn"]
    name = unique("user")
    user = plugin.create(USER, {"name": name})
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    plugin.create("aws:iam/userPolicy:UserPolicy", {"user": name, "name": "all", "policy": json.dumps(everything)})
    key = plugin.create(KEY, {"user": name})
    ecr = boto3.client(
        "ecr",
        region_name="eu-west-1",
        endpoint_url=aws_endpoint,
        aws_access_key_id=key.id,
        aws_secret_access_key=key.state["secret"].value,
    )
    ecr.describe_repositories()
    bounded = plugin.update(USER, user, {**user.inputs, "permissionsBoundary": bound})
    with pytest.raises(ecr.exceptions.ClientError, match="AccessDenied"):
        ecr.describe_repositories()
    plugin.update(USER, bounded, user.inputs)
    ecr.describe_repositories()


def test_tags_and_mutability_are_changed_in_place(plugin: Plugin) -> None:
    made = plugin.create(REPOSITORY, {"name": unique("repo"), "tags": {"a": "1", "b": "2"}})
    updated = plugin.update(REPOSITORY, made, {**made.inputs, "tags": {"a": "3"}, "imageTagMutability": "IMMUTABLE"})
    assert updated.state["tagsAll"] == {"a": "3"}
    assert plugin.read(REPOSITORY, made.id, updated) == updated


def test_the_providers_default_tags_cause_no_drift(plugin: Plugin) -> None:
    plugin.configure(region="eu-west-1", defaultTags=json.dumps({"tags": {"owner": "platform"}}))
    made = plugin.create(ROLE, {"name": unique("role"), "assumeRolePolicy": trust(), "tags": {"a": "b"}})
    assert made.state["tagsAll"] == {"a": "b", "owner": "platform"}
    assert plugin.read(ROLE, made.id, made) == made


def test_a_refresh_finds_a_change_made_elsewhere(plugin: Plugin) -> None:
    made = plugin.create(REPOSITORY, {"name": unique("repo"), "imageTagMutability": "IMMUTABLE"})
    cloud = connect({"region": "eu-west-1"})
    cloud.call("ecr", "PutImageTagMutability", repositoryName=made.id, imageTagMutability="MUTABLE")
    assert plugin.read(REPOSITORY, made.id, made).inputs["imageTagMutability"] == "MUTABLE"


def test_names_are_made_where_none_is_given_and_stay(plugin_without_cloud: Plugin) -> None:
    first, _ = plugin_without_cloud.check(REPOSITORY, {})
    again, _ = plugin_without_cloud.check(REPOSITORY, {}, first)
    assert first["name"].startswith("it-")
    assert again["name"] == first["name"]


def test_functions_without_a_cloud_answer_need_no_cloud(plugin_without_cloud: Plugin) -> None:
    assert plugin_without_cloud.invoke("aws:index/getPartition:getPartition")["dnsSuffix"] == "amazonaws.com"
    assert plugin_without_cloud.invoke("aws:index/getRegion:getRegion")["region"] == "eu-west-1"


def test_functions_find_what_exists_and_report_what_is_missing(plugin: Plugin) -> None:
    assert plugin.invoke("aws:index/getCallerIdentity:getCallerIdentity")["accountId"] == "300000000001"
    name = plugin.create(REPOSITORY, {"name": unique("repo")}).id
    assert plugin.invoke("aws:ecr/getRepository:getRepository", name=name)["repositoryUrl"].endswith(name)
    cluster = eks_cluster(plugin)
    assert plugin.invoke("aws:eks/getCluster:getCluster", name=cluster)["arn"].endswith(cluster)
    with pytest.raises(RejectedError, match="not found"):
        plugin.invoke("aws:iam/getOpenIdConnectProvider:getOpenIdConnectProvider", url="https://nobody.example")


def test_a_second_lifecycle_policy_replaces_the_first_before_creation(plugin_without_cloud: Plugin) -> None:
    """Else the deletion of the old one would take the new one away (pulumi-aws' pull request 2085)."""
    old, new = ({"repository": "a", "policy": json.dumps({"rules": [{"rulePriority": rank}]})} for rank in (1, 2))
    token = "aws:ecr/lifecyclePolicy:LifecyclePolicy"
    difference = plugin_without_cloud.diff(token, Result("a", old, old), new)
    assert (list(difference.replaces), difference.deleteBeforeReplace) == (["policy"], True)

"""Every type of the stand-in AWS provider through its life, and what it must refuse as the real one does."""

from __future__ import annotations

import itertools
import json
from typing import Any

import boto3
import pytest

from rehearsal.providers.aws.package import PACKAGE
from rehearsal.providers.kubernetes.properties import UNKNOWN, Secret, Unknown

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


def inputs_of(plugin: Any, token: str) -> dict[str, Any]:
    """Inputs for one resource of a type, with what it needs made before."""
    role = lambda: plugin.make(ROLE, {"name": unique("role"), "assumeRolePolicy": trust()})[0]  # noqa: E731
    user = lambda: plugin.make(USER, {"name": unique("user")})[0]  # noqa: E731
    repository = lambda: plugin.make(REPOSITORY, {"name": unique("repo")})[0]  # noqa: E731
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


def eks_cluster(plugin: Any) -> str:
    name = unique("cluster")
    plugin.provider._cloud.call(
        "eks",
        "CreateCluster",
        name=name,
        roleArn="arn:aws:iam::300000000001:role/eks",
        resourcesVpcConfig={"subnetIds": ["subnet-1", "subnet-2"]},
    )
    return name


TOKENS = [item.type for item in PACKAGE.resources]


@pytest.mark.parametrize("token", TOKENS)
def test_what_was_created_is_read_back_without_drift_and_is_gone_after_its_deletion(plugin: Any, token: str) -> None:
    identity, inputs, state = plugin.make(token, inputs_of(plugin, token))
    found, read_inputs, read_state = plugin.read(token, identity, state, inputs)
    assert found == identity
    assert read_inputs == inputs
    assert read_state == state
    plugin.delete(token, identity, state)
    assert plugin.read(token, identity, state, inputs)[0] == ""
    plugin.delete(token, identity, state)


@pytest.mark.parametrize("token", [token for token in TOKENS if token not in (KEY,)])
def test_an_import_by_id_gives_inputs_that_need_no_change(plugin: Any, token: str) -> None:
    given = inputs_of(plugin, token)
    identity, inputs, _ = plugin.make(token, given)
    if token.endswith(":PodIdentityAssociation"):
        identity = f"{given['clusterName']},{identity}"
    _, imported, _ = plugin.read(token, identity)
    checked, failures = plugin.check(token, given, imported)
    assert not failures
    difference = plugin.diff(token, imported, checked)
    assert not [path for path in difference.detailedDiff if path not in ("forceDetachPolicies", "forceDestroy")]
    assert inputs


@pytest.mark.parametrize("name", ["Repository", "PodIdentityAssociation"])
def test_an_import_names_its_region_in_its_id(plugin: Any, name: str) -> None:
    """The real provider takes ``id@region``; a repository of another region was looked for in the provider's."""
    token = next(token for token in TOKENS if token.endswith(f":{name}"))
    given = inputs_of(plugin, token)
    made, _, state = plugin.make(token, given)
    identity = f"{given['clusterName']},{made}" if name == "PodIdentityAssociation" else made
    found, imported, _ = plugin.read(token, f"{identity}@{state['region']}")
    assert (found, imported["region"]) == (made, state["region"])
    if name == "PodIdentityAssociation":  # Under test, the repositories of all regions are in one place.
        assert plugin.read(token, f"{identity}@eu-central-1")[0] == ""


@pytest.mark.parametrize("token", TOKENS)
def test_a_preview_needs_no_cloud_and_knows_no_computed_output(
    plugin: Any, plugin_without_cloud: Any, token: str
) -> None:
    given = inputs_of(plugin, token)
    inputs, failures = plugin_without_cloud.check(token, given)
    assert not failures
    identity, state = plugin_without_cloud.create(token, inputs, preview=True)
    assert identity == ""
    computed = set(PACKAGE.resource(token).computed) - {"region", "tagsAll"}
    unknown = {key for key in computed if isinstance(getattr(state[key], "value", state[key]), Unknown)}
    assert unknown == computed


def test_without_a_stand_in_nothing_is_called_and_the_remedy_is_told(plugin_without_cloud: Any) -> None:
    with pytest.raises(RuntimeError, match="never calls the real one"):
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
def test_what_the_vendor_s_model_forbids_is_refused_before_any_call(
    plugin_without_cloud: Any, token: str, news: dict[str, Any], property_: str, says: str
) -> None:
    _, failures = plugin_without_cloud.check(token, news)
    assert says in failures[property_]


def test_what_is_not_known_yet_is_not_judged(plugin_without_cloud: Any) -> None:
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
def test_what_forces_a_replacement_is_what_the_real_provider_says(
    plugin_without_cloud: Any, token: str, old: dict[str, Any], new: dict[str, Any], replaces: list[str]
) -> None:
    difference = plugin_without_cloud.diff(token, old, new)
    found = [path for path, item in difference.detailedDiff.items() if item.kind in (1, 3, 5)]
    assert (found or list(difference.replaces)) == replaces


def test_a_policy_that_only_looks_different_is_no_change(plugin_without_cloud: Any) -> None:
    spread = json.dumps(json.loads(trust()), indent=4, sort_keys=True)
    difference = plugin_without_cloud.diff(
        ROLE, {"name": "a", "assumeRolePolicy": trust()}, {"name": "a", "assumeRolePolicy": spread}
    )
    assert difference.changes == difference.DIFF_NONE


def test_a_trust_policy_beyond_the_quota_is_refused_in_aws_s_words(plugin: Any) -> None:
    with pytest.raises(RuntimeError, match="Cannot exceed quota for ACLSizePerRole: 2048"):
        plugin.make(ROLE, {"name": unique("role"), "assumeRolePolicy": trust(padding=2000)})


def test_role_names_are_unique_ignoring_case(plugin: Any) -> None:
    name = unique("Role")
    plugin.make(ROLE, {"name": name, "assumeRolePolicy": trust()})
    with pytest.raises(RuntimeError, match="already exists"):
        plugin.make(ROLE, {"name": name.lower(), "assumeRolePolicy": trust()})


def test_inline_policies_of_a_role_share_one_limit(plugin: Any) -> None:
    role = plugin.make(ROLE, {"name": unique("role"), "assumeRolePolicy": trust()})[0]
    token = "aws:iam/rolePolicy:RolePolicy"
    plugin.make(token, {"role": role, "name": "one", "policy": permissions(padding=6000)})
    with pytest.raises(RuntimeError, match="Maximum policy size of 10240"):
        plugin.make(token, {"role": role, "name": "two", "policy": permissions(padding=6000)})


def test_a_user_has_at_most_two_access_keys(plugin: Any) -> None:
    user = plugin.make(USER, {"name": unique("user")})[0]
    for _ in range(2):
        plugin.make(KEY, {"user": user})
    with pytest.raises(RuntimeError, match="AccessKeysPerUser"):
        plugin.make(KEY, {"user": user})


def test_an_access_key_s_secret_is_marked_and_works(plugin: Any, aws_endpoint: str) -> None:
    user = plugin.make(USER, {"name": unique("user")})[0]
    identity, _, state = plugin.make(KEY, {"user": user})
    assert isinstance(state["secret"], Secret)
    client = boto3.client(
        "sts",
        region_name="eu-west-1",
        endpoint_url=aws_endpoint,
        aws_access_key_id=identity,
        aws_secret_access_key=state["secret"].value,
    )
    assert client.get_caller_identity()["Arn"].endswith(f"user/{user}")


@pytest.mark.parametrize("token", [ROLE, USER])
def test_a_permissions_boundary_is_set_changed_and_taken_away_in_place(plugin: Any, token: str) -> None:
    """A changed boundary of a user was recorded as updated, and never reached the account; nor did one at its creation."""
    base = {"name": unique("bound"), **({"assumeRolePolicy": trust()} if token == ROLE else {})}
    bounds = [f"arn:aws:iam::300000000001:policy/{unique('boundary')}" for _ in range(2)]
    identity, inputs, state = plugin.make(token, {**base, "permissionsBoundary": bounds[0]})
    assert plugin.read(token, identity, state, inputs)[1]["permissionsBoundary"] == bounds[0]
    for bound in (bounds[1], None, bounds[0]):
        wanted = {key: value for key, value in inputs.items() if key != "permissionsBoundary"}
        wanted |= {"permissionsBoundary": bound} if bound else {}
        assert not plugin.diff(token, inputs, wanted).replaces
        state = plugin.update(token, identity, state, inputs, wanted)
        inputs = wanted
        assert plugin.read(token, identity, state, inputs)[1].get("permissionsBoundary") == bound
        assert plugin.read(token, identity, state, inputs)[1] == inputs


def test_a_user_beyond_its_permissions_boundary_is_refused(plugin: Any, aws_endpoint: str) -> None:
    """The judge asked for a boundary that nobody could ever have set."""
    managed = "aws:iam/policy:Policy"
    bound = plugin.make(managed, {"name": unique("boundary"), "policy": permissions()})[2]["arn"]
    name = unique("user")
    identity, inputs, state = plugin.make(USER, {"name": name})
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    plugin.make("aws:iam/userPolicy:UserPolicy", {"user": name, "name": "all", "policy": json.dumps(everything)})
    key, _, made = plugin.make(KEY, {"user": name})
    ecr = boto3.client(
        "ecr",
        region_name="eu-west-1",
        endpoint_url=aws_endpoint,
        aws_access_key_id=key,
        aws_secret_access_key=made["secret"].value,
    )
    ecr.describe_repositories()
    bounded = {**inputs, "permissionsBoundary": bound}
    state = plugin.update(USER, identity, state, inputs, bounded)
    with pytest.raises(ecr.exceptions.ClientError, match="AccessDenied"):
        ecr.describe_repositories()
    plugin.update(USER, identity, state, bounded, inputs)
    ecr.describe_repositories()


def test_tags_and_mutability_are_changed_in_place(plugin: Any) -> None:
    identity, inputs, state = plugin.make(REPOSITORY, {"name": unique("repo"), "tags": {"a": "1", "b": "2"}})
    changed = {**inputs, "tags": {"a": "3"}, "imageTagMutability": "IMMUTABLE"}
    updated = plugin.update(REPOSITORY, identity, state, inputs, changed)
    assert updated["tagsAll"] == {"a": "3"}
    _, read_inputs, _ = plugin.read(REPOSITORY, identity, updated, changed)
    assert read_inputs == changed


def test_default_tags_of_the_provider_are_in_tags_all_and_no_drift(plugin: Any) -> None:
    plugin.configure(region="eu-west-1", defaultTags=json.dumps({"tags": {"owner": "platform"}}))
    identity, inputs, state = plugin.make(
        ROLE, {"name": unique("role"), "assumeRolePolicy": trust(), "tags": {"a": "b"}}
    )
    assert state["tagsAll"] == {"a": "b", "owner": "platform"}
    assert plugin.read(ROLE, identity, state, inputs)[1] == inputs


def test_a_resource_changed_behind_pulumi_s_back_is_found_by_a_refresh(plugin: Any) -> None:
    identity, inputs, state = plugin.make(REPOSITORY, {"name": unique("repo"), "imageTagMutability": "IMMUTABLE"})
    plugin.provider._cloud.call("ecr", "PutImageTagMutability", repositoryName=identity, imageTagMutability="MUTABLE")
    assert plugin.read(REPOSITORY, identity, state, inputs)[1]["imageTagMutability"] == "MUTABLE"


def test_names_are_made_where_none_is_given_and_stay(plugin_without_cloud: Any) -> None:
    first, _ = plugin_without_cloud.check(REPOSITORY, {})
    again, _ = plugin_without_cloud.check(REPOSITORY, {}, first)
    assert first["name"].startswith("it-")
    assert again["name"] == first["name"]


def test_functions_answer_without_a_cloud_where_the_answer_is_no_cloud_s(plugin_without_cloud: Any) -> None:
    assert plugin_without_cloud.invoke("aws:index/getPartition:getPartition")["dnsSuffix"] == "amazonaws.com"
    assert plugin_without_cloud.invoke("aws:index/getRegion:getRegion")["region"] == "eu-west-1"


def test_functions_find_what_exists_and_say_what_does_not(plugin: Any) -> None:
    assert plugin.invoke("aws:index/getCallerIdentity:getCallerIdentity")["accountId"] == "300000000001"
    name = plugin.make(REPOSITORY, {"name": unique("repo")})[0]
    assert plugin.invoke("aws:ecr/getRepository:getRepository", name=name)["repositoryUrl"].endswith(name)
    cluster = eks_cluster(plugin)
    assert plugin.invoke("aws:eks/getCluster:getCluster", name=cluster)["arn"].endswith(cluster)
    with pytest.raises(RuntimeError, match="not found"):
        plugin.invoke("aws:iam/getOpenIdConnectProvider:getOpenIdConnectProvider", url="https://nobody.example")

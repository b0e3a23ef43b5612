"""Names of AWS as the stack file gives them: regions, accounts, ARNs, names of roles, users and repositories.

Sources: botocore's models of ``iam`` (2010-05-08), ``ecr`` (2015-09-21), ``eks`` (2017-11-01) and ``kms`` (2014-11-01).
"""

from __future__ import annotations

import re
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field

from mendix_registry.kinds.amazon_ecr.partitions import PARTITIONS, partition_of
from mendix_registry.settings.problems import Rule, raises
from mendix_registry.settings.references import REPOSITORY
from mendix_registry.settings.values import Text, known

_ARN = re.compile(
    r"arn:(?P<partition>aws(?:-[a-z]+)*):(?P<service>[a-z0-9-]+):(?P<region>[a-z0-9-]*):(?P<account>\d{12}|aws|):(?P<resource>\S+)"
)
_IAM_NAME = re.compile(r"[A-Za-z0-9+=,.@_-]+")


def arn_parts(arn: str) -> dict[str, str]:
    """Partition, service, region, account and resource of an ARN that was checked before."""
    match = _ARN.fullmatch(arn)
    if match is None:
        raise ValueError(f"{arn!r} is not an ARN")
    return match.groupdict()


ECR001 = Rule(
    "ECR001",
    "{value!r} is not a region of AWS",
    "the registry's host is made from it",
    "write it as eu-west-1, us-gov-west-1, cn-north-1 (not the availability zone eu-west-1a)",
)


@raises(ECR001)
def _region(value: str) -> str:
    if partition_of(value) is None:
        raise ECR001.error(value=value)
    return value


ECR002 = Rule(
    "ECR002",
    "{value!r} is not the id of an AWS account",
    "the registry's host begins with its 12 digits",
    "give the 12 digits in quotes, since YAML drops leading zeros ('aws sts get-caller-identity' prints them)",
)


@raises(ECR002)
def _account(value: str) -> str:
    if not re.fullmatch(r"\d{12}", value):
        raise ECR002.error(value=value)
    return value


ECR003 = Rule("ECR003", "{value!r} is not the ARN that belongs here", "AWS rejects it", "write it as {example}")
ECR004 = Rule(
    "ECR004",
    "{value!r} is in {partition!r}, which is no partition of AWS",
    "",
    f"the partition is one of {', '.join(PARTITIONS)}",
)


def _arn(value: str, service: str, resource: str, example: str) -> str:
    match = _ARN.fullmatch(value)
    if match is None or match["service"] != service or not re.fullmatch(resource, match["resource"]):
        raise ECR003.error(value=value, example=example)
    if match["partition"] not in PARTITIONS:
        raise ECR004.error(value=value, partition=match["partition"])
    return value


@raises(ECR003, ECR004)
def _role_arn(value: str) -> str:
    return _arn(
        value, "iam", r"role/(?:[!-~]+/)?[A-Za-z0-9+=,.@_-]{1,64}", "arn:aws:iam::123456789012:role/mendix-builder"
    )


@raises(ECR003, ECR004)
def _oidc_provider_arn(value: str) -> str:
    return _arn(
        value,
        "iam",
        r"oidc-provider/[a-z0-9.-]+(?:/[A-Za-z0-9._/-]*[A-Za-z0-9._-])?",
        "arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/<32 hexadecimal digits>",
    )


@raises(ECR003, ECR004)
def _policy_arn(value: str) -> str:
    return _arn(value, "iam", r"policy/[A-Za-z0-9+=,.@_/-]+", "arn:aws:iam::123456789012:policy/boundary")


@raises(ECR003, ECR004)
def _key_arn(value: str) -> str:
    return _arn(
        value,
        "kms",
        r"key/[A-Za-z0-9-]+",
        "arn:aws:kms:eu-west-1:123456789012:key/<key id> (an alias may be moved to another key behind this stack)",
    )


ECR005 = Rule(
    "ECR005",
    "{value!r} is not the URL of an OIDC issuer",
    "the token's issuer must equal it, and IAM only accepts https without query or final slash",
    "give the cluster's identity.oidc.issuer ('aws eks describe-cluster' prints it)",
)


@raises(ECR005)
def _issuer(value: str) -> str:
    if not re.fullmatch(r"https://[a-z0-9.-]+(?::\d+)?(?:/[A-Za-z0-9._/-]*[A-Za-z0-9._-])?", value):
        raise ECR005.error(value=value)
    return value


ECR006 = Rule(
    "ECR006",
    "{value!r} is not an audience",
    "the role must trust tokens made for exactly one purpose",
    "leave the key out (sts.amazonaws.com), or give a client id of the OIDC provider",
)


@raises(ECR006)
def _audience(value: str) -> str:
    if not re.fullmatch(r"[^\s*?$]{1,255}", value):
        raise ECR006.error(value=value)
    return value


ECR007 = Rule(
    "ECR007",
    "{value!r} is not the name of an EKS cluster",
    "EKS accepts 1 to 100 letters, digits, dashes and underscores",
    "give the name alone, not the ARN ('aws eks list-clusters' prints it)",
)


@raises(ECR007)
def _cluster_name(value: str) -> str:
    if not re.fullmatch(r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}", value):
        raise ECR007.error(value=value)
    return value


ECR008 = Rule(
    "ECR008",
    "{value!r} is not a SHA-1 thumbprint",
    "IAM accepts 40 hexadecimal digits",
    "write it without colons",
)


@raises(ECR008)
def _thumbprint(value: str) -> str:
    if not re.fullmatch(r"[0-9a-fA-F]{40}", value):
        raise ECR008.error(value=value)
    return value


ECR009 = Rule(
    "ECR009",
    "{value!r} is not the name of a role or user",
    "IAM accepts letters, digits and +=,.@_-",
    "correct the name",
)


@raises(ECR009)
def _iam_name(value: str) -> str:
    if not _IAM_NAME.fullmatch(value):
        raise ECR009.error(value=value)
    return value


ECR010 = Rule(
    "ECR010",
    "{value!r} is not an IAM path",
    "IAM's paths begin and end with a slash",
    "write it as /mendix/",
)


@raises(ECR010)
def _iam_path(value: str) -> str:
    if value != "/" and not re.fullmatch(r"/(?:[!-.0-~]+/)+", value):
        raise ECR010.error(value=value)
    return value


@raises(ECR009, ECR003, ECR004)
def _node_role(value: str) -> str:
    if value.startswith("arn:"):
        return _role_arn(value)
    return _iam_name(value)


ECR011 = Rule(
    "ECR011",
    "{value!r} is not the name of an ECR repository",
    "",
    "give the name without host and tag, such as mendixapps/orders",
)


@raises(ECR011)
def _repository_name(value: str) -> str:
    if not REPOSITORY.fullmatch(value):
        raise ECR011.error(value=value)
    return value


ECR012 = Rule(
    "ECR012",
    "{value!r} is not a filter of tags",
    "ECR accepts 1 to 128 letters, digits, '.', '_', '-' and at most two '*'",
    "write it as dev-*",
)
ECR013 = Rule(
    "ECR013",
    "{value!r} fits every tag",
    "no tag would be immutable then",
    "set immutableTags: false if that is meant",
)


@raises(ECR012, ECR013)
def _tag_filter(value: str) -> str:
    if not re.fullmatch(r"[0-9A-Za-z._*-]{1,128}", value) or value.count("*") > 2:
        raise ECR012.error(value=value)
    if not value.strip("*"):
        raise ECR013.error(value=value)
    return value


ECR014 = Rule(
    "ECR014",
    "the tag {key!r} is none that AWS accepts",
    "a key has 1 to 128 characters and does not begin with aws:, a value has at most 256",
    "correct the tag",
)
ECR015 = Rule(
    "ECR015",
    "the tag {key!r} has {character!r} in it",
    "AWS accepts letters, digits, spaces and _.:/=+-@",
    "correct the tag",
)


@raises(ECR014, ECR015)
def _tags(value: dict[str, str]) -> dict[str, str]:
    for key, text in value.items():
        if not key or len(key) > 128 or len(text) > 256 or key.lower().startswith("aws:"):
            raise ECR014.error(key=key)
        wrong = re.sub(r"[\w\s.:/=+@-]", "", key + text)
        if wrong:
            raise ECR015.error(key=key, character=wrong[0])
    return value


Region: TypeAlias = Annotated[Text, known(_region)]
AccountId: TypeAlias = Annotated[Text, known(_account)]
RoleArn: TypeAlias = Annotated[Text, known(_role_arn)]
OidcProviderArn: TypeAlias = Annotated[Text, known(_oidc_provider_arn)]
PolicyArn: TypeAlias = Annotated[Text, known(_policy_arn)]
KeyArn: TypeAlias = Annotated[Text, known(_key_arn)]
Issuer: TypeAlias = Annotated[Text, known(_issuer)]
RoleName: TypeAlias = Annotated[str, AfterValidator(_iam_name), Field(max_length=64)]
UserName: TypeAlias = Annotated[str, AfterValidator(_iam_name), Field(max_length=64)]
NamePrefix: TypeAlias = Annotated[str, AfterValidator(_iam_name), Field(max_length=40)]
IamPath: TypeAlias = Annotated[str, AfterValidator(_iam_path), Field(max_length=512)]
NodeRole: TypeAlias = Annotated[Text, known(_node_role)]
RepositoryName: TypeAlias = Annotated[str, AfterValidator(_repository_name), Field(min_length=2, max_length=256)]
TagFilter: TypeAlias = Annotated[str, AfterValidator(_tag_filter)]
ClusterName: TypeAlias = Annotated[Text, known(_cluster_name)]
Audience: TypeAlias = Annotated[str, AfterValidator(_audience)]
Thumbprint: TypeAlias = Annotated[str, AfterValidator(_thumbprint)]
Tags: TypeAlias = Annotated[dict[str, str], AfterValidator(_tags), Field(max_length=50)]

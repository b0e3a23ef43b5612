"""Judges requests by botocore's service models: required members, types, lengths, patterns and enumerations.

botocore's own validator checks neither patterns nor upper limits, so the walk over its shapes is done here; the models are AWS's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StringShape, StructureShape

from tests.components.program import Registered


def faults(service: str, operation: str, parameters: Mapping[str, Any]) -> list[str]:
    """Everything that the API's model says against a request."""
    shape = _model(service).operation_model(operation).input_shape
    assert shape is not None
    return list(_walk(shape, parameters, operation))


def requests(item: Registered) -> tuple[str, str, dict[str, Any]]:
    """Service, operation and parameters of the call by which the provider creates ``item``."""
    i = item.inputs
    tags = [{"Key": key, "Value": value} for key, value in i.get("tags", {}).items()]
    match item.type:
        case "aws:ecr/repository:Repository":
            return (
                "ecr",
                "CreateRepository",
                {
                    "repositoryName": i["name"],
                    "imageTagMutability": i["imageTagMutability"],
                    "imageTagMutabilityExclusionFilters": _filters(i),
                    "imageScanningConfiguration": i["imageScanningConfiguration"],
                    "encryptionConfiguration": i["encryptionConfigurations"][0],
                    "tags": tags,
                },
            )
        case "aws:ecr/lifecyclePolicy:LifecyclePolicy":
            return (
                "ecr",
                "PutLifecyclePolicy",
                {
                    "repositoryName": i["repository"],
                    "lifecyclePolicyText": i["policy"],
                },
            )
        case "aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate":
            return (
                "ecr",
                "CreateRepositoryCreationTemplate",
                {
                    "prefix": i["prefix"],
                    "appliedFor": i["appliedFors"],
                    "description": i["description"],
                    "imageTagMutability": i["imageTagMutability"],
                    "imageTagMutabilityExclusionFilters": _filters(i),
                    "encryptionConfiguration": i["encryptionConfigurations"][0],
                    "lifecyclePolicy": i.get("lifecyclePolicy"),
                    "resourceTags": [{"Key": k, "Value": v} for k, v in i.get("resourceTags", {}).items()],
                    "customRoleArn": i.get("customRoleArn"),
                },
            )
        case "aws:iam/role:Role":
            return (
                "iam",
                "CreateRole",
                {
                    "RoleName": i["name"],
                    "Path": i.get("path"),
                    "Description": i["description"],
                    "AssumeRolePolicyDocument": i["assumeRolePolicy"],
                    "MaxSessionDuration": i.get("maxSessionDuration"),
                    "PermissionsBoundary": i.get("permissionsBoundary"),
                    "Tags": tags,
                },
            )
        case "aws:iam/rolePolicy:RolePolicy":
            return (
                "iam",
                "PutRolePolicy",
                {
                    "RoleName": i["role"],
                    "PolicyName": i["name"],
                    "PolicyDocument": i["policy"],
                },
            )
        case "aws:iam/rolePolicyAttachment:RolePolicyAttachment":
            return "iam", "AttachRolePolicy", {"RoleName": i["role"], "PolicyArn": i["policyArn"]}
        case "aws:iam/user:User":
            return (
                "iam",
                "CreateUser",
                {
                    "UserName": i["name"],
                    "Path": i.get("path"),
                    "PermissionsBoundary": i.get("permissionsBoundary"),
                    "Tags": tags,
                },
            )
        case "aws:iam/userPolicy:UserPolicy":
            return (
                "iam",
                "PutUserPolicy",
                {
                    "UserName": i["user"],
                    "PolicyName": i["name"],
                    "PolicyDocument": i["policy"],
                },
            )
        case "aws:iam/accessKey:AccessKey":
            return "iam", "CreateAccessKey", {"UserName": i["user"]}
        case "aws:iam/openIdConnectProvider:OpenIdConnectProvider":
            return (
                "iam",
                "CreateOpenIDConnectProvider",
                {
                    "Url": i["url"],
                    "ClientIDList": i["clientIdLists"],
                    "ThumbprintList": i.get("thumbprintLists"),
                    "Tags": tags,
                },
            )
        case "aws:eks/podIdentityAssociation:PodIdentityAssociation":
            return (
                "eks",
                "CreatePodIdentityAssociation",
                {
                    "clusterName": i["clusterName"],
                    "namespace": i["namespace"],
                    "serviceAccount": i["serviceAccount"],
                    "roleArn": i["roleArn"],
                    "tags": i.get("tags"),
                },
            )
        case other:
            raise AssertionError(
                f"no API call is known for {other}; is it in the docstring of mendix_registry.kinds.amazon_ecr?"
            )


def _filters(inputs: Mapping[str, Any]) -> list[dict[str, str]] | None:
    filters = inputs.get("imageTagMutabilityExclusionFilters")
    return filters and [{"filter": f["filter"], "filterType": f["filterType"]} for f in filters]


@cache
def _model(service: str) -> ServiceModel:
    return botocore.session.get_session().get_service_model(service)


def _walk(shape: Shape, value: Any, at: str) -> Iterator[str]:
    if isinstance(shape, StructureShape):
        for name in shape.required_members:
            if value.get(name) is None:
                yield f"{at}.{name} is missing"
        for name, item in value.items():
            if name not in shape.members:
                yield f"{at}.{name} is no member"
            elif item is not None:
                yield from _walk(shape.members[name], item, f"{at}.{name}")
        return
    if isinstance(shape, ListShape):
        yield from _length(shape, value, at)
        for index, item in enumerate(value):
            yield from _walk(shape.member, item, f"{at}[{index}]")
        return
    if isinstance(shape, MapShape):
        yield from _length(shape, value, at)
        for key, item in value.items():
            yield from _walk(shape.key, key, f"{at}.{key}")
            yield from _walk(shape.value, item, f"{at}.{key}")
        return
    if isinstance(shape, StringShape):
        if not isinstance(value, str):
            yield f"{at} is {value!r}, no text"
            return
        yield from _length(shape, value, at)
        if shape.enum and value not in shape.enum:
            yield f"{at} is {value!r}, none of {shape.enum}"
        pattern = shape.metadata.get("pattern")
        if pattern and not re.fullmatch(pattern.replace("\\p{L}\\p{Z}\\p{N}", "\\w\\s"), value):
            yield f"{at} {value!r} does not fit {pattern}"
        return
    if isinstance(value, float) and value.is_integer() and shape.type_name in ("integer", "long"):
        value = int(value)  # the wire knows doubles only
    expected = {"integer": int, "long": int, "boolean": bool}[shape.type_name]
    if not isinstance(value, expected):
        yield f"{at} is {value!r}, no {shape.type_name}"
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if (low is not None and value < low) or (high is not None and value > high):
        yield f"{at} is {value}, not within {low} to {high}"


def _length(shape: Shape, value: Any, at: str) -> Iterator[str]:
    low, high = shape.metadata.get("min", 0), shape.metadata.get("max")
    if len(value) < low or (high is not None and len(value) > high):
        yield f"{at} has length {len(value)}, not {low} to {high}"

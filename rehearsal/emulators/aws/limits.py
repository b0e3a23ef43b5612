"""What AWS refuses and moto does not: the service models' own constraints, and the quotas of IAM.

Sources: botocore's models (patterns, lengths); docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html. The wording of
the quota errors is that of real reports (kubeflow/dashboard#29, terraform-aws-eks#3552).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from rehearsal.emulators.aws.calls import ApiCall, ApiError
from rehearsal.emulators.aws.directory import Directory
from rehearsal.emulators.aws.model import input_members, input_shape, rule_of, service_model
from rehearsal.emulators.aws.policy import PolicyError, statements
from rehearsal.emulators.rules import problems_of


@dataclass(frozen=True, slots=True)
class Quotas:
    """IAM's default quotas of an account; all but the last can be raised at AWS, characters are counted without white space."""

    trust_policy: int = 2048
    policies_per_role: int = 10
    oidc_providers: int = 100
    managed_policy: int = 6144
    inline_role: int = 10240
    inline_user: int = 2048


def enforce(call: ApiCall, directory: Directory, quotas: Quotas) -> None:
    """Raises ApiError for a call that AWS would refuse."""
    _model(call)
    check = _CHECKS.get((call.service, call.operation))
    if check is not None:
        check(call, directory, quotas)


def _model(call: ApiCall) -> None:
    model = service_model(call.service)
    if call.operation not in model.operation_names:
        raise ApiError("UnknownOperationException", f"{call.service} has no operation {call.operation}")
    shape = input_shape(call.service, call.operation)
    if shape is None:
        return
    code = {"ecr": "InvalidParameterException", "eks": "InvalidParameterException"}.get(call.service, "ValidationError")
    query = call.service in ("iam", "sts")
    for name in shape.required_members:
        if not any(key == name or (query and key.startswith(f"{name}.")) for key in call.parameters):
            raise ApiError(code, f"Missing required parameter in request: {name}")
    for name, member in input_members(call.service, call.operation).items():
        value = call.parameters.get(name)
        # The query protocol sends all as text; only its texts can be compared here, lists and structures are moto's to read.
        if value is None or (query and member.type_name != "string"):
            continue
        for path, problem in problems_of(rule_of(member, exact=True), value, name):
            raise ApiError(
                code, f"1 validation error detected: Value at '{path}' failed to satisfy constraint: {problem}"
            )


def _create_role(call: ApiCall, directory: Directory, quotas: Quotas) -> None:
    name = call.text("RoleName")
    if any(name.lower() == other.lower() for other in directory.role_names()):
        raise ApiError("EntityAlreadyExists", f"Role with name {name} already exists.", 409)
    _trust(call.text("AssumeRolePolicyDocument"), quotas)


def _update_trust(call: ApiCall, directory: Directory, quotas: Quotas) -> None:
    del directory
    _trust(call.text("PolicyDocument"), quotas)


def _trust(text: str, quotas: Quotas) -> None:
    document = _document(text)
    size = _size(document)
    if size > quotas.trust_policy:
        raise ApiError("LimitExceeded", f"Cannot exceed quota for ACLSizePerRole: {quotas.trust_policy}", 409)
    for statement in _statements(document):
        if "Resource" in statement or "NotResource" in statement:
            raise ApiError("MalformedPolicyDocument", "Has prohibited field Resource")
        if "Principal" not in statement and "NotPrincipal" not in statement:
            raise ApiError("MalformedPolicyDocument", "AssumeRolepolicy must contain a principal")


def _put_role_policy(call: ApiCall, directory: Directory, quotas: Quotas) -> None:
    _inline(call, directory.role(call.text("RoleName")), "role", call.text("RoleName"), quotas.inline_role)


def _put_user_policy(call: ApiCall, directory: Directory, quotas: Quotas) -> None:
    _inline(call, directory.user(call.text("UserName")), "user", call.text("UserName"), quotas.inline_user)


def _inline(call: ApiCall, owner: Any, kind: str, name: str, limit: int) -> None:
    document = _permissions(call.text("PolicyDocument"))
    own = f"the inline policy {call.text('PolicyName')}"
    others = [
        item for label, item in (owner.policies if owner else ()) if label.startswith("the inline") and label != own
    ]
    if sum(map(_size, others)) + _size(document) > limit:
        raise ApiError("LimitExceeded", f"Maximum policy size of {limit} bytes exceeded for {kind} {name}", 409)


def _managed_policy(call: ApiCall, directory: Directory, quotas: Quotas) -> None:
    del directory
    if _size(_permissions(call.text("PolicyDocument"))) > quotas.managed_policy:
        raise ApiError("LimitExceeded", f"Cannot exceed quota for PolicySize: {quotas.managed_policy}", 409)


def _attach(call: ApiCall, directory: Directory, quotas: Quotas) -> None:
    owner = directory.role(call.text("RoleName"))
    attached = [name for name, _ in owner.policies if name.startswith("the policy arn:")] if owner else []
    if len(attached) >= quotas.policies_per_role and f"the policy {call.text('PolicyArn')}" not in attached:
        raise ApiError("LimitExceeded", f"Cannot exceed quota for PoliciesPerRole: {quotas.policies_per_role}", 409)


def _oidc_provider(call: ApiCall, directory: Directory, quotas: Quotas) -> None:
    if not call.text("Url").startswith("https://"):
        raise ApiError("InvalidInput", "Invalid Open ID Connect Provider URL")
    if directory.oidc_providers() >= quotas.oidc_providers:
        raise ApiError(
            "LimitExceeded", f"Cannot exceed quota for OpenIdConnectProvidersPerAccount: {quotas.oidc_providers}", 409
        )


def _lifecycle(call: ApiCall, directory: Directory, quotas: Quotas) -> None:
    del directory, quotas
    rules: Any = _document(call.text("lifecyclePolicyText"), "InvalidParameterException").get("rules")
    if not isinstance(rules, list) or not rules:
        raise ApiError("InvalidParameterException", "Lifecycle policy validation failure: rules are missing")
    priorities = [rule.get("rulePriority") for rule in cast("list[dict[str, Any]]", rules)]
    if len(set(priorities)) != len(priorities):
        raise ApiError("InvalidParameterException", "Lifecycle policy validation failure: rulePriority must be unique")


def _repository_policy(call: ApiCall, directory: Directory, quotas: Quotas) -> None:
    del directory, quotas
    document = _document(call.text("policyText"), "InvalidParameterException")
    try:
        listed = list(statements(document))
    except PolicyError as error:
        raise ApiError("InvalidParameterException", f"Invalid parameter at 'PolicyText': {error}") from error
    if any("Principal" not in item and "NotPrincipal" not in item for item in listed):
        raise ApiError("InvalidParameterException", "Invalid parameter at 'PolicyText': a statement has no Principal")


def _permissions(text: str) -> Mapping[str, Any]:
    document = _document(text)
    for statement in _statements(document):
        if "Principal" in statement or "NotPrincipal" in statement:
            raise ApiError("MalformedPolicyDocument", "Policy document should not specify a principal.")
        if "Resource" not in statement and "NotResource" not in statement:
            raise ApiError("MalformedPolicyDocument", "Policy statement must contain resources.")
    return document


def _statements(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    try:
        return list(statements(document))
    except PolicyError as error:
        raise ApiError("MalformedPolicyDocument", f"Syntax errors in policy: {error}") from error


def _document(text: str, code: str = "MalformedPolicyDocument") -> Mapping[str, Any]:
    try:
        parsed = json.loads(text)
    except ValueError as error:
        raise ApiError(code, f"This policy contains invalid Json: {error}") from error
    if not isinstance(parsed, dict):
        raise ApiError(code, "This policy is no JSON object")
    return cast("dict[str, Any]", parsed)


def _size(document: Mapping[str, Any]) -> int:
    return len(json.dumps(document, separators=(",", ":"), ensure_ascii=False))


_CHECKS: dict[tuple[str, str], Callable[[ApiCall, Directory, Quotas], None]] = {
    ("iam", "CreateRole"): _create_role,
    ("iam", "UpdateAssumeRolePolicy"): _update_trust,
    ("iam", "PutRolePolicy"): _put_role_policy,
    ("iam", "PutUserPolicy"): _put_user_policy,
    ("iam", "CreatePolicy"): _managed_policy,
    ("iam", "CreatePolicyVersion"): _managed_policy,
    ("iam", "AttachRolePolicy"): _attach,
    ("iam", "CreateOpenIDConnectProvider"): _oidc_provider,
    ("ecr", "PutLifecyclePolicy"): _lifecycle,
    ("ecr", "SetRepositoryPolicy"): _repository_policy,
}

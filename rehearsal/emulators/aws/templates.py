"""ECR's repository creation templates, which moto does not have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rehearsal.emulators.aws.calls import ApiCall, ApiError

_KEPT = (
    "description",
    "encryptionConfiguration",
    "resourceTags",
    "imageTagMutability",
    "imageTagMutabilityExclusionFilters",
    "repositoryPolicy",
    "lifecyclePolicy",
    "appliedFor",
    "customRoleArn",
)


class Templates:
    """The templates of one account, by region and prefix."""

    def __init__(self, account: str) -> None:
        self._account = account
        self._templates: dict[tuple[str, str], dict[str, Any]] = {}
        self.operations: Mapping[str, Callable[[ApiCall, float], dict[str, Any]]] = {
            "CreateRepositoryCreationTemplate": self._create,
            "DescribeRepositoryCreationTemplates": self._describe,
            "UpdateRepositoryCreationTemplate": self._update,
            "DeleteRepositoryCreationTemplate": self._delete,
        }

    def matching(self, region: str, repository: str) -> dict[str, Any] | None:
        """The template that a push to a repository that does not exist is created by: the longest prefix, ``ROOT`` last."""
        prefixes = [
            prefix
            for (where, prefix), template in self._templates.items()
            if where == region
            and "CREATE_ON_PUSH" in template["appliedFor"]
            and (prefix == "ROOT" or repository.startswith(f"{prefix.rstrip('/')}/"))
        ]
        best = max(prefixes, key=lambda prefix: 0 if prefix == "ROOT" else len(prefix), default=None)
        return None if best is None else self._templates[region, best]

    def _create(self, call: ApiCall, now: float) -> dict[str, Any]:
        key = (call.region, call.text("prefix"))
        if key in self._templates:
            raise ApiError(
                "TemplateAlreadyExistsException", f"The template with prefix '{key[1]}' already exists in the registry"
            )
        if (call.parameters.get("resourceTags") or _kms(call.parameters)) and not call.text("customRoleArn"):
            raise ApiError(
                "InvalidParameterException", "customRoleArn is required for resource tags and for KMS encryption"
            )
        made = {"imageTagMutability": "MUTABLE", "encryptionConfiguration": {"encryptionType": "AES256"}}
        self._templates[key] = {**made, **_given(call), "prefix": key[1], "createdAt": now, "updatedAt": now}
        return self._answer("repositoryCreationTemplate", self._templates[key])

    def _describe(self, call: ApiCall, now: float) -> dict[str, Any]:
        del now
        wanted = call.parameters.get("prefixes")
        here = {prefix: item for (region, prefix), item in self._templates.items() if region == call.region}
        for prefix in wanted or ():
            if prefix not in here:
                raise _missing(prefix)
        found = [item for prefix, item in sorted(here.items()) if not wanted or prefix in wanted]
        return self._answer("repositoryCreationTemplates", found)

    def _update(self, call: ApiCall, now: float) -> dict[str, Any]:
        template = self._find(call)
        template |= {**_given(call), "updatedAt": now}
        return self._answer("repositoryCreationTemplate", template)

    def _delete(self, call: ApiCall, now: float) -> dict[str, Any]:
        del now
        template = self._find(call)
        del self._templates[call.region, call.text("prefix")]
        return self._answer("repositoryCreationTemplate", template)

    def _find(self, call: ApiCall) -> dict[str, Any]:
        found = self._templates.get((call.region, call.text("prefix")))
        if found is None:
            raise _missing(call.text("prefix"))
        return found

    def _answer(self, name: str, value: Any) -> dict[str, Any]:
        return {"registryId": self._account, name: value}


def _given(call: ApiCall) -> dict[str, Any]:
    return {key: call.parameters[key] for key in _KEPT if call.parameters.get(key) is not None}


def _kms(parameters: Mapping[str, Any]) -> bool:
    given: Mapping[str, Any] = parameters.get("encryptionConfiguration") or {"encryptionType": "AES256"}
    return given.get("encryptionType") != "AES256"


def _missing(prefix: str) -> ApiError:
    return ApiError("TemplateNotFoundException", f"The template with prefix '{prefix}' does not exist in the registry")

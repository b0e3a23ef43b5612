"""Amazon ECR: repositories, their policies, templates for repositories that a push makes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from rehearsal.emulators.aws.model import member
from rehearsal.emulators.rules import Entries, Fields, Flag, Items, Text
from rehearsal.provider_plugins.aws.cloud import tag_list, tag_map
from rehearsal.provider_plugins.aws.resource import REGION, AwsResource, json_text, tags
from rehearsal.provider_plugins.framework.properties import Properties
from rehearsal.provider_plugins.framework.resource import AutomaticName, Created, Input, Live

_EXCLUSIONS = Items(
    Fields(
        {
            "filter": member("ecr", "CreateRepository", "imageTagMutabilityExclusionFilters", "filter"),
            "filterType": member("ecr", "CreateRepository", "imageTagMutabilityExclusionFilters", "filterType"),
        },
        required=("filter", "filterType"),
    ),
    least=1,
    most=5,
)
_ENCRYPTION = Items(
    Fields(
        {
            "encryptionType": member("ecr", "CreateRepository", "encryptionConfiguration", "encryptionType"),
            "kmsKey": member("ecr", "CreateRepository", "encryptionConfiguration", "kmsKey"),
        }
    ),
    most=1,
)


class Repository(AwsResource):
    type = "aws:ecr/repository:Repository"
    service = "ecr"
    gone = frozenset({"RepositoryNotFoundException"})
    inputs = {
        "name": Input(member("ecr", "CreateRepository", "repositoryName"), replaces=True),
        "region": REGION,
        "imageTagMutability": Input(member("ecr", "CreateRepository", "imageTagMutability"), default="MUTABLE"),
        "imageTagMutabilityExclusionFilters": Input(_EXCLUSIONS),
        "imageScanningConfiguration": Input(Fields({"scanOnPush": Flag()}, required=("scanOnPush",)), filled_in=True),
        "encryptionConfigurations": Input(_ENCRYPTION, replaces=True, filled_in=True),
        "forceDelete": Input(Flag()),
        "tags": tags(),
    }
    computed = ("arn", "registryId", "repositoryUrl", "region", "tagsAll")
    changing = frozenset({"tagsAll"})
    name = AutomaticName(longest=256, lower=True)

    @classmethod
    def check(cls, inputs: Properties) -> list[tuple[str, str]]:
        excluded = bool(inputs.get("imageTagMutabilityExclusionFilters"))
        wanted = str(inputs.get("imageTagMutability")).endswith("_WITH_EXCLUSION")
        if excluded and not wanted:
            return [
                (
                    "imageTagMutabilityExclusionFilters",
                    "image_tag_mutability_exclusion_filter can only be used when image_tag_mutability is set to "
                    "IMMUTABLE_WITH_EXCLUSION or MUTABLE_WITH_EXCLUSION",
                )
            ]
        return []

    def create(self, inputs: Properties) -> Created:
        made = self.call(
            "CreateRepository",
            inputs,
            repositoryName=inputs["name"],
            imageTagMutability=inputs.get("imageTagMutability"),
            imageTagMutabilityExclusionFilters=inputs.get("imageTagMutabilityExclusionFilters"),
            imageScanningConfiguration=inputs.get("imageScanningConfiguration"),
            encryptionConfiguration=_encryption(inputs),
            tags=tag_list(self.cloud.tags(inputs)),
        )
        return Created(made["repository"]["repositoryName"])

    def read(self, identity: str, state: Properties) -> Live | None:
        identity, region = self.imported(identity, state)
        state = {**state, **region}
        found = self.found("DescribeRepositories", state, repositoryNames=[identity])
        if found is None:
            return None
        live = found["repositories"][0]
        listed = tag_map(self.call("ListTagsForResource", state, resourceArn=live["repositoryArn"]).get("tags"))
        inputs: Properties = {
            "name": live["repositoryName"],
            **region,
            "imageTagMutability": live.get("imageTagMutability"),
            "imageTagMutabilityExclusionFilters": live.get("imageTagMutabilityExclusionFilters") or None,
            "imageScanningConfiguration": live.get("imageScanningConfiguration"),
            "encryptionConfigurations": [live["encryptionConfiguration"]]
            if live.get("encryptionConfiguration")
            else None,
            "tags": self.own_tags(listed, state),
        }
        return Live(
            live["repositoryName"],
            inputs,
            {
                "arn": live["repositoryArn"],
                "registryId": live["registryId"],
                "repositoryUrl": live["repositoryUri"],
                "tagsAll": listed,
            },
        )

    def left_behind(self, inputs: Properties, known: Collection[str]) -> str | None:
        return self.existing(inputs["name"], inputs)

    def update(self, identity: str, old: Properties, new: Properties) -> None:
        mutability = ("imageTagMutability", "imageTagMutabilityExclusionFilters")
        if any(old.get(key) != new.get(key) for key in mutability):
            self.call(
                "PutImageTagMutability",
                old,
                repositoryName=identity,
                imageTagMutability=new.get("imageTagMutability"),
                imageTagMutabilityExclusionFilters=new.get("imageTagMutabilityExclusionFilters"),
            )
        if old.get("imageScanningConfiguration") != new.get("imageScanningConfiguration"):
            self.call(
                "PutImageScanningConfiguration",
                old,
                repositoryName=identity,
                imageScanningConfiguration=new.get("imageScanningConfiguration") or {"scanOnPush": False},
            )
        before, after = self.cloud.tags(old), self.cloud.tags(new)
        if gone := sorted(set(before) - set(after)):
            self.call("UntagResource", old, resourceArn=old["arn"], tagKeys=gone)
        if before != after and after:
            self.call("TagResource", old, resourceArn=old["arn"], tags=tag_list(after))

    def delete(self, identity: str, state: Properties) -> None:
        self.found("DeleteRepository", state, repositoryName=identity, force=bool(state.get("forceDelete")))


class LifecyclePolicy(AwsResource):
    type = "aws:ecr/lifecyclePolicy:LifecyclePolicy"
    service = "ecr"
    gone = frozenset({"RepositoryNotFoundException", "LifecyclePolicyNotFoundException"})
    tagged = False
    one_at_a_time = True  # pulumi-aws' pull request 2085
    inputs = {
        "policy": json_text(member("ecr", "PutLifecyclePolicy", "lifecyclePolicyText"), replaces=True),
        "repository": Input(member("ecr", "PutLifecyclePolicy", "repositoryName"), required=True, replaces=True),
        "region": REGION,
    }
    computed = ("registryId", "region")

    def create(self, inputs: Properties) -> Created:
        repository = inputs["repository"]
        self.call("PutLifecyclePolicy", inputs, repositoryName=repository, lifecyclePolicyText=inputs["policy"])
        return Created(repository)

    def read(self, identity: str, state: Properties) -> Live | None:
        live = self.found("GetLifecyclePolicy", state, repositoryName=identity)
        if live is None:
            return None
        inputs = {"policy": live["lifecyclePolicyText"], "repository": identity}
        return Live(identity, inputs, {"registryId": live["registryId"]})

    def delete(self, identity: str, state: Properties) -> None:
        self.found("DeleteLifecyclePolicy", state, repositoryName=identity)


class RepositoryPolicy(AwsResource):
    type = "aws:ecr/repositoryPolicy:RepositoryPolicy"
    service = "ecr"
    gone = frozenset({"RepositoryNotFoundException", "RepositoryPolicyNotFoundException"})
    tagged = False
    inputs = {
        "policy": json_text(member("ecr", "SetRepositoryPolicy", "policyText")),
        "repository": Input(member("ecr", "SetRepositoryPolicy", "repositoryName"), required=True, replaces=True),
        "region": REGION,
    }
    computed = ("registryId", "region")

    def create(self, inputs: Properties) -> Created:
        self.call("SetRepositoryPolicy", inputs, repositoryName=inputs["repository"], policyText=inputs["policy"])
        return Created(inputs["repository"])

    def read(self, identity: str, state: Properties) -> Live | None:
        live = self.found("GetRepositoryPolicy", state, repositoryName=identity)
        if live is None:
            return None
        return Live(
            identity, {"policy": live["policyText"], "repository": identity}, {"registryId": live["registryId"]}
        )

    def update(self, identity: str, old: Properties, new: Properties) -> None:
        self.call("SetRepositoryPolicy", old, repositoryName=identity, policyText=new["policy"])

    def delete(self, identity: str, state: Properties) -> None:
        self.found("DeleteRepositoryPolicy", state, repositoryName=identity)


class RepositoryCreationTemplate(AwsResource):
    type = "aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate"
    service = "ecr"
    gone = frozenset({"TemplateNotFoundException"})
    tagged = False
    inputs = {
        "prefix": Input(member("ecr", "CreateRepositoryCreationTemplate", "prefix"), required=True, replaces=True),
        "appliedFors": Input(
            member("ecr", "CreateRepositoryCreationTemplate", "appliedFor"), required=True, unordered=True
        ),
        "customRoleArn": Input(member("ecr", "CreateRepositoryCreationTemplate", "customRoleArn")),
        "description": Input(member("ecr", "CreateRepositoryCreationTemplate", "description")),
        "encryptionConfigurations": Input(_ENCRYPTION, filled_in=True),
        "imageTagMutability": Input(member("ecr", "CreateRepository", "imageTagMutability"), default="MUTABLE"),
        "imageTagMutabilityExclusionFilters": Input(_EXCLUSIONS),
        "lifecyclePolicy": json_text(
            member("ecr", "CreateRepositoryCreationTemplate", "lifecyclePolicy"), required=False
        ),
        "repositoryPolicy": json_text(
            member("ecr", "CreateRepositoryCreationTemplate", "repositoryPolicy"), required=False
        ),
        "resourceTags": Input(Entries(Text("", 1, 128), Text("", 0, 256), 50)),
        "region": REGION,
    }
    computed = ("registryId", "region")

    def create(self, inputs: Properties) -> Created:
        self.call("CreateRepositoryCreationTemplate", inputs, **_template(inputs))
        return Created(inputs["prefix"])

    def read(self, identity: str, state: Properties) -> Live | None:
        identity, region = self.imported(identity, state)
        state = {**state, **region}
        found = self.found("DescribeRepositoryCreationTemplates", state, prefixes=[identity])
        if found is None or not found["repositoryCreationTemplates"]:
            return None
        live = found["repositoryCreationTemplates"][0]
        encryption = live.get("encryptionConfiguration")
        inputs: Properties = {
            "prefix": live["prefix"],
            **region,
            "appliedFors": live["appliedFor"],
            "encryptionConfigurations": [encryption] if encryption else None,
            "resourceTags": tag_map(live.get("resourceTags")) or None,
            **{key: live.get(key) for key in _TEMPLATE_SAME},
        }
        return Live(identity, inputs, {"registryId": found["registryId"]})

    def left_behind(self, inputs: Properties, known: Collection[str]) -> str | None:
        return self.existing(inputs["prefix"], inputs)

    def update(self, identity: str, old: Properties, new: Properties) -> None:
        self.call("UpdateRepositoryCreationTemplate", old, **_template(new))

    def delete(self, identity: str, state: Properties) -> None:
        self.found("DeleteRepositoryCreationTemplate", state, prefix=identity)


_TEMPLATE_SAME = (
    "customRoleArn",
    "description",
    "imageTagMutability",
    "imageTagMutabilityExclusionFilters",
    "lifecyclePolicy",
    "repositoryPolicy",
)


def _template(inputs: Properties) -> dict[str, Any]:
    return {
        "prefix": inputs["prefix"],
        "appliedFor": inputs["appliedFors"],
        "encryptionConfiguration": _encryption(inputs),
        "resourceTags": tag_list(inputs.get("resourceTags") or {}),
        **{key: inputs.get(key) for key in _TEMPLATE_SAME},
    }


def _encryption(inputs: Properties) -> dict[str, Any] | None:
    given = (inputs.get("encryptionConfigurations") or [None])[0]
    return None if given is None else {"encryptionType": "AES256", **given}

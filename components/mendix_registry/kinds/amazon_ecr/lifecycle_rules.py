"""Rules of Amazon ECR's lifecycle policies: their form, and which of them delete images that still run.

Sources: docs.aws.amazon.com/AmazonECR/latest/userguide, "Lifecycle policy properties" and "Automate the cleanup of images by using
lifecycle policies"; "per storage class" is in the words of the service's own refusals, the number of rules in its quotas.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mendix_registry.kinds.amazon_ecr import plan as ecr_plan
from mendix_registry.kinds.amazon_ecr.settings import AmazonEcrRegistry, Lifecycle
from mendix_registry.settings.problems import Location, Problem, Rule, Severity
from mendix_registry.settings.stack import Settings

MOST_RULES = 50
_MOST_WILDCARDS = 4
_REJECTED = "ECR rejects such a policy"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


_Tags = Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)]


ECR059 = Rule("ECR059", "tagged needs exactly one of tagPatternList and tagPrefixList", _REJECTED, "correct the rule")
ECR060 = Rule("ECR060", "{key} goes with tagStatus tagged only, not with {status}", _REJECTED, "correct the rule")
ECR061 = Rule(
    "ECR061", f"the pattern {{pattern!r}} has more than {_MOST_WILDCARDS} wildcards", _REJECTED, "correct the rule"
)
ECR062 = Rule("ECR062", "countType {count_type} needs countUnit: days", _REJECTED, "correct the rule")
ECR063 = Rule("ECR063", "countUnit goes with ages only, not with imageCountMoreThan", _REJECTED, "correct the rule")
ECR064 = Rule("ECR064", "countType {count_type} needs storageClass: {storage}", _REJECTED, "correct the rule")


class _Selection(_Part):
    tagStatus: Literal["tagged", "untagged", "any"]  # noqa: N815 - ECR's own names
    tagPatternList: _Tags | None = None  # noqa: N815
    tagPrefixList: _Tags | None = None  # noqa: N815
    storageClass: Literal["standard", "archive"] = "standard"  # noqa: N815
    countType: Literal["imageCountMoreThan", "sinceImagePushed", "sinceImagePulled", "sinceImageTransitioned"]  # noqa: N815
    countUnit: Literal["days"] | None = None  # noqa: N815
    countNumber: Annotated[int, Field(ge=1)]  # noqa: N815

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        given = self.model_fields_set
        lists = given & {"tagPatternList", "tagPrefixList"}
        if self.tagStatus == "tagged" and len(lists) != 1:
            raise ECR059.error()
        if self.tagStatus != "tagged" and lists:
            raise ECR060.error(key=min(lists), status=self.tagStatus)
        for pattern in self.tagPatternList or ():
            if pattern.count("*") > _MOST_WILDCARDS:
                raise ECR061.error(pattern=pattern)
        ages = self.countType != "imageCountMoreThan"
        if ages and self.countUnit is None:
            raise ECR062.error(count_type=self.countType)
        if not ages and "countUnit" in given:
            raise ECR063.error()
        storage = "archive" if self.countType == "sinceImageTransitioned" else "standard"
        if self.storageClass != storage:
            raise ECR064.error(count_type=self.countType, storage=storage)
        return self


ECR065 = Rule("ECR065", "transition needs targetStorageClass: archive", _REJECTED, "correct the rule")
ECR066 = Rule("ECR066", "targetStorageClass goes with transition only", _REJECTED, "correct the rule")


class _Action(_Part):
    type: Literal["expire", "transition"]
    targetStorageClass: Literal["archive"] | None = None  # noqa: N815

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.type == "transition" and self.targetStorageClass is None:
            raise ECR065.error()
        if self.type == "expire" and "targetStorageClass" in self.model_fields_set:
            raise ECR066.error()
        return self


ECR067 = Rule("ECR067", "countType {count_type} goes with the action {action} only", _REJECTED, "correct the rule")


class _Rule(_Part):
    rulePriority: Annotated[int, Field(ge=1)]  # noqa: N815
    description: str = ""
    selection: _Selection
    action: _Action

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        only = {"sinceImagePulled": "transition", "sinceImageTransitioned": "expire"}.get(self.selection.countType)
        if only and self.action.type != only:
            raise ECR067.error(count_type=self.selection.countType, action=only)
        return self


class _Policy(_Part):
    rules: Annotated[list[_Rule], Field(min_length=1, max_length=MOST_RULES)]


ECR068 = Rule(
    "ECR068",
    "{name} stands beside policy",
    "a repository has one lifecycle policy, and this key would have no effect",
    "remove {name}, or write it as a rule of the policy",
)
ECR069 = Rule("ECR069", "it has {length} characters", "ECR accepts 100 to 30,720", "shorten it (or add a description)")


def check(settings: Settings, registry: AmazonEcrRegistry, at: Location) -> Iterator[Problem]:
    """The policy's form; no key beside it; no deletion of what a moved tag has left behind."""
    lifecycle = registry.repositories.lifecycle
    policy: _Policy | None = None
    if lifecycle.policy is not None:
        for key, name in (("untagged_days", "untaggedDays"), ("keep_tagged", "keepTagged")):
            if key in lifecycle.model_fields_set:
                yield ECR068.at((*at, name), name=name)
        try:
            policy = _Policy.model_validate_json(lifecycle.policy)
        except ValidationError as error:
            yield from _faults(error, (*at, "policy"))
            return
        yield from _order(policy, (*at, "policy"))
        if not 100 <= len(lifecycle.policy) <= 30720:
            yield ECR069.at((*at, "policy"), length=len(lifecycle.policy))
    yield from _running(settings, registry, policy, at)


ECR070 = Rule("ECR070", "it is not JSON: {error}", _REJECTED, "give the policy as ECR's console shows it")
ECR071 = Rule("ECR071", "it has no list 'rules'", _REJECTED, 'write it as {{"rules": [{{"rulePriority": 1, …}}]}}')
ECR072 = Rule("ECR072", "{place} is missing", _REJECTED, "add it")
ECR073 = Rule("ECR073", "there is no property {place}", _REJECTED, "remove it")
ECR074 = Rule("ECR074", "{place}: {fault}", _REJECTED, "correct the value")


def _faults(error: ValidationError, at: Location) -> Iterator[Problem]:
    for detail in error.errors(include_url=False, include_input=False):
        context = detail.get("ctx", {})
        place = _place(detail["loc"])
        match detail["type"]:
            case "json_invalid":
                yield ECR070.at(at, error=context["error"])
            case "missing" if detail["loc"] == ("rules",):
                yield ECR071.at(at)
            case "missing":
                yield ECR072.at(at, place=place)
            case "extra_forbidden":
                yield ECR073.at(at, place=place)
            case "rule":
                problem: Problem = context["problem"]
                yield replace(problem, location=at, what=f"{place}: {problem.what}")
            case _:
                yield ECR074.at(at, place=place, fault=detail["msg"].lower())


def _place(parts: tuple[str | int, ...]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    return text.removeprefix(".") or "the policy"


ECR075 = Rule(
    "ECR075",
    "rulePriority {priority} stands {count} times",
    "ECR rejects such a policy: the priorities are the order of the rules",
    "give each rule its own rulePriority",
)
ECR076 = Rule(
    "ECR076",
    "the rule with rulePriority {priority} selects any image, and rules come after it",
    "ECR rejects such a policy: a rule with tagStatus any is the last of its storage class",
    "give it a rulePriority above {last}",
)
ECR077 = Rule(
    "ECR077",
    "more than one rule selects untagged images (storage class {storage})",
    "ECR rejects such a policy",
    "keep one of them",
)


def _order(policy: _Policy, at: Location) -> Iterator[Problem]:
    """Priorities are unique; per storage class ``any`` is last, and one rule selects untagged images."""
    counted = Counter(rule.rulePriority for rule in policy.rules)
    for priority in (priority for priority, count in counted.items() if count > 1):
        yield ECR075.at(at, priority=priority, count=counted[priority])
    for storage in ("standard", "archive"):
        rules = [rule for rule in policy.rules if rule.selection.storageClass == storage]
        last = max((rule.rulePriority for rule in rules), default=0)
        for rule in rules:
            if rule.selection.tagStatus == "any" and rule.rulePriority < last:
                yield ECR076.at(at, priority=rule.rulePriority, last=last)
        if sum(rule.selection.tagStatus == "untagged" for rule in rules) > 1:
            yield ECR077.at(at, storage=storage)


ECR078 = Rule(
    "ECR078",
    "tags may be moved, and ECR deletes the images that lose their tag, those that still run among them",
    "Mendix deploys by digest: an app whose image is gone does not start on another node",
    "set untaggedDays: null, or keep all tags immutable (no mutableTags, no immutableTags: false)",
    Severity.WARNING,
)


def _running(
    settings: Settings, registry: AmazonEcrRegistry, policy: _Policy | None, at: Location
) -> Iterator[Problem]:
    """A tag that moves leaves the image before without one; Mendix runs apps by digest, so that one may still run."""
    options = registry.repositories
    moving = not options.immutable_tags or bool(options.mutable_tags)
    repositories = [
        name
        for name in ecr_plan.managed(settings, registry)
        if options.lifecycle_is_given or name not in options.import_
    ]
    if not moving or not (repositories or options.create_on_push):
        return
    key = _deletes_untagged(options.lifecycle, policy)
    if key is None:
        return
    yield ECR078.at((*at, key) if key in options.lifecycle.model_dump(by_alias=True, exclude_unset=True) else at)


def _deletes_untagged(lifecycle: Lifecycle, policy: _Policy | None) -> str | None:
    """The key that makes ECR delete images without a tag, or None."""
    if policy is None:
        return None if lifecycle.untagged_days is None else "untaggedDays"
    ends = any(r.selection.tagStatus != "tagged" and r.action.type == "expire" for r in policy.rules)
    return "policy" if ends else None

"""Rules of Amazon ECR's lifecycle policies: their form, and which of them delete images that still run.

Sources: docs.aws.amazon.com/AmazonECR/latest/userguide, "Lifecycle policy properties" and "Automate the cleanup of images by using
lifecycle policies"; "per storage class" is in the words of the service's own refusals, the number of rules in its quotas.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mendix_registry.kinds.amazon_ecr import plan as ecr_plan
from mendix_registry.kinds.amazon_ecr.settings import AmazonEcrRegistry, Lifecycle
from mendix_registry.settings.problems import Location, Problem, Severity, refusal
from mendix_registry.settings.stack import Settings

MOST_RULES = 50
_MOST_WILDCARDS = 4
_REJECTED = "ECR rejects such a policy"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


_Tags = Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)]


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
            raise refusal("ECR059", "tagged needs exactly one of tagPatternList and tagPrefixList")
        if self.tagStatus != "tagged" and lists:
            raise refusal("ECR060", f"{min(lists)} goes with tagStatus tagged only, not with {self.tagStatus}")
        for pattern in self.tagPatternList or ():
            if pattern.count("*") > _MOST_WILDCARDS:
                raise refusal("ECR061", f"the pattern {pattern!r} has more than {_MOST_WILDCARDS} wildcards")
        ages = self.countType != "imageCountMoreThan"
        if ages and self.countUnit is None:
            raise refusal("ECR062", f"countType {self.countType} needs countUnit: days")
        if not ages and "countUnit" in given:
            raise refusal("ECR063", "countUnit goes with ages only, not with imageCountMoreThan")
        storage = "archive" if self.countType == "sinceImageTransitioned" else "standard"
        if self.storageClass != storage:
            raise refusal("ECR064", f"countType {self.countType} needs storageClass: {storage}")
        return self


class _Action(_Part):
    type: Literal["expire", "transition"]
    targetStorageClass: Literal["archive"] | None = None  # noqa: N815

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.type == "transition" and self.targetStorageClass is None:
            raise refusal("ECR065", "transition needs targetStorageClass: archive")
        if self.type == "expire" and "targetStorageClass" in self.model_fields_set:
            raise refusal("ECR066", "targetStorageClass goes with transition only")
        return self


class _Rule(_Part):
    rulePriority: Annotated[int, Field(ge=1)]  # noqa: N815
    description: str = ""
    selection: _Selection
    action: _Action

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        only = {"sinceImagePulled": "transition", "sinceImageTransitioned": "expire"}.get(self.selection.countType)
        if only and self.action.type != only:
            raise refusal("ECR067", f"countType {self.selection.countType} goes with the action {only} only")
        return self


class _Policy(_Part):
    rules: Annotated[list[_Rule], Field(min_length=1, max_length=MOST_RULES)]


def check(settings: Settings, registry: AmazonEcrRegistry, at: Location) -> Iterator[Problem]:
    """The policy's form; no key beside it; no deletion of what a moved tag has left behind."""
    lifecycle = registry.repositories.lifecycle
    policy: _Policy | None = None
    if lifecycle.policy is not None:
        for key, name in (("untagged_days", "untaggedDays"), ("keep_tagged", "keepTagged")):
            if key in lifecycle.model_fields_set:
                yield Problem(
                    "ECR068",
                    (*at, name),
                    f"{name} stands beside policy",
                    "a repository has one lifecycle policy, and this key would have no effect",
                    f"remove {name}, or write it as a rule of the policy",
                )
        try:
            policy = _Policy.model_validate_json(lifecycle.policy)
        except ValidationError as error:
            yield from _faults(error, (*at, "policy"))
            return
        yield from _order(policy, (*at, "policy"))
        if not 100 <= len(lifecycle.policy) <= 30720:
            yield Problem(
                "ECR069",
                (*at, "policy"),
                f"it has {len(lifecycle.policy)} characters",
                "ECR takes 100 to 30,720",
                "shorten it (or add a description)",
            )
    yield from _running(settings, registry, policy, at)


def _faults(error: ValidationError, at: Location) -> Iterator[Problem]:
    for detail in error.errors(include_url=False, include_input=False):
        context = detail.get("ctx", {})
        place = _place(detail["loc"])
        match detail["type"]:
            case "json_invalid":
                remedy = "give the policy as ECR's console shows it"
                yield Problem("ECR070", at, f"it is not JSON: {context['error']}", _REJECTED, remedy)
            case "missing" if detail["loc"] == ("rules",):
                remedy = 'write it as {"rules": [{"rulePriority": 1, …}]}'
                yield Problem("ECR071", at, "it has no list 'rules'", _REJECTED, remedy)
            case "missing":
                yield Problem("ECR072", at, f"{place} is missing", _REJECTED, "add it")
            case "extra_forbidden":
                yield Problem("ECR073", at, f"there is no property {place}", _REJECTED, "remove it")
            case "rule":
                what = f"{place}: {context['what']}"
                yield Problem(context["rule"], at, what, _REJECTED, "correct the rule")
            case _:
                yield Problem("ECR074", at, f"{place}: {detail['msg'].lower()}", _REJECTED, "correct the value")


def _place(parts: tuple[str | int, ...]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    return text.removeprefix(".") or "the policy"


def _order(policy: _Policy, at: Location) -> Iterator[Problem]:
    """Priorities are unique; per storage class ``any`` is last, and one rule selects untagged images."""
    counted = Counter(rule.rulePriority for rule in policy.rules)
    for priority in (priority for priority, count in counted.items() if count > 1):
        yield Problem(
            "ECR075",
            at,
            f"rulePriority {priority} stands {counted[priority]} times",
            "ECR rejects such a policy: the priorities are the order of the rules",
            "give each rule its own rulePriority",
        )
    for storage in ("standard", "archive"):
        rules = [rule for rule in policy.rules if rule.selection.storageClass == storage]
        last = max((rule.rulePriority for rule in rules), default=0)
        for rule in rules:
            if rule.selection.tagStatus == "any" and rule.rulePriority < last:
                yield Problem(
                    "ECR076",
                    at,
                    f"the rule with rulePriority {rule.rulePriority} selects any image, and rules come after it",
                    "ECR rejects such a policy: a rule with tagStatus any is the last of its storage class",
                    f"give it a rulePriority above {last}",
                )
        if sum(rule.selection.tagStatus == "untagged" for rule in rules) > 1:
            yield Problem(
                "ECR077",
                at,
                f"more than one rule selects untagged images (storage class {storage})",
                "ECR rejects such a policy",
                "leave one of them",
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
    yield Problem(
        "ECR078",
        (*at, key) if key in options.lifecycle.model_dump(by_alias=True, exclude_unset=True) else at,
        "tags may be moved, and ECR deletes the images that lose their tag, those that still run among them",
        "Mendix deploys by digest: an app whose image is gone does not start on another node",
        "set untaggedDays: null, or keep all tags immutable (no mutableTags, no immutableTags: false)",
        Severity.WARNING,
    )


def _deletes_untagged(lifecycle: Lifecycle, policy: _Policy | None) -> str | None:
    """The key that makes ECR delete images without a tag, or None."""
    if policy is None:
        return None if lifecycle.untagged_days is None else "untaggedDays"
    ends = any(r.selection.tagStatus != "tagged" and r.action.type == "expire" for r in policy.rules)
    return "policy" if ends else None

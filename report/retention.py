"""Changes of what a registry deletes by itself: images that are lost without anybody deleting them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from report.access.aws import REPOSITORY
from report.access.world import World
from report.changes import Change
from report.lifecycle import only_untagged, stricter_rules
from report.values import at, is_unknown, listing, mapping, text

_ECR: Final = "aws:ecr/lifecyclePolicy:LifecyclePolicy"
_TEMPLATE: Final = "aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate"
_EXCLUSION: Final = "aws:ecr/pullTimeUpdateExclusion:PullTimeUpdateExclusion"
_GOOGLE: Final = "gcp:artifactregistry/repository:Repository"
_AZURE: Final[Mapping[str, tuple[str | int, ...]]] = {
    "azure-native:containerregistry:Registry": ("policies", "retentionPolicy"),
    "azure-native:resources:Deployment": (
        *("properties", "template", "resources", 0, "properties"),
        *("policies", "retentionPolicy"),
    ),
}


def deletions(change: Change, after: World, created: Collection[str]) -> Iterator[tuple[str, str]]:
    """Why images are deleted that were kept before, and the rule's own words. ``created`` are the URNs that do not exist yet."""
    if change.op == "delete" or not change.new_inputs:
        return
    if change.type == _ECR:
        yield from _lifecycle(change, after, created)
    elif change.type == _TEMPLATE:
        policies = [inputs.get("lifecyclePolicy") for inputs in (change.old_inputs, change.new_inputs)]
        if not is_unknown(policies[1]) and not (policies[0] is None and only_untagged(policies[1])):
            yield from stricter_rules(*policies)
    elif change.type == _EXCLUSION and change.op in ("create", "replace", "import"):
        yield (
            "Pulls by this principal no longer count: rules by the last pull take images that apps run on.",
            text(change.new_inputs.get("principalArn")),
        )
    elif change.type == _GOOGLE and change.old_inputs and change.op != "replace":
        yield from _cleanup(change.old_inputs, change.new_inputs)
    elif change.type in _AZURE and change.old_inputs and change.op != "replace":
        yield from _untagged(at(change.old_inputs, *_AZURE[change.type]), at(change.new_inputs, *_AZURE[change.type]))


def _lifecycle(change: Change, after: World, created: Collection[str]) -> Iterator[tuple[str, str]]:
    old, new = change.old_inputs.get("policy"), change.new_inputs.get("policy")
    if change.old_inputs.get("repository") != change.new_inputs.get("repository"):
        old = None
    resource = after.resources.get(change.urn)
    repository = after.referred(resource, "repository", REPOSITORY) if resource else None
    if old is None and repository and repository.urn in created and only_untagged(new):
        return  # the components' own default, on a repository that has no images yet
    if is_unknown(new):
        return
    yield from stricter_rules(old, new)


def _cleanup(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if new.get("cleanupPolicyDryRun") is True:
        return
    before, after = _policies(old), _policies(new)
    deleting = {name: policy for name, policy in after.items() if policy.get("action") == "DELETE"}
    if not deleting:
        return
    if old.get("cleanupPolicyDryRun") is True:
        yield "The clean-up is no longer a dry run: what its policies select is deleted.", ", ".join(sorted(deleting))
        return
    for name, policy in deleting.items():
        if name not in before:
            yield "A new clean-up policy deletes images.", name
        elif _stricter(before[name], policy, ("condition", "olderThan")):
            yield "A clean-up policy deletes other images than before.", name
    for name, policy in before.items():
        if policy.get("action") == "KEEP" and (
            name not in after or _stricter(policy, after[name], ("mostRecentVersions", "keepCount"))
        ):
            yield "A clean-up policy keeps fewer images from being deleted.", name


def _policies(inputs: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {text(at(policy, "id")): mapping(policy) for policy in listing(inputs.get("cleanupPolicies"))}


def _stricter(old: Mapping[str, Any], new: Mapping[str, Any], limit: tuple[str, str]) -> bool:
    """Whether two policies differ in more than a limit that was raised."""
    was, becomes = _number(at(old, *limit)), _number(at(new, *limit))
    if was is not None and becomes is not None and _without(old, limit) == _without(new, limit):
        return becomes < was
    return old != new


def _without(policy: Mapping[str, Any], limit: tuple[str, str]) -> str:
    inner = {key: value for key, value in mapping(policy.get(limit[0])).items() if key != limit[1]}
    return json.dumps({**policy, limit[0]: inner}, sort_keys=True)


_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def _number(value: Any) -> float | None:
    """A count, or an age such as ``2592000s`` or ``30d``, in seconds."""
    if isinstance(value, int | float):
        return value
    number, unit = text(value)[:-1], text(value)[-1:]
    return float(number) * _SECONDS[unit] if number.isdecimal() and unit in _SECONDS else None


def _untagged(old: Any, new: Any) -> Iterator[tuple[str, str]]:
    was, becomes = _days(old), _days(new)
    if becomes is not None and (was is None or becomes < was):
        yield (
            "Untagged manifests are deleted, those that apps run on by their digest too.",
            f"{f'{was:g} → ' if was is not None else ''}{becomes:g} days",
        )


def _days(policy: Any) -> float | None:
    if text(at(policy, "status")).lower() != "enabled":
        return None
    days = at(policy, "days")
    return days if isinstance(days, int | float) else 7  # Azure's own default

"""Lifecycle policies are judged by AWS's rules.

Oracles: moto's validator, whose words are the service's, for the rules that it knows (not the archive); and the forms on AWS's page
of examples, all of which must be accepted.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from moto.ecr.exceptions import InvalidParameterException
from moto.ecr.policy_validation import EcrLifecyclePolicyValidator

from mendix_registry.stack_file import ConfigurationError, parse

PROVIDER = (
    "arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE0"
)
EXPIRE, ARCHIVE = {"type": "expire"}, {"type": "transition", "targetStorageClass": "archive"}


def rule(priority: int, status: str, count: str, number: int, action: dict[str, str], **more: Any) -> dict[str, Any]:
    unit = {} if count == "imageCountMoreThan" else {"countUnit": "days"}
    selection = {"tagStatus": status, "countType": count, "countNumber": number, **unit, **more}
    return {
        "rulePriority": priority,
        "description": "a rule of the tests, long enough",
        "selection": selection,
        "action": action,
    }


def faults(policy: Any) -> list[str]:
    """What the configuration says about the policy."""
    authentication = {"method": "irsa", "oidcProvider": {"existing": PROVIDER}}
    registry = {
        "type": "amazon-ecr",
        "repository": "mendixapps/{namespace}",
        "region": "eu-west-1",
        "accountId": "123456789012",
        "authentication": authentication,
        "repositories": {"lifecycle": {"policy": policy if isinstance(policy, str) else json.dumps(policy)}},
    }
    try:
        parse({"mendix-registry:registry": json.dumps(registry), "mendix-registry:namespaces": '[{"name": "orders"}]'})
    except ConfigurationError as error:
        return [problem.what for problem in error.problems]
    return []


AGE, COUNT, PULLED, ARCHIVED = "sinceImagePushed", "imageCountMoreThan", "sinceImagePulled", "sinceImageTransitioned"
EXAMPLES = [
    [rule(1, "tagged", AGE, 14, EXPIRE, tagPatternList=["prod*"])],
    [rule(1, "tagged", AGE, 14, EXPIRE, tagPatternList=["*test*1*2*3", "test*1*2*3*"])],
    [rule(1, "untagged", AGE, 14, EXPIRE)],
    [rule(1, "untagged", COUNT, 1, EXPIRE)],
    [rule(1, "tagged", COUNT, 1, EXPIRE, tagPrefixList=["alpha"]), rule(2, "any", COUNT, 1, EXPIRE)],
    [
        rule(1, "tagged", COUNT, 1, EXPIRE, tagPrefixList=["prod"]),
        rule(2, "tagged", COUNT, 1, EXPIRE, tagPrefixList=["beta"]),
    ],
    [rule(1, "tagged", COUNT, 1, EXPIRE, tagPatternList=["prod*"], storageClass="standard")],
    [
        rule(1, "untagged", COUNT, 1, EXPIRE),
        rule(2, "tagged", AGE, 30, EXPIRE, tagPrefixList=["alpha", "beta"]),
        rule(9, "any", AGE, 90, EXPIRE),
    ],
    [rule(1, "any", PULLED, 90, ARCHIVE)],
    [rule(1, "any", PULLED, 90, ARCHIVE), rule(2, "any", ARCHIVED, 365, EXPIRE, storageClass="archive")],
    [rule(1, "untagged", AGE, 5, EXPIRE), rule(2, "untagged", ARCHIVED, 90, EXPIRE, storageClass="archive")],
    [rule(1, "tagged", AGE, 30, ARCHIVE, tagPatternList=["*"])],
]


@pytest.mark.parametrize("rules", EXAMPLES)
def test_the_forms_of_awss_examples_are_accepted(rules: list[dict[str, Any]]) -> None:
    assert faults({"rules": rules}) == []


def broken(policy: Any, path: tuple[Any, ...] = ()) -> Iterator[Any]:
    """The policy with each of its parts left out, renamed, or of another value."""
    part = policy
    for step in path:
        part = part[step]
    if isinstance(part, dict):
        for key in part:
            yield from broken(policy, (*path, key))
    elif isinstance(part, list):
        for index in range(len(part)):
            yield from broken(policy, (*path, index))
    if not path:
        return
    for change in (None, 0, -1, "other", [], {}, True, 1.5):
        changed = copy.deepcopy(policy)
        inner = changed
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = change
        yield changed
    if isinstance(path[-1], str):
        for rename in (False, True):
            changed = copy.deepcopy(policy)
            inner = changed
            for step in path[:-1]:
                inner = inner[step]
            value = inner.pop(path[-1])
            if rename:
                inner[f"{path[-1]}s"] = value
            yield changed


def of_moto(policy: Any) -> bool:
    """Whether moto's validator rejects the policy. A value of another type than it expects stops it; AWS rejects that, too."""
    try:
        EcrLifecyclePolicyValidator(json.dumps(policy)).validate()
    except (InvalidParameterException, TypeError, AttributeError):
        return True
    return False


@pytest.mark.slow
def test_whatever_the_service_rejects_by_form_is_rejected_here() -> None:
    tried = 0
    for rules in EXAMPLES:
        if of_moto({"rules": rules}):
            continue  # moto does not know the archive
        for policy in broken({"rules": rules}):
            if of_moto(policy):
                tried += 1
                assert faults(policy), policy
    assert tried > 500


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        # The service's own words: "Rule for tagStatus=ANY must have the lowest priority per storage class", "Only one rule can
        # select Untagged images per storage class", "Must specify tagPrefixList or tagPatternList when tagStatus=TAGGED".
        ([rule(1, "any", COUNT, 1, EXPIRE), rule(2, "untagged", COUNT, 1, EXPIRE)], "selects any image"),
        ([rule(1, "untagged", COUNT, 1, EXPIRE), rule(2, "untagged", AGE, 1, EXPIRE)], "more than one rule"),
        ([rule(1, "tagged", COUNT, 1, EXPIRE)], "exactly one of tagPatternList and tagPrefixList"),
        ([rule(1, "tagged", COUNT, 1, EXPIRE, tagPatternList=["a"], tagPrefixList=["a"])], "exactly one of"),
        ([rule(1, "untagged", COUNT, 1, EXPIRE, tagPrefixList=["a"])], "goes with tagStatus tagged only"),
        ([rule(1, "any", COUNT, 1, EXPIRE, tagPatternList=["a"])], "goes with tagStatus tagged only"),
        ([rule(1, "tagged", COUNT, 1, EXPIRE, tagPatternList=["test*1*2*3*4*5*6"])], "more than 4 wildcards"),
        ([rule(1, "any", COUNT, 1, EXPIRE, countUnit="days")], "countUnit goes with ages only"),
        ([rule(1, "any", PULLED, 90, EXPIRE)], "goes with the action transition only"),
        ([rule(1, "any", ARCHIVED, 90, EXPIRE)], "needs storageClass: archive"),
        ([rule(1, "any", ARCHIVED, 90, ARCHIVE, storageClass="archive")], "goes with the action expire only"),
        ([rule(1, "any", COUNT, 90, EXPIRE, storageClass="archive")], "needs storageClass: standard"),
        ([rule(1, "any", AGE, 90, {"type": "transition"})], "needs targetStorageClass"),
        ([rule(1, "any", AGE, 90, {**ARCHIVE, "type": "expire"})], "goes with transition only"),
        ([rule(1, "untagged", AGE, 1, EXPIRE), rule(1, "any", COUNT, 1, EXPIRE)], "rulePriority 1 stands 2 times"),
        ([rule(n, "tagged", COUNT, 1, EXPIRE, tagPrefixList=[f"v{n}"]) for n in range(1, 52)], "at most 50"),
    ],
)
def test_what_contradicts_awss_rules_is_rejected_with_its_place(rules: list[dict[str, Any]], says: str) -> None:
    assert any(says in fault for fault in faults({"rules": rules})), faults({"rules": rules})


@pytest.mark.parametrize("text", ["[]", "null", '"rules"', "{", '{"rules": []}', '{"rules": {}}', '{"rules": [[]]}'])
def test_a_text_that_is_no_policy_is_rejected(text: str) -> None:
    assert faults(text)

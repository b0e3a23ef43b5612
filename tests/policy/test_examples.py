"""The example stacks as they are: what is secure passes, what is not is refused until somebody has listed it."""

from __future__ import annotations

from typing import Any

import pytest

from policy.rules import RULES
from tests.conftest import STACKS
from tests.policy.registrations import managed, refusals, resource

pytestmark = pytest.mark.slow

KRANE = {"digest-pinned-images": {"images": ["gcr.io/go-containerregistry/krane:debug"]}}
SECRETS = {"no-static-credentials": {"allowed": ["secret:*"]}}
REFUSED: dict[str, set[str]] = {
    "example-amazon-ecr-irsa": {"digest-pinned-images"},
    "example-amazon-ecr-pod-identity": {"digest-pinned-images"},
    "example-amazon-ecr-static": {"digest-pinned-images", "no-static-credentials"},
    "example-generic": {"no-static-credentials"},
    "example-generic-anonymous": {"no-plain-http", "digest-pinned-images"},
    "example-microsoft-acr-admin": {"no-static-credentials"},
    "example-microsoft-acr-token": {"no-static-credentials"},
    "local": {"no-static-credentials"},
}
"""The examples that show what a reviewer has to agree to."""

CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "example-amazon-ecr-irsa": KRANE,
    "example-amazon-ecr-pod-identity": KRANE,
    "example-amazon-ecr-static": {
        "no-static-credentials": {"allowed": ["aws-access-key:mendix-test-*", "secret:mendix-*/mendix-registry"]},
        **KRANE,
    },
    "example-generic": SECRETS,
    "example-generic-anonymous": {
        "no-plain-http": {"hosts": ["registry.container-registry.svc.cluster.local:5000"]},
        **KRANE,
    },
    "example-microsoft-acr-admin": {
        "no-static-credentials": {"allowed": ["acr-admin:examplemendixacr", "secret:mendix-*/*"]}
    },
    "example-microsoft-acr-token": {
        "no-static-credentials": {"allowed": ["acr-token:mendix-mendix-*", "secret:mendix-*/*"]}
    },
    "local": SECRETS,
}


@pytest.mark.parametrize("stack", STACKS)
def test_only_what_needs_a_decision_is_rejected(stack: str) -> None:
    found = refusals(stack)
    assert set(found) == REFUSED.get(stack, set()), found


@pytest.mark.parametrize("stack", sorted(CONFIGURATIONS))
def test_an_explicit_decision_of_the_stack_file_passes(stack: str) -> None:
    assert refusals(stack, CONFIGURATIONS[stack]) == {}


@pytest.mark.parametrize("stack", sorted(CONFIGURATIONS))
def test_a_list_for_another_stack_lets_nothing_pass(stack: str) -> None:
    other = {"no-static-credentials": {"allowed": ["secret:other/*", "acr-token:other", "acr-admin:other"]}}
    assert set(refusals(stack, other)) == REFUSED[stack]


def test_repositories_outside_of_the_list_are_rejected() -> None:
    """An orders team's stack must not get rights on another team's repositories."""
    stacks = [stack for stack in STACKS if not stack.startswith(("local", "example-generic", "example-docker"))]
    own = {"least-privilege": {"repositories": ["mendixapps/mendix-*", "mendix-*", "eu.gcr.io"]}}
    foreign = {"least-privilege": {"repositories": ["elsewhere/*"]}}
    granted = {stack for stack in stacks if "least-privilege" in refusals(stack, foreign)}
    assert granted == {
        "example-amazon-ecr-irsa",
        "example-amazon-ecr-pod-identity",
        "example-amazon-ecr-static",
        "example-google-gcr-direct",
        "example-google-gcr-workload-identity",
        "example-microsoft-acr-token",
        "example-microsoft-acr-workload-identity",
    }
    for stack in granted:
        assert "least-privilege" not in refusals(stack, own)


def test_no_rule_speaks_of_a_secret() -> None:
    """What a policy says is shown to everybody who sees the pull request."""
    for stack in STACKS:
        for item in managed(stack):
            for rule in RULES:
                said = " ".join(str(finding) for finding in rule.findings(resource(item, rule)))
                assert "canary" not in said

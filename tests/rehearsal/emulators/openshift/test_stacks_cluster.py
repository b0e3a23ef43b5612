"""OpenShift's registry in the rehearsal, end to end with the stock client: the whole matrix, and stacks that are broken each in one
way."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.rehearsal import stacks

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

BUILDER = {"image": {"environment": "KRANE_IMAGE"}, "attempts": 1, "timeoutSeconds": 60}
SERVICE_CA = {"caCertificate": {"environment": "OPENSHIFT_CA"}}


Rehearse = Callable[..., stacks.Outcome]


@pytest.fixture
def unique() -> str:
    """In a home that is kept, what an earlier run has left in a namespace would mend what is to be broken."""
    return secrets.token_hex(3)


@pytest.fixture(scope="module")
def project_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stacks.project_in(tmp_path_factory.mktemp("project"))


@pytest.fixture
def rehearse(project_directory: Path, home: Path) -> Rehearse:
    """Runs a command for a stack of one namespace that has the stack's name."""

    def run(
        command: str,
        stack: str,
        *arguments: str,
        registry: Mapping[str, Any],
        namespace: Mapping[str, Any] | None = None,
        builder: Mapping[str, Any] | None = None,
        **environment: str,
    ) -> stacks.Outcome:
        config = {
            "mendix-registry:registry": dict(registry),
            "mendix-registry:namespaces": [{"name": stack, "create": True, **(namespace or {})}],
            "mendix-registry:operatorConfiguration": {"adopt": "none"},
            "mendix-registry:builder": {**BUILDER, **(builder or {})},
        }
        return stacks.rehearse(
            project_directory, home, command, stack, *arguments, config=config, without={"OPENSHIFT_CA"}, **environment
        )

    return run


@pytest.mark.parametrize(
    ("stack", "registry"),
    [
        ("four-proved", {"type": "openshift4"}),
        ("four-own", {"type": "openshift4", "createRoleBinding": False}),
        (
            "three-long",
            {
                "type": "openshift3",
                "pushHost": "docker-registry.default.svc.cluster.local:5000",
                "pullHost": "172.30.1.1:5000",
                "transport": SERVICE_CA,
            },
        ),
    ],
)
def test_only_the_builder_pushes_and_only_nodes_pull(rehearse: Rehearse, stack: str, registry: dict[str, Any]) -> None:
    outcome = rehearse("prove", stack, "--json", registry=registry)
    assert outcome.status == 0, outcome.said
    matrix = json.loads(outcome.said)
    assert matrix["ok"]
    assert {cell["outcome"] for cell in matrix["cells"]} == {"allowed", "refused"}
    assert {cell["by"] for cell in matrix["cells"]} == {"", "tokenreview", "subjectaccessreview"}
    # The matrix takes RoleBindings away: the stack must not see any of it.
    again = rehearse("up", stack, "--yes", "--expect-no-changes", registry=registry)
    assert again.status == 0, again.said


@pytest.mark.parametrize(
    ("stack", "given", "cause", "advice"),
    [
        (
            "no-binding",
            {
                "registry": {"type": "openshift4", "createRoleBinding": False},
                "namespace": {"serviceAccount": {"name": "builder", "create": True}},
                "REHEARSAL_OPENSHIFT_BUILD": "off",
            },
            "{}:builder may not update imagestreams/layers",
            "needs the role system:image-builder",
        ),
        (
            "no-builder",
            {"registry": {"type": "openshift4"}, "REHEARSAL_OPENSHIFT_BUILD": "off"},
            'serviceaccount "builder" not found',
            "create this ServiceAccount",
        ),
        (
            "own-user",
            {"registry": {"type": "openshift4"}, "builder": {"runAsUser": 65532}},
            "unable to validate against any security context constraint",
            "leave out builder.runAsUser",
        ),
        (
            "no-authority",
            {"registry": {"type": "openshift3"}},
            "certificate signed by unknown authority",
            "registry.transport.caCertificate",
        ),
        (
            "mistyped",
            {"registry": {"type": "openshift3", "pushHost": "registry.default.svc:5000", "transport": SERVICE_CA}},
            "lookup registry.default.svc",
            "correct registry.pushHost",
        ),
    ],
)
def test_a_broken_stack_is_reported_with_its_cause(
    rehearse: Rehearse, unique: str, stack: str, given: dict[str, Any], cause: str, advice: str
) -> None:
    stack = f"{stack}-{unique}"
    outcome = rehearse("up", stack, "--yes", **given)
    assert outcome.status == 1, outcome.said
    assert f"{stack}-push" in outcome.said
    assert cause.format(stack) in outcome.said
    assert advice in outcome.said


def test_the_missing_role_binding_is_the_only_fault(rehearse: Rehearse, unique: str) -> None:
    stack = f"mended-{unique}"
    given: dict[str, Any] = {
        "namespace": {"serviceAccount": {"name": "builder", "create": True}},
        "REHEARSAL_OPENSHIFT_BUILD": "off",
    }
    first = rehearse("up", stack, "--yes", registry={"type": "openshift4", "createRoleBinding": False}, **given)
    assert first.status == 1, first.said
    second = rehearse("up", stack, "--yes", registry={"type": "openshift4"}, **given)
    assert second.status == 0, second.said

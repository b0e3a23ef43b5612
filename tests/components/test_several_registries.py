"""Several registries in one program, with what other resources and the program's configuration give them."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_kubernetes
import pytest

from mendix_registry import EcrPushRole, MendixRegistry
from mendix_registry.stack_file import ConfigurationError
from tests.components.program import Recording, run

PROVIDER = "arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE"
GENERIC = {
    "type": "generic",
    "pushHost": "registry.example.com",
    "repository": "apps/{namespace}",
    "authentication": {"username": "builder"},
}
ECR = {
    "type": "amazon-ecr",
    "accountId": "123456789012",
    "region": "eu-west-1",
    "repository": "apps/{namespace}",
    "repositories": {"create": False},
    "authentication": {"method": "irsa", "oidcProvider": {"existing": PROVIDER}},
}
ROLE = "arn:aws:iam::123456789012:role/made-here"
ANSWERS = {"aws:iam/role:Role": lambda args: {"arn": ROLE}}
SECRET = "kubernetes:core/v1:Secret"


def registry(name: str, registry: Mapping[str, Any], namespace: str = "orders", **more: Any) -> MendixRegistry:
    opts = more.pop("opts", None)
    builder = {"image": f"client@sha256:{'0' * 64}"}
    return MendixRegistry(
        name, {"registry": registry, "namespaces": [{"name": namespace}], "builder": builder, **more}, opts
    )


def two() -> None:
    registry("one", GENERIC, password=pulumi.Output.secret("hunter2"))
    role = EcrPushRole(
        "role",
        {
            "service_accounts": [{"namespace": "billing", "name": "mendix-builder"}],
            "oidc_provider_arns": [PROVIDER],
            "repository_arns": ["arn:aws:ecr:eu-west-1:123456789012:repository/apps/billing"],
        },
    )
    registry("two", ECR, "billing", role_arn=role.role_arn)


@pytest.fixture(scope="module")
def recording() -> Recording:
    return run(two, answers=ANSWERS)


def test_no_two_resources_have_one_urn(recording: Recording) -> None:
    urns = [each.urn for each in recording.registered]
    assert len(urns) == len(set(urns))
    below = {each.name.partition("-")[0] for each in recording.registered if each.type.startswith("kubernetes:")}
    assert below == {"one", "two"}


def test_a_password_from_the_program_reaches_the_pull_secret(recording: Recording) -> None:
    (made,) = (each for each in recording.of_type(SECRET) if each.name == "one-orders-pull-secret")
    assert b"hunter2" in base64.b64decode(made.inputs["data"][".dockerconfigjson"])
    assert "data" in made.secrets


def test_a_role_arn_from_a_resource_reaches_the_annotation(recording: Recording) -> None:
    account = recording.one("kubernetes:core/v1:ServiceAccount", "two-billing-builder")
    assert account.metadata["annotations"]["eks.amazonaws.com/role-arn"] == ROLE
    assert [each.name for each in recording.of_type("aws:iam/role:Role")] == ["role"]


def test_inputs_are_in_the_state_with_secret_passwords(recording: Recording) -> None:
    component = recording.one("mendix-registry:index:MendixRegistry", "one")
    assert component.inputs["registry"]["type"] == "generic"
    assert component.inputs["namespaces"] == [{"name": "orders"}]
    assert component.secrets == {"password"}


def test_a_given_kubernetes_provider_is_used() -> None:
    def program() -> None:
        given = pulumi_kubernetes.Provider("given", context="here")
        registry("one", GENERIC, password="hunter2", opts=pulumi.ResourceOptions(providers=[given]))

    recording = run(program)
    assert [each.name for each in recording.of_type("pulumi:providers:kubernetes")] == ["given"]
    secret = recording.one(SECRET, "one-orders-pull-secret")
    assert "pulumi:providers:kubernetes::given" in secret.provider


def test_an_input_that_the_kind_lacks_is_rejected() -> None:
    with pytest.raises(ConfigurationError, match="generic has no place for roleArn"):
        run(lambda: registry("one", GENERIC, password="hunter2", role_arn=ROLE))

"""The room as others use it: from another Pulumi program, from another language, and not at all where it is not needed."""

from __future__ import annotations

import subprocess
import sys

import pulumi
import pytest
from pulumi.provider.experimental.analyzer import Analyzer

from mendix_registry import EcrPushRole, EcrPushUser, EcrRegistry
from tests.components.kinds.amazon_ecr import iam_oracle
from tests.components.kinds.amazon_ecr.stack import ACCOUNT, ANSWERS, PROVIDER
from tests.components.program import run


def test_another_program_uses_them_with_outputs_as_inputs() -> None:
    def program() -> dict[str, pulumi.Output[object]]:
        registry = EcrRegistry("images", {"repositories": ["team/app"]})
        role = EcrPushRole(
            "builder",
            {
                "service_accounts": [{"namespace": pulumi.Output.from_input("team"), "name": "builder"}],
                "oidc_provider_arns": [pulumi.Output.from_input(PROVIDER)],
                "repository_arns": [registry.repository_arns["team/app"]],
                "name": "team-builder",
            },
        )
        return {"role": role.role_arn, "url": registry.repository_urls["team/app"]}

    recording = run(program, answers=ANSWERS)
    assert recording.result == {
        "role": f"arn:aws:iam::{ACCOUNT}:role/team-builder",
        "url": f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/team/app",
    }
    trust = recording.one("aws:iam/role:Role").inputs["assumeRolePolicy"]
    assert "system:serviceaccount:team:builder" in trust
    assert iam_oracle.findings(recording.one("aws:iam/rolePolicy:RolePolicy").inputs["policy"]) == []


def test_a_callers_options_reach_no_child() -> None:
    def program() -> None:
        parent = pulumi.ComponentResource("test:index:Parent", "parent")
        EcrRegistry(
            "images",
            {"repositories": ["team/app"]},
            opts=pulumi.ResourceOptions(
                parent=parent, aliases=[pulumi.Alias(name="old")], ignore_changes=["tags"], retain_on_delete=True
            ),
        )

    recording = run(program, answers=ANSWERS)
    component = recording.one("mendix-registry:index:EcrRegistry")
    repository = recording.one("aws:ecr/repository:Repository")
    assert repository.parent == component.urn
    assert (repository.ignore_changes, repository.retain_on_delete) == ((), False)


@pytest.mark.parametrize("subject", ["*", "team-?", "${aws:PrincipalTag/x}"])
def test_a_wildcard_in_the_subject_is_rejected(subject: str) -> None:
    def program() -> None:
        EcrPushRole(
            "builder",
            {
                "service_accounts": [{"namespace": subject, "name": "builder"}],
                "oidc_provider_arns": [PROVIDER],
                "repository_arns": [f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/team/app"],
            },
        )

    with pytest.raises(Exception, match="exact names only"):
        run(program, answers=ANSWERS)


def test_irsa_and_pod_identity_at_once_are_rejected() -> None:
    with pytest.raises(Exception, match="one of them"):
        run(lambda: EcrPushRole("builder", {"service_accounts": [], "repository_arns": []}), answers=ANSWERS)


def test_other_languages_get_a_schema() -> None:
    analyzed = Analyzer("mendix-registry").analyze(components=[EcrRegistry, EcrPushRole, EcrPushUser])
    components = analyzed["component_definitions"]
    assert set(components) == {"EcrRegistry", "EcrPushRole", "EcrPushUser"}
    assert set(components["EcrPushRole"].outputs) == {"roleArn", "roleName"}
    assert {"serviceAccounts", "repositoryArns", "clusterArns"} <= set(components["EcrPushRole"].inputs)
    assert components["EcrPushRole"].inputs["serviceAccounts"].description


@pytest.mark.slow
def test_reading_an_ecr_stack_file_imports_no_cloud_sdk() -> None:
    program = (
        "import sys, json; from mendix_registry.stack_file import parse\n"
        "parse({'mendix-registry:registry': json.dumps({'type': 'amazon-ecr', 'repository': 'a/b', 'authentication':"
        " {'method': 'pod-identity', 'cluster': {'name': 'c'}}}),"
        " 'mendix-registry:namespaces': '[{\"name\": \"a\"}]'})\n"
        "print([name for name in sys.modules if name.startswith(('pulumi_', 'boto'))])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_the_module_imports_no_other_clouds_sdk() -> None:
    program = (
        "import sys, mendix_registry.kinds.amazon_ecr\n"
        "print([name for name in sys.modules if name in ('pulumi_azure_native', 'pulumi_gcp', 'pulumi_kubernetes')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

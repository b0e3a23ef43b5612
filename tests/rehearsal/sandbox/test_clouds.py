"""What the stage reads from the stack file of a cloud's registry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from rehearsal.emulators.aws.cloud import AwsSettings
from rehearsal.emulators.azure.cloud import AzureSettings
from rehearsal.emulators.gcp.api import HOSTS
from rehearsal.emulators.gcp.cloud import GcpSettings
from rehearsal.sandbox.clouds import wanted_cloud
from rehearsal.sandbox.description import describe, identities
from rehearsal.sandbox.prerequisites import prerequisites
from rehearsal.sandbox.project import load_project

ECR = {
    "aws:region": "eu-west-1",
    "registry": {
        "type": "amazon-ecr",
        "accountId": "123456789012",
        "authentication": {
            "method": "irsa",
            "oidcProvider": {
                "existing": "arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/ABC"
            },
        },
    },
}


def test_an_ecr_stack_needs_aws_under_its_production_names() -> None:
    wanted = wanted_cloud(ECR)
    assert wanted is not None
    assert "123456789012.dkr.ecr.eu-west-1.amazonaws.com" in wanted.registry_hosts
    assert {"sts.eu-west-1.amazonaws.com", "api.ecr.eu-west-1.amazonaws.com"} <= set(wanted.names)
    assert wanted.settings["issuer"] == "https://oidc.eks.eu-west-1.amazonaws.com/id/ABC"


def test_every_api_name_of_the_emulator_leads_to_it() -> None:
    wanted = wanted_cloud(ECR)
    assert wanted is not None
    assert set(AwsSettings.of(wanted.settings).api_hosts) <= set(wanted.names)


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1", "eusc-de-east-1"])
def test_another_partition_has_its_own_names(region: str) -> None:
    registry: dict[str, Any] = {**ECR["registry"], "region": region}  # type: ignore[dict-item]
    wanted = wanted_cloud({"registry": registry})
    assert wanted is not None
    suffix = AwsSettings.of(wanted.settings).suffix
    assert wanted.registry_hosts[0] == f"123456789012.dkr.ecr.{region}.{suffix}"
    assert wanted.settings["partition"] != "aws"


@pytest.mark.parametrize("config", [{}, {"registry": {"type": "generic"}}, {"registry": {"type": "amazon-ecr"}}])
def test_a_stack_without_cloud_or_region_gets_none(config: dict[str, Any]) -> None:
    assert wanted_cloud(config) is None


def test_objects_of_mendixs_installer_exist_before_the_stack() -> None:
    objects = prerequisites({"namespaces": [{"name": "orders"}, {"name": "own", "create": True}]})
    assert [document["kind"] for _, document in objects] == ["Namespace", "OperatorConfiguration"]
    created = {"namespaces": [{"name": "orders"}], "operatorConfiguration": {"adopt": "create"}}
    assert [document["kind"] for _, document in prerequisites(created)] == ["Namespace"]


@pytest.mark.parametrize(
    "stack", sorted(Path("stacks").glob("Pulumi.example-amazon-ecr-*.yaml")), ids=lambda path: path.stem
)
def test_every_ecr_example_can_be_staged(stack: Path) -> None:
    config = {
        key.removeprefix("mendix-registry:"): value
        for key, value in yaml.safe_load(stack.read_text())["config"].items()
    }
    assert wanted_cloud(config) is not None


GCR: dict[str, Any] = {
    "registry": {
        "type": "google-gcr",
        "pushHost": "europe-west4-docker.pkg.dev",
        "repository": "example-mendix/{namespace}/apps",
        "authentication": {"method": "direct", "projectNumber": "987654321098"},
        "nodeServiceAccounts": ["nodes@example-mendix.iam.gserviceaccount.com"],
    },
    "namespaces": [{"name": "orders"}],
}


def test_a_google_stack_needs_google_under_its_production_names() -> None:
    wanted = wanted_cloud(GCR)
    assert wanted is not None
    assert wanted.registry_hosts == ("europe-west4-docker.pkg.dev",)
    assert {f"{api}.googleapis.com" for api in ("artifactregistry", "iam", "iamcredentials", "sts")} <= set(
        wanted.names
    )
    assert set(HOSTS) <= set(wanted.names)
    assert wanted.addresses == {"metadata.google.internal": "169.254.169.254"}
    settings = GcpSettings.of(wanted.settings)
    assert settings.workload_pool == "example-mendix.svc.id.goog"
    assert settings.project_number == "987654321098"
    assert settings.node_service_account == "nodes@example-mendix.iam.gserviceaccount.com"
    assert settings.registry_hosts == {"europe-west4-docker.pkg.dev": "europe-west4"}


@pytest.mark.parametrize(
    ("host", "location"),
    [("gcr.io", "us"), ("eu.gcr.io", "europe"), ("us-docker.pkg.dev", "us"), ("images.example.com", "us-east1")],
)
def test_a_google_host_has_the_location_of_its_repositories(host: str, location: str) -> None:
    registry = {**GCR["registry"], "pushHost": host, **({"location": location} if "example" in host else {})}
    wanted = wanted_cloud({**GCR, "registry": registry})
    assert wanted is not None
    assert wanted.settings["registry_hosts"] == {host: location}


@pytest.mark.parametrize(
    "stack", sorted(Path("stacks").glob("Pulumi.example-google-gcr-*.yaml")), ids=lambda path: path.stem
)
def test_every_google_example_can_be_staged(stack: Path) -> None:
    config = {
        key.removeprefix("mendix-registry:"): value
        for key, value in yaml.safe_load(stack.read_text())["config"].items()
    }
    wanted = wanted_cloud(config)
    assert wanted is not None
    assert GcpSettings.of(wanted.settings).workload_pool == "example-mendix.svc.id.goog"


ACR: dict[str, Any] = {
    "registry": {
        "type": "microsoft-acr",
        "name": "exampleMendixAcr",
        "authentication": {
            "method": "workload-identity",
            "issuerUrls": ["https://westeurope.oic.prod-aks.azure.com/00000000-0000-0000-0000-00000000000b/c/"],
        },
    },
}


def test_an_azure_stack_needs_azure_under_its_production_names() -> None:
    wanted = wanted_cloud(ACR)
    assert wanted is not None
    assert wanted.registry_hosts[0] == "examplemendixacr.azurecr.io"
    assert {"login.microsoftonline.com", "management.azure.com", *wanted.registry_hosts} == set(wanted.names)
    assert AzureSettings.of(wanted.settings).tenant == "00000000-0000-0000-0000-00000000000b"


@pytest.mark.parametrize(
    ("environment", "entra", "suffix"),
    [("usgovernment", "login.microsoftonline.us", "azurecr.us"), ("china", "login.chinacloudapi.cn", "azurecr.cn")],
)
def test_a_sovereign_azure_has_its_own_names(environment: str, entra: str, suffix: str) -> None:
    wanted = wanted_cloud({"registry": {**ACR["registry"], "azureEnvironment": environment}})
    assert wanted is not None
    assert wanted.registry_hosts[0] == f"examplemendixacr.{suffix}"
    assert entra in wanted.names


def test_a_login_server_with_a_hash_is_the_host() -> None:
    existing = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerRegistry/registries/companyacr"
    given = {"type": "microsoft-acr", "existing": existing, "loginServer": "companyacr-a1b2c3.azurecr.io"}
    wanted = wanted_cloud({"registry": given})
    assert wanted is not None
    assert wanted.registry_hosts[0] == "companyacr-a1b2c3.azurecr.io"


@pytest.mark.parametrize(
    ("given", "node"),
    [
        ({"kubeletObjectIds": ["00000000-0000-0000-0000-00000000000d"]}, "00000000-0000-0000-0000-00000000000d"),
        ({}, "00000000-0000-0000-0000-000000000004"),
        ({"authentication": {"method": "admin"}}, ""),
    ],
)
def test_nodes_pull_with_the_identity_that_the_stack_states(given: dict[str, Any], node: str) -> None:
    wanted = wanted_cloud({"registry": {**ACR["registry"], **given}})
    assert wanted is not None
    assert AzureSettings.of(wanted.settings).node_principal == node


def test_token_passwords_come_from_the_stack_files_variables() -> None:
    passwords = {"orders": {"environment": "ORDERS"}, "billing": "pending", "claims": {"secure": "v1:x"}}
    wanted = wanted_cloud(
        {"registry": {**ACR["registry"], "authentication": {"method": "token", "passwords": passwords}}},
        lambda: {"orders": "as-described", "billing": "not-asked-for"},
    )
    assert wanted is not None
    assert wanted.passwords == {"ORDERS": "as-described"}


def test_a_long_namespaces_token_has_the_programs_name(tmp_path: Path) -> None:
    """The name was copied here once, without the bound of 50 characters."""
    name = "n" * 60
    content = yaml.safe_load((Path("stacks") / "Pulumi.example-microsoft-acr-token.yaml").read_text())
    content["config"]["mendix-registry:namespaces"] = [{"name": name}]
    passwords = {name: {"environment": "NOT_SET_HERE"}}
    content["config"]["mendix-registry:registry"]["authentication"]["passwords"] = passwords
    (tmp_path / "Pulumi.yaml").write_text("name: mendix-registry\nruntime: python\n")
    (tmp_path / "Pulumi.dev.yaml").write_text(yaml.safe_dump(content))
    found = identities(describe(load_project(tmp_path), "dev"))
    assert found[name].startswith("mendix-nnn") and len(found[name]) == 50


@pytest.mark.parametrize(
    "stack", sorted(Path("stacks").glob("Pulumi.example-microsoft-acr-*.yaml")), ids=lambda path: path.stem
)
def test_every_azure_example_can_be_staged(stack: Path) -> None:
    config = {
        key.removeprefix("mendix-registry:"): value
        for key, value in yaml.safe_load(stack.read_text())["config"].items()
    }
    wanted = wanted_cloud(config)
    assert wanted is not None
    assert AzureSettings.of(wanted.settings).tenant == "00000000-0000-0000-0000-000000000002"

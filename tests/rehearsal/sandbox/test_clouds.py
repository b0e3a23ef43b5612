"""What the sandbox prepares for a cloud's registry."""

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
from rehearsal.sandbox.description import begin
from rehearsal.sandbox.project import UsageError, load_project
from rehearsal.sandbox.wanted_cloud import WantedCloud
from tests.conftest import ROOT
from tests.rehearsal.descriptions import described, described_stack


def cloud(registry: dict[str, Any], **changes: Any) -> WantedCloud:
    found = wanted_cloud(described({**registry, **changes}))
    assert found is not None
    return found


def examples(kind: str) -> list[str]:
    return sorted(path.name.split(".")[1] for path in (ROOT / "stacks").glob(f"Pulumi.example-{kind}-*.yaml"))


ECR: dict[str, Any] = {
    "type": "amazon-ecr",
    "region": "eu-west-1",
    "accountId": "123456789012",
    "authentication": {
        "method": "irsa",
        "oidcProvider": {"existing": "arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/ABC"},
    },
}


def test_an_ecr_stack_needs_aws_under_its_production_names() -> None:
    wanted = cloud(ECR)
    assert "123456789012.dkr.ecr.eu-west-1.amazonaws.com" in wanted.registry_hosts
    assert {"sts.eu-west-1.amazonaws.com", "api.ecr.eu-west-1.amazonaws.com"} <= set(wanted.names)
    assert wanted.settings["issuer"] == "https://oidc.eks.eu-west-1.amazonaws.com/id/ABC"


def test_every_api_name_of_the_emulator_leads_to_it() -> None:
    wanted = cloud(ECR)
    assert set(AwsSettings.of(wanted.settings).api_hosts) <= set(wanted.names)


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1", "eusc-de-east-1"])
def test_another_partition_has_its_own_names(region: str) -> None:
    wanted = cloud(ECR, region=region)
    suffix = AwsSettings.of(wanted.settings).suffix
    assert wanted.registry_hosts[0] == f"123456789012.dkr.ecr.{region}.{suffix}"
    assert wanted.settings["partition"] != "aws"


def test_a_stack_without_cloud_or_region_gets_none() -> None:
    assert wanted_cloud(described({"type": "generic", "pushHost": "a.example", "authentication": "none"})) is None
    assert wanted_cloud(described({**ECR, "region": None})) is None


@pytest.mark.parametrize("stack", examples("amazon-ecr"))
def test_every_ecr_example_can_be_staged(stack: str) -> None:
    assert wanted_cloud(described_stack(stack)) is not None


GCR: dict[str, Any] = {
    "type": "google-gcr",
    "pushHost": "europe-west4-docker.pkg.dev",
    "repository": "example-mendix/{namespace}/apps",
    "authentication": {"method": "direct", "projectNumber": "987654321098"},
    "nodeServiceAccounts": ["nodes@example-mendix.iam.gserviceaccount.com"],
}


def test_a_google_stack_needs_google_under_its_production_names() -> None:
    wanted = cloud(GCR)
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
    wanted = cloud(GCR, pushHost=host, **({"location": location} if "example" in host else {}))
    assert wanted.settings["registry_hosts"] == {host: location}


@pytest.mark.parametrize("stack", examples("google-gcr"))
def test_every_google_example_can_be_staged(stack: str) -> None:
    wanted = wanted_cloud(described_stack(stack))
    assert wanted is not None
    assert GcpSettings.of(wanted.settings).workload_pool == "example-mendix.svc.id.goog"


ACR: dict[str, Any] = {
    "type": "microsoft-acr",
    "name": "exampleMendixAcr",
    "resourceGroup": "rg-mendix",
    "authentication": {
        "method": "workload-identity",
        "issuerUrls": ["https://westeurope.oic.prod-aks.azure.com/00000000-0000-0000-0000-00000000000b/c/"],
    },
}


def test_an_azure_stack_needs_azure_under_its_production_names() -> None:
    wanted = cloud(ACR)
    assert wanted.registry_hosts[0] == "examplemendixacr.azurecr.io"
    assert {"login.microsoftonline.com", "management.azure.com", *wanted.registry_hosts} == set(wanted.names)
    assert AzureSettings.of(wanted.settings).tenant == "00000000-0000-0000-0000-00000000000b"


@pytest.mark.parametrize(
    ("environment", "entra", "suffix"),
    [("usgovernment", "login.microsoftonline.us", "azurecr.us"), ("china", "login.chinacloudapi.cn", "azurecr.cn")],
)
def test_a_sovereign_azure_has_its_own_names(environment: str, entra: str, suffix: str) -> None:
    wanted = cloud(ACR, azureEnvironment=environment)
    assert wanted.registry_hosts[0] == f"examplemendixacr.{suffix}"
    assert entra in wanted.names


def test_a_login_server_with_a_hash_is_the_host() -> None:
    group = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/g"
    existing = f"{group}/providers/Microsoft.ContainerRegistry/registries/companyacr"
    wanted = cloud(ACR, name=None, existing=existing, loginServer="companyacr-a1b2c3.azurecr.io")
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
    wanted = cloud(ACR, **given)
    assert AzureSettings.of(wanted.settings).node_principal == node


def test_token_passwords_come_from_the_stack_files_variables() -> None:
    passwords = {"orders": {"environment": "ORDERS"}, "billing": "pending"}
    registry = {**ACR, "authentication": {"method": "token", "passwords": passwords}}
    wanted = wanted_cloud(described(registry, {"name": "orders"}, {"name": "billing"}))
    assert wanted is not None
    assert wanted.passwords == {"ORDERS": "mendix-orders"}


def test_a_long_namespaces_token_has_the_programs_name(tmp_path: Path) -> None:
    """The name was copied here once, without the bound of 50 characters."""
    name = "n" * 60
    content = yaml.safe_load((ROOT / "stacks" / "Pulumi.example-microsoft-acr-token.yaml").read_text())
    content["config"]["mendix-registry:namespaces"] = [{"name": name}]
    passwords = {name: {"environment": "NOT_SET_HERE"}}
    content["config"]["mendix-registry:registry"]["authentication"]["passwords"] = passwords
    (tmp_path / "Pulumi.yaml").write_text("name: mendix-registry\nruntime: python\n")
    (tmp_path / "Pulumi.dev.yaml").write_text(yaml.safe_dump(content))
    [namespace] = begin(load_project(tmp_path), "dev", tmp_path / "kept.json")().namespaces
    assert namespace.identity.startswith("mendix-nnn") and len(namespace.identity) == 50


def test_a_stack_with_a_wrong_file_can_be_destroyed(tmp_path: Path) -> None:
    kept, file = tmp_path / "kept.json", tmp_path / "Pulumi.dev.yaml"
    (tmp_path / "Pulumi.yaml").write_text("name: mendix-registry\nruntime: python\n")
    project = load_project(tmp_path)
    good = (ROOT / "stacks" / "Pulumi.local.yaml").read_text()
    file.write_text(good)
    deployed = begin(project, "dev", kept)()
    file.write_text(good.replace("type: generic", "type: generics"))
    assert begin(project, "dev", kept, deploys=False)() == deployed
    with pytest.raises(UsageError, match=r"Pulumi\.dev\.yaml:\d+:\d+: error\nconfig\.mendix-registry:registry\.type"):
        begin(project, "dev", kept)()
    file.write_text("config: [")
    with pytest.raises(UsageError, match=r"Pulumi\.dev\.yaml:\d+:\d+ is not YAML"):
        begin(project, "dev", kept, deploys=False)()


@pytest.mark.parametrize("stack", examples("microsoft-acr"))
def test_every_azure_example_can_be_staged(stack: str) -> None:
    wanted = wanted_cloud(described_stack(stack))
    assert wanted is not None
    assert AzureSettings.of(wanted.settings).tenant == "00000000-0000-0000-0000-000000000002"

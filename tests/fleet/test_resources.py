"""A plan that counts other resources than the program registers is worth nothing: both count every example, and variants."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from fleet.resources import count_resources
from mendix_registry.deployment import deploy
from mendix_registry.settings.values import Surroundings
from mendix_registry.stack_file import Settings, parse
from tests.components.kinds.microsoft_acr.conftest import ANSWERS, CALLS, GROUP
from tests.components.program import run

pytestmark = pytest.mark.slow

STACKS = Path(__file__).parents[2] / "stacks"
VARIABLES = {
    "KRANE_IMAGE": f"krane:debug@sha256:{'0' * 64}",
    "REGISTRY_PASSWORD": "a-password",
    "ACR_TOKEN_BILLING": "one",
    "ACR_TOKEN_ORDERS": "two",
}
# These read objects of a live cluster before they register anything.
LIVE = {"Pulumi.example-docker-secret.yaml", "Pulumi.local.yaml", "Pulumi.example-openshift3.yaml"}
EXAMPLES = sorted(path.name for path in STACKS.glob("Pulumi.*.yaml") if path.name not in LIVE)


def _settings(name: str, changes: dict[str, Any], namespaces: list[dict[str, Any]] | None = None) -> Settings:
    config = yaml.safe_load((STACKS / name).read_text())["config"]
    if namespaces is not None:
        config["mendix-registry:namespaces"] = namespaces
    for path, value in changes.items():
        target = config
        *keys, last = path.split("/")
        for key in keys:
            target = target.setdefault(f"mendix-registry:{key}" if target is config else key, {})
        target[f"mendix-registry:{last}" if target is config else last] = value
    return parse(config, surroundings=Surroundings(VARIABLES)).settings


def _registered(settings: Settings) -> Counter[str]:
    recording = run(lambda: deploy(settings), answers=ANSWERS, calls=CALLS)
    return Counter(
        item.type
        for item in recording.registered
        if item.custom and not item.read and not item.type.startswith("pulumi:providers:")
    )


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_plan_counts_what_the_program_registers(name: str) -> None:
    settings = _settings(name, {})
    assert count_resources(settings) == _registered(settings)


NAMESPACES = [{"name": f"team-{number}"} for number in range(9)]


@pytest.mark.parametrize(
    ("name", "changes", "namespaces"),
    [
        ("Pulumi.example-amazon-ecr-irsa.yaml", {"registry/authentication/roles": {"shared": 3}}, NAMESPACES),
        ("Pulumi.example-amazon-ecr-irsa.yaml", {"registry/repository": "mendixapps/all"}, NAMESPACES),
        ("Pulumi.example-amazon-ecr-irsa.yaml", {"registry/repositories": {"createOnPush": True}}, NAMESPACES),
        ("Pulumi.example-amazon-ecr-irsa.yaml", {"registry/repositories": {"create": False}}, NAMESPACES),
        ("Pulumi.example-amazon-ecr-pod-identity.yaml", {"registry/authentication/associate": False}, NAMESPACES),
        ("Pulumi.example-microsoft-acr-classic.yaml", {}, NAMESPACES),
        (
            "Pulumi.example-microsoft-acr-classic.yaml",
            {
                "registry/existing": None,
                "registry/loginServer": None,
                "registry/import": f"{GROUP}/rg-shared/providers/Microsoft.ContainerRegistry/registries/companyacr",
            },
            NAMESPACES,
        ),
        (
            "Pulumi.example-google-gcr-workload-identity.yaml",
            {
                "registry/authentication": {
                    "method": "workload-identity",
                    "import": "builder@tools-{namespace}.iam.gserviceaccount.com",
                }
            },
            NAMESPACES,
        ),
        ("Pulumi.example-google-gcr-workload-identity.yaml", {"registry/authentication/shards": 4}, NAMESPACES),
        (
            "Pulumi.example-google-gcr-workload-identity.yaml",
            {
                "registry/authentication/serviceAccount": None,
                "registry/authentication/grant": False,
                "registry/authentication/existing": "b@example-mendix.iam.gserviceaccount.com",
            },
            NAMESPACES,
        ),
        ("Pulumi.example-google-gcr-direct.yaml", {"builder/mode": "none"}, NAMESPACES),
        ("Pulumi.example-generic.yaml", {"registry/linkToDefaultServiceAccount": False}, NAMESPACES),
        (
            "Pulumi.example-generic.yaml",
            {"builder/proveNodePull": False, "operatorConfiguration": {"adopt": "none"}},
            NAMESPACES,
        ),
        ("Pulumi.example-openshift4.yaml", {"registry/createRoleBinding": False}, [{"name": "team-0", "create": True}]),
    ],
)
def test_a_variant_is_counted_as_the_program_registers_it(
    name: str, changes: dict[str, Any], namespaces: list[dict[str, Any]]
) -> None:
    if "shards" in "".join(changes):
        changes = {**changes, "registry/authentication/serviceAccount": "builder-{shard}"}
    if "openshift" in name:
        changes = {**changes, "registry/repository": "{namespace}/apps"}
    settings = _settings(name, changes, namespaces)
    assert count_resources(settings) == _registered(settings)

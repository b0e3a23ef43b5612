"""A plan that counts other resources than the program registers is worth nothing. A run of the fleet ends before any answer of a
cloud; so it is compared with runs to their end, under mocks that answer as the clouds do, and with what Pulumi's CLI does."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from fleet.problems import FleetError
from fleet.program import Registrations, register, registrations
from mendix_registry.deployment import deploy
from mendix_registry.settings.values import Surroundings
from mendix_registry.stack_file import Settings, parse
from tests.components.kinds.microsoft_acr.conftest import ANSWERS, CALLS, GROUP
from tests.components.program import run
from tests.conftest import STACKS as PROJECT_STACKS
from tests.report import registries

pytestmark = pytest.mark.slow

STACKS = Path(__file__).parents[2] / "stacks"
VARIABLES = {
    "KRANE_IMAGE": f"krane:debug@sha256:{'0' * 64}",
    "REGISTRY_PASSWORD": "a-password",
    "ACR_TOKEN_BILLING": "one",
    "ACR_TOKEN_ORDERS": "two",
    "OPENSHIFT_CA": (Path(__file__).parents[1] / "components" / "stack_file" / "ca.pem").read_text(),
}
# These read objects of a live cluster before they register anything.
LIVE = {"Pulumi.example-docker-secret.yaml", "Pulumi.local.yaml", "Pulumi.example-openshift3.yaml"}
EXAMPLES = [name for stack in PROJECT_STACKS if (name := f"Pulumi.{stack}.yaml") not in LIVE]


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
    assert register(settings).resources == _registered(settings)


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
    assert register(settings).resources == _registered(settings)


RECORDED = Path(__file__).parents[1] / "report" / "recorded"
PREVIEWS = {
    "first-ecr": registries.ECR,
    "first-ecr-pod-identity": registries.ECR_POD_IDENTITY,
    "first-ecr-static": registries.ECR_STATIC,
    "first-acr": registries.ACR,
    "first-acr-admin": registries.ACR_ADMIN,
    "first-acr-token": registries.ACR_TOKEN,
    "first-gar": registries.GAR,
    "first-generic": registries.GENERIC,
    "first-openshift4": registries.OPENSHIFT,
}
"""As ``tests/report/record.py`` has them."""


def _given(registry: dict[str, Any], *namespaces: str, **keys: Any) -> Registrations:
    content = {"registry": registry, "namespaces": [{"name": name} for name in namespaces], **keys}
    config = {f"mendix-registry:{key}": value for key, value in content.items()}
    return register(parse(config, surroundings=Surroundings(VARIABLES)).settings)


@pytest.mark.parametrize("name", [*PREVIEWS, "first-with-jobs"])
def test_the_fleet_counts_what_the_cli_previews(name: str) -> None:
    """Recorded by Pulumi's CLI: the stack itself, components and providers are steps as well."""
    found = (
        _given(registries.GENERIC, "orders")
        if name == "first-with-jobs"
        else _given(PREVIEWS[name], "orders", "billing", builder={"mode": "none"})
    )
    steps = json.loads((RECORDED / name / "preview.json").read_text())["steps"]
    tokens = Counter(step["newState"]["type"] for step in steps if step["op"] == "create")
    ours = ("pulumi:", "mendix-registry:")
    assert found.resources == Counter({t: count for t, count in tokens.items() if not t.startswith(ours)})
    assert found.components == sum(count for token, count in tokens.items() if token.startswith("mendix-registry:"))
    assert found.everything == tokens.total() - 1


@pytest.mark.parametrize(
    ("name", "changes", "namespaces", "written"),
    [
        ("Pulumi.example-generic.yaml", {}, 1, 30),
        ("Pulumi.example-generic.yaml", {}, 2, 52),
        ("Pulumi.example-amazon-ecr-irsa.yaml", {}, 1, 35),
        ("Pulumi.example-amazon-ecr-irsa.yaml", {}, 2, 57),
    ],
)
def test_the_state_is_written_as_often_as_by_pulumi(
    name: str, changes: dict[str, Any], namespaces: int, written: int
) -> None:
    """Counted by ``writes`` in ``bench/updates.py``, which has the CLI keep every state that it writes."""
    settings = _settings(name, changes, [{"name": f"team-{number}"} for number in range(namespaces)])
    assert register(settings).state_writes == written


def test_what_the_program_only_reads_is_not_created() -> None:
    """The Service is OpenShift 3's registry; it is read once, and nothing of a live cluster is needed to know that."""
    found = register(_settings("Pulumi.example-openshift3.yaml", {"registry/pullHost": None}))
    assert found.reads == {("kubernetes:core/v1:Service", "default/docker-registry")}
    assert "kubernetes:core/v1:Service" not in found.resources


def test_processes_count_as_one_does() -> None:
    small, large = (
        _settings("Pulumi.example-generic.yaml", {}, [{"name": f"{name}-{n}"} for n in range(count)])
        for name, count in (("a", 3), ("b", 650))
    )
    done: list[tuple[int, int]] = []
    assert registrations([small, large], lambda *progress: done.append(progress)) == (register(small), register(large))
    assert done == [(1, 2), (2, 2)]


def test_a_missing_sdk_is_reported_with_the_install_command(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [name for name in sys.modules if name.startswith("mendix_registry.kinds.amazon_ecr.")]:
        monkeypatch.delitem(sys.modules, module)
    for module in [name for name in sys.modules if name.partition(".")[0] == "pulumi_aws"]:
        monkeypatch.delitem(sys.modules, module)

    class Missing:
        @staticmethod
        def find_spec(name: str, *_: object) -> None:
            if name.partition(".")[0] == "pulumi_aws":
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    settings = _settings("Pulumi.example-amazon-ecr-irsa.yaml", {})
    monkeypatch.setattr(sys, "meta_path", [Missing, *sys.meta_path])
    with pytest.raises(FleetError, match="uv sync --inexact --all-packages --extra aws"):
        register(settings)

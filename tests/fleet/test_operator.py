"""The operator's objects: who may do what, where secrets come from, in which order stacks begin."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from fleet.operator import ACCOUNT
from fleet.stacks import stack_number
from tests.fleet.conftest import AZURE, GENERIC, OPERATOR, STATE, Workspace, fleet_content, names
from tests.fleet.operator_definitions import SINCE, STACK

# Each runs the program, to count.
pytestmark = pytest.mark.slow


def objects(workspace: Workspace, content: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The objects of each file that the command writes."""
    workspace.write(content)
    result = workspace.run("operator")
    assert result.exit_code == 0, result.output
    directory = workspace.directory / "operator" / "prod"
    return {path.name: list(yaml.safe_load_all(path.read_text())) for path in sorted(directory.iterdir())}


def content(registry: dict[str, Any] = GENERIC, namespaces: Any = 40, stacks: int = 6, **keys: Any) -> dict[str, Any]:
    return fleet_content(registry, namespaces, stacks, **{"operator": OPERATOR, "state": STATE, **keys})


def of_kind(found: dict[str, list[dict[str, Any]]], kind: str) -> list[dict[str, Any]]:
    return [item for listed in found.values() for item in listed if item["kind"] == kind]


def test_there_is_one_stack_object_for_each_stack(workspace: Workspace) -> None:
    found = objects(workspace, content())
    stacks = of_kind(found, "Stack")
    assert [stack["spec"]["stack"] for stack in stacks] == [f"prod-{number:02d}" for number in range(6)]
    for stack in stacks:
        spec = stack["spec"]
        assert spec["backend"] == STATE["backend"] and spec["secretsProvider"] == STATE["secretsProvider"]
        assert spec["serviceAccountName"] == ACCOUNT
        # Deleting an object must never delete a registry.
        assert spec["destroyOnFinalize"] is False
        assert spec["workspaceReclaimPolicy"] == "Delete"
        assert spec["workspaceTemplate"]["spec"]["securityProfile"] == "restricted"


def test_stacks_wait_so_that_only_so_many_run(workspace: Workspace) -> None:
    stacks = of_kind(objects(workspace, content(rollout={"stacksAtOnce": 2})), "Stack")
    waits = {s["metadata"]["name"]: [p["name"] for p in s["spec"].get("prerequisites", [])] for s in stacks}
    assert waits == {
        "prod-00": [],
        "prod-01": [],
        "prod-02": ["prod-00"],
        "prod-03": ["prod-01"],
        "prod-04": ["prod-02"],
        "prod-05": ["prod-03"],
    }


def test_pods_have_rights_in_the_fleets_namespaces_only(workspace: Workspace) -> None:
    found = objects(workspace, content())
    bindings = of_kind(found, "RoleBinding")
    assert sorted(binding["metadata"]["namespace"] for binding in bindings) == names(40)
    assert [b["roleRef"]["name"] for b in of_kind(found, "ClusterRoleBinding")] == ["system:auth-delegator"]
    rules = [rule for role in of_kind(found, "ClusterRole") for rule in role["rules"]]
    assert not any("*" in value for rule in rules for values in rule.values() for value in values)
    for file, listed in found.items():
        stack = next((item for item in listed if item["kind"] == "Stack"), None)
        if stack:
            number = int(file.removeprefix("prod-").removesuffix(".yaml"))
            own = [item["metadata"]["namespace"] for item in listed if item["kind"] == "RoleBinding"]
            assert own and all(stack_number(name, 6) == number for name in own)


def test_creating_a_namespace_needs_rights_for_the_whole_cluster(workspace: Workspace) -> None:
    found = objects(workspace, content(namespaces=[{"name": "new", "create": True}, "old"]))
    assert [binding["metadata"]["namespace"] for binding in of_kind(found, "RoleBinding")] == ["old"]
    bound = {binding["roleRef"]["name"] for binding in of_kind(found, "ClusterRoleBinding")}
    assert bound == {"system:auth-delegator", "mendix-registry-deployer", "mendix-registry-deployer-namespaces"}


def test_in_another_cluster_no_rights_are_needed_here(workspace: Workspace) -> None:
    config = {"mendix-registry:cluster": {"kubeconfig": {"environment": "KUBECONFIG_TEXT"}}}
    found = objects(workspace, content(config=config))
    assert not of_kind(found, "RoleBinding") and not of_kind(found, "ClusterRole")
    assert "KUBECONFIG_TEXT" in of_kind(found, "Stack")[0]["spec"]["envRefs"]


def test_environment_values_of_stack_files_come_from_the_secret(workspace: Workspace) -> None:
    operator = {**OPERATOR, "environment": {"KRANE_IMAGE": "krane@sha256:" + "0" * 64}}
    config = {"mendix-registry:builder": {"image": {"environment": "KRANE_IMAGE"}}}
    state = {"backend": "postgres://pulumi@db.example.com/state?sslmode=verify-full", "secretsProvider": "passphrase"}
    workspace.write(content(operator=operator, config=config, state=state))
    result = workspace.run("operator")
    assert "must have the keys PGPASSWORD, PULUMI_CONFIG_PASSPHRASE, REGISTRY_PASSWORD." in result.stdout
    references = of_kind(objects(workspace, content(operator=operator, config=config, state=state)), "Stack")[0][
        "spec"
    ]["envRefs"]
    assert references["KRANE_IMAGE"] == {
        "type": "Literal",
        "literal": {"value": operator["environment"]["KRANE_IMAGE"]},
    }
    assert references["REGISTRY_PASSWORD"] == {
        "type": "Secret",
        "secret": {"name": "mendix-registry-fleet", "key": "REGISTRY_PASSWORD"},
    }


def test_every_reference_has_a_kind_that_the_operator_resolves(workspace: Workspace) -> None:
    """It stalls on Env and FS (since 2.1), on a namespace beside a Secret's name, and on a Git token that is no Secret."""
    operator = {**OPERATOR, "environment": {"KRANE_IMAGE": "krane@sha256:" + "0" * 64}}
    config = {"mendix-registry:builder": {"image": {"environment": "KRANE_IMAGE"}}}
    references: list[dict[str, Any]] = []
    for stack in of_kind(objects(workspace, content(operator=operator, config=config)), "Stack"):
        token = stack["spec"]["gitAuth"]["accessToken"]
        assert token["type"] == "Secret"
        references += [*stack["spec"]["envRefs"].values(), token]
    assert {reference["type"] for reference in references} == {"Literal", "Secret"}
    for reference in references:
        assert set(reference) == {"type", reference["type"].lower()}
        assert set(reference.get("secret", {"name": "", "key": ""})) == {"name", "key"}


def test_the_operator_creates_no_stack_with_its_own_key(workspace: Workspace) -> None:
    """Only ``pulumi stack init`` writes the key into the stack file: ``mendix-registry-fleet state`` runs it where that is kept."""
    (own, *_) = of_kind(objects(workspace, content()), "Stack")
    assert own["spec"]["useLocalStackOnly"] is True
    cloud = {"backend": "https://pulumi.example.com", "organization": "acme"}
    (kept_there, *_) = of_kind(objects(workspace, content(state=cloud)), "Stack")
    assert "useLocalStackOnly" not in kept_there["spec"] and "secretsProvider" not in kept_there["spec"]


def test_azures_label_reaches_the_pods(workspace: Workspace) -> None:
    trust = {
        "serviceAccountAnnotations": {"azure.workload.identity/client-id": "00000000-0000-0000-0000-000000000009"},
        "podLabels": {"azure.workload.identity/use": "true"},
    }
    found = objects(workspace, content(AZURE, operator={**OPERATOR, "trust": trust}))
    assert of_kind(found, "ServiceAccount")[0]["metadata"]["annotations"] == trust["serviceAccountAnnotations"]
    template = of_kind(found, "Stack")[0]["spec"]["workspaceTemplate"]["spec"]["podTemplate"]
    assert template["metadata"]["labels"] == trust["podLabels"]


def test_only_fields_that_the_operators_types_have(workspace: Workspace) -> None:
    """The API server drops an unknown field without a word: a misspelt backend would put the state somewhere else."""

    def closed(schema: Any) -> Any:
        if not isinstance(schema, dict):
            return [closed(item) for item in schema] if isinstance(schema, list) else schema
        result = {key: closed(value) for key, value in schema.items()}
        if isinstance(schema.get("properties"), dict) and "x-kubernetes-preserve-unknown-fields" not in schema:
            result["additionalProperties"] = False
        return result

    operator = {**OPERATOR, "trust": {"podLabels": {"a": "b"}}}
    repository = {"url": "https://git.example.com/platform/r", "commit": "a" * 40, "directory": "deploy"}
    for variant in (operator, {**OPERATOR, "repository": repository}):
        for stack in of_kind(objects(workspace, content(operator=variant)), "Stack"):
            Draft202012Validator(closed(STACK)).validate(stack["spec"])
            assert not SINCE.keys() & stack["spec"].keys(), "an older version 2 would drop it"


def test_a_stack_that_is_no_more_loses_its_file(workspace: Workspace) -> None:
    objects(workspace, content(stacks=3))
    rest = [name for name in names(40) if stack_number(name, 3) != 1]
    assert "prod-01.yaml" not in objects(workspace, content(namespaces=rest, stacks=3))


def test_a_foreign_file_is_not_deleted(workspace: Workspace) -> None:
    directory = workspace.directory / "operator" / "prod"
    directory.mkdir(parents=True)
    (directory / "mine.yaml").write_text("kind: ConfigMap\n")
    assert "was not written by mendix-registry-fleet" in workspace.refused(content(), "operator")


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (
            {"operator": {**OPERATOR, "image": "pulumi/pulumi:latest"}},
            "operator.image The image is not pinned by digest",
        ),
        ({"operator": {**OPERATOR, "repository": {"url": "https://x/y"}}}, "exactly one of branch and commit"),
        (
            {"operator": {**OPERATOR, "repository": {"url": "https://me:canary-1@x/y", "branch": "main"}}},
            "there are credentials in the URL",
        ),
        ({"state": {}}, "state.backend This key is missing"),
    ],
)
def test_an_unsafe_or_incomplete_setup_is_rejected(keys: dict[str, Any], words: str, workspace: Workspace) -> None:
    told = workspace.refused(content(**keys), "operator")
    assert words.lower() in told.lower() and "canary-1" not in told


def test_a_fleet_without_operator_shows_the_key_to_add(workspace: Workspace) -> None:
    assert "operator This key is missing" in workspace.refused(fleet_content(), "operator")


def test_the_files_need_no_other_order_than_their_names(workspace: Workspace) -> None:
    objects(workspace, content())
    files = sorted(path.name for path in (workspace.directory / "operator" / "prod").iterdir())
    assert files[0] == "00-foundation.yaml"
    assert "&id" not in "".join(
        path.read_text() for path in (Path(workspace.directory) / "operator" / "prod").iterdir()
    )


def test_pods_may_bind_and_read_what_the_program_does(workspace: Workspace) -> None:
    registry = {
        "type": "openshift3",
        "repository": "{namespace}/apps",
        "transport": {"caCertificate": (Path(__file__).parents[1] / "components/stack_file/ca.pem").read_text()},
    }
    found = objects(workspace, content(registry, 4, 2))
    [role] = of_kind(found, "Role")
    assert role["metadata"]["namespace"] == "default"
    assert role["rules"] == [
        {"apiGroups": [""], "resources": ["services"], "verbs": ["get"], "resourceNames": ["docker-registry"]}
    ]
    rules = [rule for role in of_kind(found, "ClusterRole") for rule in role["rules"]]
    assert {
        "apiGroups": ["rbac.authorization.k8s.io"],
        "resources": ["clusterroles"],
        "verbs": ["bind"],
        "resourceNames": ["system:image-builder"],
    } in rules
    assert not of_kind(objects(workspace, content()), "Role")

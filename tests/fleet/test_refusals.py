"""Fleets that would break something are refused: with path, reason and remedy, all at once, before a file is written."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fleet.conftest import AWS, AZURE, GENERIC, GOOGLE, ISSUER, REGISTRY_ID, Workspace, fleet_content

IDENTITY = REGISTRY_ID.replace(
    "Microsoft.ContainerRegistry/registries", "Microsoft.ManagedIdentity/userAssignedIdentities"
)


def aws(**keys: Any) -> dict[str, Any]:
    return {**AWS, **keys}


def authenticated(registry: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return {**registry, "authentication": {**registry["authentication"], **keys}}


SHARED: dict[str, tuple[dict[str, Any], str]] = {
    "aws-oidc-provider": (
        authenticated(AWS, oidcProvider={"issuer": "https://oidc.eks.eu-west-1.amazonaws.com/id/A", "create": True}),
        "registry.authentication.oidcProvider Every stack would create or take over the cluster's OIDC provider",
    ),
    "aws-node-roles": (aws(nodeRoles=["nodes"]), "registry.nodeRoles Every stack would give the nodes' roles"),
    "aws-one-repository": (
        aws(repository="mendixapps/all"),
        "The repository mendixapps/all would be created by the stack",
    ),
    "aws-shared-roles": (
        authenticated(AWS, roles={"shared": 2, "namePrefix": "mendix"}),
        "registry.authentication.roles.namePrefix The roles that namespaces share would have the same names",
    ),
    "azure-registry": (
        {key: value for key, value in AZURE.items() if key not in ("existing", "roleAssignmentMode")}
        | {"name": "acmeacr", "resourceGroup": "rg"},
        "registry.name Every stack would create or take over the registry",
    ),
    "azure-kubelet": (
        {**AZURE, "kubeletObjectIds": ["00000000-0000-0000-0000-000000000004"]},
        "registry.kubeletObjectIds Every stack would let the nodes pull",
    ),
    "azure-one-identity": (
        authenticated({**AZURE, "roleAssignmentMode": "classic"}, existing=IDENTITY),
        "registry.authentication.existing All stacks would write federated credentials of one managed identity",
    ),
    "azure-shared-identities": (
        authenticated({**AZURE, "roleAssignmentMode": "classic"}, sharedIdentities=4),
        "registry.authentication.namePrefix The managed identities that namespaces share would have the same names",
    ),
    "google-shards": (
        {**GOOGLE, "authentication": {"method": "workload-identity", "shards": 3}},
        "registry.authentication.serviceAccount The service accounts that namespaces share would have the same names",
    ),
    "google-one-repository": (
        {**GOOGLE, "repository": "example-mendix/all/{namespace}"},
        "would be created by the stack prod-00 and by prod-01",
    ),
    "google-readers": (
        {
            **GOOGLE,
            "repository": "example-mendix/all/{namespace}",
            "artifactRegistry": {"existing": True},
            "nodeServiceAccounts": ["nodes@example-mendix.iam.gserviceaccount.com"],
        },
        "registry.nodeServiceAccounts The nodes' right to read the repository projects/example-mendix/locations/europe-west4/"
        "repositories/all would be granted by the stack prod-00 and by prod-01",
    ),
}


@pytest.mark.parametrize("case", SHARED)
def test_what_two_stacks_would_both_own_is_rejected(case: str, workspace: Workspace) -> None:
    """The second stack fails at what exists, and the first that is destroyed deletes it for all."""
    registry, told = SHARED[case]
    message = workspace.refused(fleet_content(registry, 20, 3))
    assert told in message and "why: " in message and "do: " in message


@pytest.mark.parametrize("case", SHARED)
def test_a_fleet_of_one_stack_may_own_everything(case: str, workspace: Workspace) -> None:
    registry, _ = SHARED[case]
    workspace.write(fleet_content(registry, 3, 1))
    result = workspace.run("split")
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    "registry",
    [
        authenticated(AWS, roles={"shared": 2, "namePrefix": "mendix-{stack}"}),
        authenticated({**AZURE, "roleAssignmentMode": "classic"}, sharedIdentities=4, namePrefix="mendix-{stack}"),
        {
            **GOOGLE,
            "authentication": {"method": "workload-identity", "shards": 3, "serviceAccount": "b-{stack}-{shard}"},
        },
        {**GOOGLE, "repository": "example-mendix/stack-{stack}/{namespace}"},
    ],
)
def test_the_stacks_number_keeps_names_apart(registry: dict[str, Any], workspace: Workspace) -> None:
    workspace.write(fleet_content(registry, 20, 3))
    result = workspace.run("split")
    assert result.exit_code == 0, result.output
    assert all(f"-{number:02d}" in text for number, text in enumerate(workspace.files().values()))


def test_the_roles_default_prefix_is_the_stacks_own(workspace: Workspace) -> None:
    workspace.write(fleet_content(authenticated(AWS, roles={"shared": 2}), 20, 3))
    assert workspace.run("split").exit_code == 0


def test_all_problems_are_reported_at_once(workspace: Workspace) -> None:
    content = fleet_content(
        authenticated({**AZURE, "kubeletObjectIds": ["00000000-0000-0000-0000-000000000004"]}, existing=IDENTITY)
        | {"roleAssignmentMode": "classic"},
        state={"backend": "file:///tmp/state"},
    )
    message = workspace.refused(content)
    assert message.startswith("error: The fleet has 4 problems; nothing was written.")
    for path in ("kubeletObjectIds", "authentication.existing", "state.backend", "state.secretsProvider"):
        assert path in message


def test_a_stack_file_problem_names_its_fleet_file_place(workspace: Workspace) -> None:
    namespaces = ["good", {"name": "also-good", "repository": "Bad/Name"}, "Not_A_Label"]
    message = workspace.refused(fleet_content(namespaces=namespaces))
    assert "namespaces[1].repository" in message and "namespaces[2].name" in message


def test_a_problem_of_all_stacks_is_reported_once(workspace: Workspace) -> None:
    message = workspace.refused(fleet_content(aws(region="eu-nowhere-1x"), 100, 10))
    assert message.count("registry.region") == 1


def test_a_limit_broken_by_many_stacks_is_reported_once(workspace: Workspace) -> None:
    registry = authenticated(AWS, roles={"shared": 1, "namePrefix": "mendix-{stack}"})
    message = workspace.refused(fleet_content(registry, 400, 8))
    assert message.startswith("error: The fleet has 1 problem;")
    assert "In the stack prod-00 (and 7 more): the trust policy of role 'shared-0' has" in message


def test_a_repository_that_no_namespace_has_is_rejected(workspace: Workspace) -> None:
    message = workspace.refused(fleet_content(aws(repositories={"import": ["mendixapps/nobody"]})))
    assert "registry.repositories.import[0] 'mendixapps/nobody' is no repository of the fleet's namespaces" in message


def test_a_line_of_the_csv_file_is_named(workspace: Workspace) -> None:
    (workspace.directory / "teams.csv").write_text("name,repository\norders,\nbilling\n,x/y\norders,a/b\n")
    message = workspace.refused(fleet_content(namespaces={"file": "teams.csv"}))
    assert "teams.csv line 3 It has not 2 values" in message
    assert "teams.csv line 4 The name is missing" in message
    assert "teams.csv line 5 'orders' is in the fleet already, at teams.csv line 2" in message


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("name: [unclosed", "it is not YAML at line"),
        ("- a list", "It is no object with keys"),
        ({"name": "prod", "stacks": 2}, "config This key is missing"),
        ({**fleet_content(), "stack": 3}, "stack There is no such key"),
        ({**fleet_content(), "stacks": 0}, "stacks Input should be greater than or equal to 1"),
        ({**fleet_content(), "name": "Prod!"}, "name This name has characters"),
        (fleet_content(namespaces=[]), "namespaces There is no namespace"),
        (fleet_content(namespaces=["a", "a"]), "namespaces[1] 'a' is in the fleet already, at namespaces[0]"),
        (fleet_content(namespaces=[1]), "namespaces[0] This is neither a name nor an object"),
        (fleet_content(namespaces={"file": "missing.csv"}), "missing.csv cannot be read"),
        (
            fleet_content(config={"mendix-registry:namespaces": [{"name": "a"}]}),
            "config.mendix-registry:namespaces The namespaces do not stand under config",
        ),
        (
            fleet_content(authenticated(GENERIC, password={"secure": "v1:abc"})),
            "registry.authentication.password This value is encrypted",
        ),
        (
            fleet_content(authenticated(AWS, roles={"existing": {"nobody": "arn:aws:iam::123456789012:role/x"}})),
            "roles.existing.nobody 'nobody' is no namespace of the fleet",
        ),
    ],
)
def test_a_wrong_fleet_file_is_rejected(content: Any, told: str, workspace: Workspace) -> None:
    assert told.lower() in workspace.refused(content).lower()


@pytest.mark.parametrize("key", ["awsRole", "azureWritesPerSecond"])
def test_a_quota_of_another_kind_is_rejected(key: str, workspace: Workspace) -> None:
    message = workspace.refused(fleet_content(quotas={key: 2000}))
    assert f"quotas.{key} The fleet's registry kind has no such quota" in message and "awsRoles" in message


def test_a_secret_in_the_fleet_file_is_rejected_hidden(workspace: Workspace) -> None:
    message = workspace.refused(fleet_content(authenticated(GENERIC, password="canary-1234")))
    assert "canary-1234" not in message and "password" in message


def test_broken_yaml_is_not_quoted(workspace: Workspace) -> None:
    assert "canary-1234" not in workspace.refused("password: canary-1234: [x")


def test_variables_of_the_deploying_machine_may_be_unset_here(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REGISTRY_PASSWORD", raising=False)
    workspace.write(fleet_content(GENERIC))
    assert workspace.run("split").exit_code == 0


def test_a_variable_whose_value_is_checked_is_asked_for(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ISSUER", raising=False)
    content = fleet_content(authenticated(AZURE, issuerUrls=[{"environment": "ISSUER"}]))
    assert "The environment variable ISSUER is not set here" in workspace.refused(content)
    monkeypatch.setenv("ISSUER", ISSUER)
    assert workspace.run("split").exit_code == 0


def test_control_characters_in_names_never_reach_the_terminal(workspace: Workspace) -> None:
    assert "\x1b" not in workspace.refused(fleet_content(namespaces=["a\x1b[2J", "b"]))

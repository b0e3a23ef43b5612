"""The split is stable and complete, and what it writes are stack files that the program takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fleet.fleet_file import Fleet
from fleet.members import Member
from fleet.stack_files import MARK, stack_file_text
from fleet.stacks import assign, make_stacks, stack_number
from mendix_registry.settings.values import Surroundings
from mendix_registry.stack_file import parse
from tests.fleet.conftest import AWS, GENERIC, STATE, Workspace, fleet_content, names

pytestmark = pytest.mark.slow

LABEL = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)
NAMES = st.lists(LABEL, min_size=1, max_size=60, unique=True)
QUIET: dict[str, Any] = {"mendix-registry:builder": {"mode": "none"}}


def members(of: list[str]) -> tuple[Member, ...]:
    return tuple(Member(name, {"name": name}, f"namespaces[{number}]") for number, name in enumerate(of))


def texts(of: list[str], stacks: int) -> dict[str, str]:
    """The files that a fleet of these namespaces has."""
    fleet = Fleet.model_validate(fleet_content(namespaces=of, stacks=stacks, config=QUIET))
    made = make_stacks(fleet, members(of), {}, Path())
    return {stack.name: stack_file_text(stack, None) for stack in made}


@given(NAMES, st.integers(1, 300))
def test_every_namespace_is_in_exactly_one_stack(of: list[str], stacks: int) -> None:
    groups = assign(members(of), stacks)
    assert sorted(member.name for group in groups.values() for member in group) == sorted(of)
    assert all(group and 0 <= number < stacks for number, group in groups.items())


@given(NAMES, LABEL, st.integers(1, 12))
def test_adding_or_removing_a_namespace_changes_one_stack_file(of: list[str], new: str, stacks: int) -> None:
    without = [name for name in of if name != new] or ["another"]
    before, after = texts(without, stacks), texts([*without, new], stacks)
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert changed == ({f"prod-{stack_number(new, stacks):02d}"} if new not in without else set())


@given(NAMES, st.randoms(use_true_random=False), st.integers(1, 12))
def test_the_order_of_the_fleet_file_changes_nothing(of: list[str], random: Any, stacks: int) -> None:
    shuffled = list(of)
    random.shuffle(shuffled)
    assert texts(of, stacks) == texts(shuffled, stacks)


@given(NAMES, st.integers(1, 60))
def test_another_stack_takes_its_share_and_moves_nothing_else(of: list[str], stacks: int) -> None:
    for name in of:
        after = stack_number(name, stacks + 1)
        assert after in (stack_number(name, stacks), stacks)


def test_a_namespaces_stack_never_changes_between_versions() -> None:
    """Another number would have the next update delete the namespace's repository with every image in it."""
    assert [stack_number(name, 20) for name in ("mendix-orders", "mendix-billing", "mendix-claims", "a")] == [
        17,
        13,
        9,
        8,
    ]


def test_namespaces_of_one_stack_spread_over_all_roles() -> None:
    """With the same hash for stacks and roles, all of a stack fell on one role, whose trust policy was far too long."""
    registry = {**AWS, "authentication": {**AWS["authentication"], "roles": {"shared": 10, "namePrefix": "m-{stack}"}}}
    fleet = Fleet.model_validate(fleet_content(registry, 1000, 10, config=QUIET))
    stacks = make_stacks(fleet, members(names(1000)), {}, Path())
    assert len(stacks) == 10
    from mendix_registry.kinds.amazon_ecr import plan as ecr_plan

    for stack in stacks:
        roles = ecr_plan.role_plans(stack.settings.registry.authentication.roles, stack.settings.namespaces)
        assert len(roles) == 10
        assert max(len(role.namespaces) for role in roles) <= 29  # what 2,048 characters hold


def test_the_program_takes_every_file_that_is_written(workspace: Workspace) -> None:
    workspace.write(fleet_content(GENERIC, state=STATE))
    assert workspace.run("split").exit_code == 0
    seen: list[str] = []
    for text in workspace.files().values():
        content = yaml.safe_load(text)
        assert content["secretsprovider"] == STATE["secretsProvider"]
        # As Pulumi hands it over: objects as JSON.
        config = {key: json.dumps(value) for key, value in content["config"].items()}
        reading = parse(config, surroundings=Surroundings({"REGISTRY_PASSWORD": "secret"}))
        seen += [namespace.name for namespace in reading.settings.namespaces]
    assert sorted(seen) == names(40)


def test_the_stack_files_fit_their_json_schema(workspace: Workspace) -> None:
    from jsonschema import Draft202012Validator

    schema = json.loads((Path(__file__).parents[2] / "stacks" / "stack.schema.json").read_text())
    workspace.write(fleet_content(GENERIC, state=STATE))
    workspace.run("split")
    for text in workspace.files().values():
        Draft202012Validator(schema).validate(yaml.safe_load(text))


def test_a_second_split_touches_nothing(workspace: Workspace) -> None:
    workspace.write(fleet_content())
    workspace.run("split")
    before = {path: path.stat().st_mtime_ns for path in workspace.stacks.iterdir()}
    result = workspace.run("split")
    assert "0 stack files written, 4 were right already" in result.stdout
    assert {path: path.stat().st_mtime_ns for path in workspace.stacks.iterdir()} == before


def test_the_stacks_key_survives_a_new_namespace(workspace: Workspace) -> None:
    """Without its encryptedkey a stack can decrypt none of its secrets any more."""
    workspace.write(fleet_content(state=STATE))
    workspace.run("split")
    path = workspace.stacks / f"Pulumi.prod-{stack_number('new', 4):02d}.yaml"
    path.write_text(path.read_text().replace("config:\n", "encryptedkey: QUJD\nconfig:\n", 1))
    workspace.write(fleet_content(namespaces=[*names(40), "new"], state=STATE))
    assert workspace.run("split").exit_code == 0
    content = yaml.safe_load(path.read_text())
    assert content["encryptedkey"] == "QUJD"
    assert "new" in str(content["config"]["mendix-registry:namespaces"])


def test_a_new_secrets_provider_is_rejected_for_encrypted_states(
    workspace: Workspace,
) -> None:
    workspace.write(fleet_content(state=STATE))
    workspace.run("split")
    path = workspace.stacks / "Pulumi.prod-00.yaml"
    path.write_text(path.read_text().replace("config:\n", "encryptedkey: QUJD\nconfig:\n", 1))
    other = {**STATE, "secretsProvider": "awskms://alias/other?region=eu-west-1"}
    assert "change-secrets-provider --stack prod-00" in workspace.refused(fleet_content(state=other))


def test_another_number_of_stacks_is_rejected_as_a_move(workspace: Workspace) -> None:
    workspace.write(fleet_content())
    workspace.run("split")
    told = workspace.refused(fleet_content(stacks=5))
    assert "namespaces would move to another stack: " in told and "→ prod-04" in told and "--allow-moves" in told
    assert workspace.run("split", "--allow-moves").exit_code == 0
    assert len(workspace.files()) == 5


def test_a_foreign_stack_file_is_never_overwritten(workspace: Workspace) -> None:
    workspace.stacks.mkdir()
    (workspace.stacks / "Pulumi.prod-01.yaml").write_text("config: {}\n")
    assert "was not written by mendix-registry-fleet" in workspace.refused(fleet_content())


def test_a_stack_without_namespaces_is_reported_and_kept(workspace: Workspace) -> None:
    """Deleting its file would strand what the stack still has in the cloud."""
    workspace.write(fleet_content())
    workspace.run("split")
    rest = [name for name in names(40) if stack_number(name, 4) != 2]
    workspace.write(fleet_content(namespaces=rest))
    result = workspace.run("split")
    assert result.exit_code == 0 and "pulumi destroy --stack prod-02" in result.stderr
    assert "Pulumi.prod-02.yaml" in workspace.files()


def test_settings_by_namespace_go_to_its_stack_only(workspace: Workspace) -> None:
    arn = "arn:aws:iam::123456789012:role/"
    existing = {name: arn + name for name in names(8)}
    registry = {
        **AWS,
        "authentication": {**AWS["authentication"], "roles": {"existing": existing}},
        "repositories": {"existing": [f"mendixapps/{name}" for name in names(8)]},
    }
    workspace.write(fleet_content(registry, 8, 3))
    assert workspace.run("split").exit_code == 0
    found: dict[str, str] = {}
    for text in workspace.files().values():
        config = yaml.safe_load(text)["config"]
        own = {entry["name"] for entry in config["mendix-registry:namespaces"]}
        roles = config["mendix-registry:registry"]["authentication"]["roles"]["existing"]
        assert roles.keys() == own
        assert set(config["mendix-registry:registry"]["repositories"]["existing"]) == {f"mendixapps/{n}" for n in own}
        found |= roles
    assert found == existing


def test_a_csv_file_gives_the_namespaces(workspace: Workspace) -> None:
    (workspace.directory / "teams.csv").write_text(
        "name,create,repository,serviceAccount\norders,true,,\nbilling,,special/billing,builder-2\n"
    )
    workspace.write(fleet_content(namespaces={"file": "teams.csv"}, stacks=1))
    assert workspace.run("split").exit_code == 0
    [text] = workspace.files().values()
    assert yaml.safe_load(text)["config"]["mendix-registry:namespaces"] == [
        {"name": "billing", "repository": "special/billing", "serviceAccount": {"name": "builder-2"}},
        {"name": "orders", "create": True},
    ]
    assert MARK in text


@pytest.mark.slow
def test_a_fleet_of_1000_namespaces_is_split_whole(workspace: Workspace) -> None:
    registry = {**AWS, "authentication": {**AWS["authentication"], "roles": {"shared": 19, "namePrefix": "m-{stack}"}}}
    workspace.write(fleet_content(registry, 1000, 10))
    assert workspace.run("split").exit_code == 0
    listed = [
        entry["name"]
        for text in workspace.files().values()
        for entry in yaml.load(text, yaml.CSafeLoader)["config"]["mendix-registry:namespaces"]
    ]
    assert sorted(listed) == names(1000)

"""What an update that was killed has made in AWS: found, imported without a replacement, or simply made again."""

from __future__ import annotations

from typing import Any

import pytest

from rehearsal.provider_plugins.aws.package import PACKAGE
from rehearsal.provider_plugins.left_behind import answer
from tests.rehearsal.provider_plugins.aws.conftest import REGION
from tests.rehearsal.provider_plugins.aws.test_types import KEY, REPOSITORY, TOKENS, inputs_of, unique
from tests.rehearsal.provider_plugins.driver import Plugin

pytestmark = pytest.mark.slow

KEPT = [token for token in TOKENS if token != KEY]


def question(token: str, inputs: dict[str, Any], **more: Any) -> dict[str, Any]:
    plain = {"replaces": False, "replaced_is_gone": False, "known": [], "settings": {"region": REGION}}
    return {"type": token, "inputs": inputs, **plain, **more}


@pytest.mark.parametrize("token", KEPT)
def test_the_next_update_has_it(plugin: Plugin, token: str) -> None:
    given = inputs_of(plugin, token)
    made = plugin.create(token, given)
    found = answer(PACKAGE, question(token, made.inputs))
    if found["id"] is None:
        assert plugin.create(token, given).id == made.id
        return
    imported = plugin.read(token, found["id"])
    assert imported.id == made.id
    assert not plugin.diff(token, imported, plugin.checked(token, given, imported.inputs)).replaces


@pytest.mark.parametrize("token", TOKENS)
def test_nothing_is_found_where_nothing_was_made(plugin: Plugin, token: str) -> None:
    made = plugin.create(token, inputs_of(plugin, token))
    plugin.delete(token, made)
    assert answer(PACKAGE, question(token, made.inputs)) == {"id": None, "deleted": False}


@pytest.mark.parametrize("token", TOKENS)
def test_what_the_state_has_is_left_alone(plugin: Plugin, token: str) -> None:
    """As after a recovery that was killed itself."""
    made = plugin.create(token, inputs_of(plugin, token))
    found = answer(PACKAGE, question(token, made.inputs, known=[made.id], replaces=True))
    assert found == {"id": None, "deleted": False}
    assert plugin.read(token, made.id, made).id == made.id


def test_only_access_keys_with_lost_secrets_are_deleted(plugin: Plugin) -> None:
    given = inputs_of(plugin, KEY)
    first, second = plugin.create(KEY, given), plugin.create(KEY, given)
    assert answer(PACKAGE, question(KEY, second.inputs, known=[first.id])) == {"id": None, "deleted": True}
    assert plugin.read(KEY, first.id, first).id == first.id
    assert not plugin.read(KEY, second.id, second).id


def test_a_replacement_frees_the_name_that_it_already_has(plugin: Plugin) -> None:
    name = unique("repo")
    made = plugin.create(REPOSITORY, {"name": name})
    asked = question(REPOSITORY, made.inputs, known=[name], replaces=True, replaced_is_gone=True)
    assert answer(PACKAGE, asked) == {"id": None, "deleted": True}
    assert plugin.create(REPOSITORY, {"name": name}).id == name


def test_a_repository_is_imported_with_the_programs_region(plugin: Plugin) -> None:
    """Without it in the id the import would have none, and the next update would replace the repository."""
    given = {"name": unique("repo"), "region": REGION}
    made = plugin.create(REPOSITORY, given)
    found = answer(PACKAGE, question(REPOSITORY, made.inputs))
    assert found["id"] == f"{given['name']}@{REGION}"
    imported = plugin.read(REPOSITORY, found["id"])
    assert not plugin.diff(REPOSITORY, imported, plugin.checked(REPOSITORY, given, imported.inputs)).detailedDiff

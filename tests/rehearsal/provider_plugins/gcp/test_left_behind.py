"""What an update that was killed has made in Google Cloud: found and imported, or simply made again."""

from __future__ import annotations

from typing import Any

import pytest

from rehearsal.provider_plugins.gcp.package import PACKAGE
from rehearsal.provider_plugins.left_behind import answer
from tests.rehearsal.provider_plugins.driver import Plugin, RejectedError
from tests.rehearsal.provider_plugins.gcp.conftest import PROJECT
from tests.rehearsal.provider_plugins.gcp.test_resources import ACCOUNT, ORDERS, REPOSITORY, REPOSITORY_MEMBER, writer


def question(token: str, inputs: dict[str, Any]) -> dict[str, Any]:
    settings = {"project": PROJECT, "region": "europe-west4"}
    plain = {"replaces": False, "replaced_is_gone": False, "known": []}
    return {"type": token, "inputs": inputs, "settings": settings, **plain}


@pytest.mark.parametrize(("token", "given"), [(REPOSITORY, ORDERS), (ACCOUNT, {"accountId": "builder-orders"})])
def test_it_is_found_and_imported_without_a_replacement(plugin: Plugin, token: str, given: dict[str, Any]) -> None:
    made = plugin.create(token, given)
    with pytest.raises(RejectedError, match="already exists"):
        plugin.create(token, given)
    found = answer(PACKAGE, question(token, made.inputs))
    assert found["id"] == made.id
    imported = plugin.read(token, found["id"])
    assert not plugin.diff(token, imported, plugin.checked(token, given, imported.inputs)).replaces


def test_a_member_is_simply_added_again(plugin: Plugin) -> None:
    plugin.create(REPOSITORY, ORDERS)
    made = plugin.create(REPOSITORY_MEMBER, writer("orders"))
    assert answer(PACKAGE, question(REPOSITORY_MEMBER, made.inputs)) == {"id": None, "deleted": False}
    assert plugin.create(REPOSITORY_MEMBER, writer("orders")).id == made.id

"""Explicit providers that move: what they made is deleted where it is, and made anew where the program wants it.

The test plugin keeps the things of each region apart, as clusters and accounts do.
"""

from __future__ import annotations

import pytest

from .conftest import Stage

pytestmark = pytest.mark.slow

MOVING = 'region = Region("here", "{0}")\nThing("a", label="a"{1}, opts=pulumi.ResourceOptions(provider=region))'
FAILING = ', fail="create"'


def providers(stage: Stage) -> list[tuple[str, bool]]:
    """Region of each explicit provider in the state, and whether it waits for its deletion."""
    return [
        (each["inputs"]["region"], each.get("delete", False))
        for each in stage.state()["resources"]
        if each["type"] == "pulumi:providers:test" and "region" in each["inputs"]
    ]


async def test_a_provider_that_moves_takes_its_resources_along(stage: Stage) -> None:
    """`up` told the new configuration to delete the old resource: the new one was gone and the old one an orphan."""
    stage.program(MOVING.format("one", ""))
    await stage.succeed()
    stage.program(MOVING.format("two", ""))
    preview = await stage.succeed("preview")
    assert "create-replacement a" in preview.operations
    assert ("provider",) in [step.replace_reasons for step in preview.steps]
    assert set(stage.things()) == {"one-a"}
    result = await stage.succeed()
    assert result.operations == ["create-replacement a", "replace a", "delete-replaced a"]
    assert set(stage.things()) == {"two-a"}
    assert providers(stage) == [("two", False)]
    assert (await stage.succeed()).operations == []
    await stage.succeed("destroy")
    assert stage.things() == {}


async def failed_half_way(stage: Stage) -> None:
    stage.program(MOVING.format("one", ""))
    await stage.succeed()
    stage.program(MOVING.format("two", FAILING))
    assert not (await stage.run()).finished.ok
    assert set(stage.things()) == {"one-a"}
    assert sorted(providers(stage)) == [("one", True), ("two", False)]


async def test_a_move_that_failed_goes_on_in_the_next_update(stage: Stage) -> None:
    """The need to replace was kept in memory only: the next update found nothing to do, with nothing in the new region."""
    await failed_half_way(stage)
    stage.program(MOVING.format("two", ""))
    await stage.succeed()
    assert set(stage.things()) == {"two-a"}
    assert providers(stage) == [("two", False)]


async def test_a_refresh_asks_the_provider_that_made_the_resource(stage: Stage) -> None:
    """After a move that failed a refresh looked in the new region, and forgot what is in the old one."""
    await failed_half_way(stage)
    await stage.succeed("refresh")
    assert stage.names() == {"a": 1}
    stage.program(MOVING.format("two", ""))
    await stage.succeed(refresh=True)
    assert set(stage.things()) == {"two-a"}


async def test_destroy_after_a_move_that_failed(stage: Stage) -> None:
    """The old configuration goes last: it has to delete what it made."""
    await failed_half_way(stage)
    await stage.succeed("destroy")
    assert stage.things() == {}
    assert not stage.state().get("resources")


async def test_a_move_that_is_taken_back_replaces_nothing(stage: Stage) -> None:
    """Creating it again in the place where it is, and then deleting 'the old one', would leave nothing."""
    await failed_half_way(stage)
    stage.program(MOVING.format("one", ""))
    assert (await stage.succeed()).operations == []
    assert set(stage.things()) == {"one-a"}
    assert providers(stage) == [("one", False)]


async def test_a_deletion_that_fails_keeps_the_old_provider(stage: Stage) -> None:
    stage.program(MOVING.format("one", ', fail="delete"'))
    await stage.succeed()
    stage.program(MOVING.format("two", ""))
    assert not (await stage.run()).finished.ok
    assert set(stage.things()) == {"one-a", "two-a"}
    assert sorted(providers(stage)) == [("one", True), ("two", False)]
    # All that is left to do is to try again, over there.
    assert not (await stage.run()).finished.ok
    assert len(stage.calls("delete")) == 2
    assert set(stage.things()) == {"one-a", "two-a"}


async def test_a_move_deletes_first_where_the_resource_wants_it(stage: Stage) -> None:
    stage.program(MOVING.format("one", ", first=True"))
    await stage.succeed()
    stage.program(MOVING.format("two", ", first=True"))
    assert (await stage.succeed()).operations == ["delete-replaced a", "replace a", "create-replacement a"]
    assert set(stage.things()) == {"two-a"}


async def test_a_protected_provider_does_not_move(stage: Stage) -> None:
    source = 'Region("here", "{0}", pulumi.ResourceOptions(protect=True))'
    stage.program(source.format("one"))
    await stage.succeed()
    stage.program(source.format("two"))
    result = await stage.run()
    assert "protected and would have to be replaced because of region" in result.errors
    assert providers(stage) == [("one", False)]


async def test_a_provider_that_is_renamed_and_moves(stage: Stage) -> None:
    stage.program(MOVING.format("one", ""))
    await stage.succeed()
    renamed = MOVING.replace('"{0}"', '"{0}", pulumi.ResourceOptions(aliases=[pulumi.Alias(name="here")])')
    renamed = renamed.replace('"here",', '"there",')
    stage.program(renamed.format("two", FAILING))
    assert not (await stage.run()).finished.ok
    stage.program(renamed.format("two", ""))
    await stage.succeed()
    assert set(stage.things()) == {"two-a"}
    assert providers(stage) == [("two", False)]


async def test_the_default_provider_moves_as_any_other(stage: Stage) -> None:
    """A region in the stack's configuration: what was made in the old one is deleted there."""
    stack_file = stage.root / "Pulumi.dev.yaml"
    stack_file.write_text(stack_file.read_text() + "  test:region: one\n")
    stage.program('Thing("a", label="a")')
    await stage.succeed()
    stack_file.write_text(stack_file.read_text().replace("test:region: one", "test:region: two"))
    await stage.succeed()
    assert set(stage.things()) == {"two-a"}


async def test_what_was_deleted_early_and_is_no_longer_wanted_goes_with_its_provider(stage: Stage) -> None:
    """Its remains named a provider that was gone, and the next update refused the state as damaged."""
    source = """
        region = Region("here", "{0}")
        options = pulumi.ResourceOptions(provider=region)
        a = Thing("a", kind="{0}", label="a", first=True, opts=options)
        {1}
    """
    stage.program(source.format("one", 'Thing("b", kind=a.serial, label="b", first=True, opts=options)'))
    await stage.succeed()
    stage.program(source.format("two", ""))
    await stage.succeed()
    assert set(stage.things()) == {"two-a"}
    assert (await stage.succeed()).operations == []
    assert stage.names() == {"a": 1}

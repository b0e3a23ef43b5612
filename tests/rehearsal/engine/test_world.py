"""What others did to the world, and what of it a stack may touch: drift, imports, protection, what is kept."""

from __future__ import annotations

import json

import pytest

from rehearsal.engine.events import Left, StepFinished

from .conftest import Stage

pytestmark = pytest.mark.slow


async def test_protected_resources_stay(stage: Stage) -> None:
    stage.program('Thing("a", label="a", opts=pulumi.ResourceOptions(protect=True))\nThing("b", label="b")')
    await stage.succeed()
    stage.program("")
    result = await stage.run()
    assert not result.finished.ok
    assert "protected" in result.errors
    assert set(stage.things()) == {"a", "b"}
    replaced = 'Thing("a", label="a", kind="new", opts=pulumi.ResourceOptions(protect=True))\nThing("b", label="b")'
    stage.program(replaced)
    result = await stage.run()
    assert "protected" in result.errors
    assert "kind" in result.errors
    assert not (await stage.run("destroy")).finished.ok
    assert set(stage.things()) == {"a", "b"}


async def test_a_resource_that_did_not_become_ready_is_kept_and_tried_again(stage: Stage) -> None:
    stage.program('Thing("a", label="a", fail="init")')
    result = await stage.run()
    assert "a did not become ready" in result.errors
    (resource,) = [item for item in stage.state()["resources"] if item["type"] == "test:index:Thing"]
    assert resource["initErrors"] == ["a did not become ready"]
    assert not (await stage.run()).finished.ok
    stage.program('Thing("a", label="a")')
    result = await stage.succeed()
    assert result.operations == ["update a"]
    (resource,) = [item for item in stage.state()["resources"] if item["type"] == "test:index:Thing"]
    assert "initErrors" not in resource


@pytest.mark.parametrize(
    ("fail", "kill", "left"),
    [
        ("create", "", Left.NOTHING),
        ("init", "", Left.RECORDED),
        ("", "create before", Left.UNKNOWN),
        ("", "create after", Left.UNKNOWN),
    ],
)
async def test_a_failed_step_tells_what_it_left(stage: Stage, fail: str, kill: str, left: Left) -> None:
    stage.environment["TEST_KILL"] = kill
    stage.program(f'Thing("a", label="a", fail="{fail}")')
    result = await stage.run()
    assert not result.finished.ok
    assert [event.left for event in result.events if isinstance(event, StepFinished) and event.error] == [left]
    assert bool(stage.names()) == (left is Left.RECORDED)
    assert bool(stage.state().get("pending_operations")) == (left is Left.UNKNOWN)


async def test_refresh_finds_drift_and_loss(stage: Stage) -> None:
    stage.program('Thing("a", label="a", size=1)\nThing("b", label="b", size=1)\nThing("c", label="c", size=1)')
    await stage.succeed()
    path = stage.cloud / "a.thing"
    path.write_text(path.read_text().replace('"size": 1', '"size": 9').replace('"size": 1.0', '"size": 9'))
    (stage.cloud / "b.thing").unlink()
    result = await stage.succeed("refresh")
    assert sorted(result.operations) == ["delete b", "update a"]
    assert stage.names() == {"a": 1, "c": 1}
    result = await stage.succeed()
    assert sorted(result.operations) == ["create b", "update a"]


async def test_a_refresh_records_outputs_that_moved_but_reports_only_drift(stage: Stage) -> None:
    """A resourceVersion that others moved fails every drift check in a pipeline, and nobody looks at the next one."""
    stage.program('a = Thing("a", label="a", size=1)\npulumi.export("serial", a.serial)')
    await stage.succeed()
    path = stage.cloud / "a.thing"
    path.write_text(json.dumps({**json.loads(path.read_text()), "serial": "moved"}))
    assert (await stage.succeed("refresh")).operations == []
    (resource,) = [item for item in stage.state()["resources"] if item["type"] == "test:index:Thing"]
    assert resource["outputs"]["serial"] == "moved"
    result = await stage.succeed()
    assert result.operations == [] and result.finished.outputs["serial"] == "moved"


async def test_a_refresh_leaves_ignored_properties_out_of_the_drift(stage: Stage) -> None:
    stage.program('Thing("a", label="a", size=1, opts=pulumi.ResourceOptions(ignore_changes=["size"]))')
    await stage.succeed()
    path = stage.cloud / "a.thing"
    stored = json.loads(path.read_text())
    stored["inputs"]["size"] = 9
    path.write_text(json.dumps(stored))
    assert (await stage.succeed("refresh")).operations == []
    assert (await stage.succeed()).operations == []
    assert json.loads(path.read_text())["inputs"]["size"] == 9


async def test_an_output_that_became_secret_is_secret_in_the_state(stage: Stage) -> None:
    """Marking an exported value as secret changed what was displayed, and left the plain text in the state for ever."""
    stage.program('pulumi.export("pw", "canary-9")\nThing("a", label="a")')
    await stage.succeed()
    stage.program('pulumi.export("pw", pulumi.Output.secret("canary-9"))\nThing("a", label="a")')
    result = await stage.succeed()
    assert result.finished.outputs["pw"] == "[secret]"
    assert "canary" not in json.dumps(stage.state())


@pytest.mark.parametrize("marks", ["yes", "no"])
async def test_a_refresh_takes_no_secret_mark_away(stage: Stage, marks: str) -> None:
    """Drift of another property made a plugin without secrets, whose Read answers in plain text, put them into state and events."""
    stage.environment["TEST_SECRETS"] = marks
    stage.program("""
        Thing("a", label="a", note="1", token=pulumi.Output.secret("canary-1"),
              nested={"deep": pulumi.Output.secret("canary-2"), "list": [pulumi.Output.secret("canary-3")]})
    """)
    await stage.succeed()
    path = stage.cloud / "a.thing"
    path.write_text(path.read_text().replace('"note": "1"', '"note": "drift"'))
    result = await stage.succeed("refresh")
    assert result.operations == ["update a"]
    assert "canary" not in repr(result.events)
    assert "canary" not in json.dumps(stage.state())
    (resource,) = [item for item in stage.state()["resources"] if item["type"] == "test:index:Thing"]
    assert resource["inputs"]["note"] == "drift"
    assert (await stage.succeed("refresh")).operations == []
    assert (await stage.succeed()).operations == ["update a"]
    assert "canary" not in json.dumps(stage.state())


@pytest.mark.parametrize("marks", ["yes", "no"])
async def test_what_a_get_asks_for_in_secret_stays_secret(stage: Stage, marks: str) -> None:
    stage.environment["TEST_SECRETS"] = marks
    stage.program('Thing("a", label="a", token="canary-1")')
    await stage.succeed()
    stage.program("""
        Thing("a", label="a", token=pulumi.Output.secret("canary-1"))
        Thing("b", token=pulumi.Output.secret("canary-1"), opts=pulumi.ResourceOptions(id="a"))
    """)
    await stage.succeed()
    (resource,) = [item for item in stage.state()["resources"] if item.get("external")]
    assert "canary" not in json.dumps(resource)


async def test_get_reads_what_others_manage(stage: Stage) -> None:
    (stage.cloud / "theirs.thing").write_text('{"urn": "other", "inputs": {"size": 4}}')
    stage.program("""
        class Lookup(pulumi.CustomResource):
            size: pulumi.Output[int]
            def __init__(self, name, id):
                super().__init__("test:index:Thing", name, {"size": None}, pulumi.ResourceOptions(id=id))
        pulumi.export("size", Lookup("theirs", "theirs").size)
    """)
    result = await stage.succeed()
    assert result.finished.outputs["size"] == 4
    assert result.operations == ["read theirs"]
    await stage.succeed("destroy")
    assert "theirs" in stage.things()


async def test_import_takes_over_and_refuses_a_difference(stage: Stage) -> None:
    (stage.cloud / "theirs.thing").write_text('{"urn": "other", "inputs": {"label": "theirs", "size": 4}}')
    source = 'Thing("mine", label="theirs", size={0}, opts=pulumi.ResourceOptions(import_="theirs", protect=True))'
    stage.program(source.format(5))
    result = await stage.run()
    assert "differs from the program in: size" in result.errors
    stage.program(source.format(4))
    result = await stage.succeed()
    assert result.operations == ["import mine"]
    assert (await stage.succeed()).operations == []


async def test_retain_on_delete_and_deleted_with(stage: Stage) -> None:
    stage.program("""
        keep = Thing("keep", label="keep", opts=pulumi.ResourceOptions(retain_on_delete=True))
        home = Thing("home", label="home")
        Thing("guest", label="guest", opts=pulumi.ResourceOptions(deleted_with=home))
    """)
    await stage.succeed()
    await stage.succeed("destroy")
    assert set(stage.things()) == {"keep", "guest"}
    assert [call["label"] for call in stage.calls("delete")] == ["home"]
    assert not stage.state().get("resources")

"""What an update does to the world and to the state, told by a real plugin's own files and by the state file."""

from __future__ import annotations

import pytest

from rehearsal.engine.errors import EngineError

from .conftest import Stage


async def test_creates_then_leaves_alone(stage: Stage) -> None:
    stage.program("""
        box = Box("box")
        a = Thing("a", size=1, opts=pulumi.ResourceOptions(parent=box))
        b = Thing("b", size=2, note=a.serial)
        pulumi.export("serial", b.serial)
    """)
    first = await stage.succeed()
    assert sorted(first.operations) == ["create a", "create b", "create box"]
    assert first.finished.outputs["serial"].startswith("serial-b-made-")
    second = await stage.succeed()
    assert second.operations == []
    assert set(second.finished.changes) == {"same"}
    assert len(stage.calls("create")) == 2


async def test_a_stack_file_without_a_salt_is_left_alone(stage: Stage) -> None:
    """A checkout does not change by being rehearsed: the state keeps the salt."""
    stack_file = stage.root / "Pulumi.dev.yaml"
    stack_file.write_text("config: {}\n")
    stage.program('Thing("a", label="a", token=pulumi.Output.secret("s"))')
    await stage.succeed()
    assert (await stage.succeed()).operations == []
    assert stack_file.read_text() == "config: {}\n"


async def test_preview_changes_nothing(stage: Stage) -> None:
    stage.program("""
        a = Thing("a", size=1)
        Thing("b", note=a.serial.apply(lambda serial: serial.upper()))
    """)
    result = await stage.succeed("preview")
    assert sorted(result.operations) == ["create a", "create b"]
    assert stage.things() == {}
    assert not (stage.root / "home/state/.pulumi/stacks/proj/dev.json").exists()
    step = next(step for step in result.steps if step.name == "b")
    assert step.new is not None
    assert step.new["inputs"]["note"] == "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


async def test_update_keeps_what_was_generated(stage: Stage) -> None:
    stage.program('Thing("a", size=1)')
    await stage.succeed()
    stage.program('Thing("a", size=2)')
    result = await stage.succeed()
    assert result.operations == ["update a"]
    assert result.steps[0].diff_reasons == ("size",)
    (only,) = stage.things().values()
    assert only["inputs"]["size"] == 2


async def test_replaces_new_first(stage: Stage) -> None:
    stage.program('Thing("a", kind="x")')
    await stage.succeed()
    stage.program('Thing("a", kind="y")')
    result = await stage.succeed()
    assert result.operations == ["create-replacement a", "replace a", "delete-replaced a"]
    assert result.steps[0].replace_reasons == ("kind",)
    (only,) = stage.things().values()
    assert only["inputs"]["kind"] == "y"
    assert stage.names() == {"a": 1}


async def test_replaces_old_first_where_it_must(stage: Stage) -> None:
    source = """
a = Thing("a", kind="{0}", first=True, label="fixed")
Thing("b", kind=a.serial, label="b", first=True)
Thing("c", size=1, note=a.serial)
"""
    stage.program(source.format("x"))
    await stage.succeed()
    stage.program(source.format("y"))
    result = await stage.succeed()
    # b would be replaced if a's outputs changed, so it goes before a; c only takes an update and stays.
    assert result.operations[:2] == ["delete-replaced b", "delete-replaced a"]
    assert "create-replacement a" in result.operations
    assert stage.names() == {"a": 1, "b": 1, "c": 1}
    assert set(stage.things()) == {"fixed", "b", *[label for label in stage.things() if label.startswith("c-made")]}


async def test_deletes_dependents_first(stage: Stage) -> None:
    stage.program("""
        a = Thing("a", label="a")
        b = Thing("b", label="b", note=a.serial)
        Thing("c", label="c", opts=pulumi.ResourceOptions(depends_on=[b]))
    """)
    await stage.succeed()
    stage.program("")
    await stage.succeed()
    assert [call["label"] for call in stage.calls("delete")] == ["c", "b", "a"]
    assert stage.things() == {}


async def test_destroy_empties_the_stack(stage: Stage) -> None:
    stage.program('box = Box("box")\nThing("a", opts=pulumi.ResourceOptions(parent=box))')
    await stage.succeed()
    preview = await stage.succeed("destroy", dry_run=True)
    assert sorted(preview.operations) == ["delete a", "delete box"]
    assert len(stage.things()) == 1
    await stage.succeed("destroy")
    assert stage.things() == {}
    assert not stage.state().get("resources")


async def test_ignore_changes(stage: Stage) -> None:
    source = 'Thing("a", tags={{"x": "{0}", "y": "{0}"}}, opts=pulumi.ResourceOptions(ignore_changes=["tags.x"]))'
    stage.program(source.format(1))
    await stage.succeed()
    stage.program(source.format(2))
    await stage.succeed()
    (only,) = stage.things().values()
    assert only["inputs"]["tags"] == {"x": "1", "y": "2"}


async def test_aliases_of_a_renamed_component_reach_its_children(stage: Stage) -> None:
    stage.program('box = Box("old")\nThing("old-a", size=1, opts=pulumi.ResourceOptions(parent=box))')
    await stage.succeed()
    stage.program("""
        box = Box("new", opts=pulumi.ResourceOptions(aliases=[pulumi.Alias(name="old")]))
        Thing("new-a", size=1, opts=pulumi.ResourceOptions(parent=box))
    """)
    result = await stage.succeed()
    assert result.operations == []
    assert stage.names() == {"new-a": 1}
    assert len(stage.calls("create")) == 1


async def test_transforms_of_stack_and_parent(stage: Stage) -> None:
    stage.program("""
        def grow(args):
            if args.type_ == "test:index:Thing":
                return pulumi.ResourceTransformResult({**args.props, "size": args.props["size"] + 1}, args.opts)
        def label(args):
            if args.type_ == "test:index:Thing":
                return pulumi.ResourceTransformResult({**args.props, "team": "x"}, args.opts)
        pulumi.runtime.register_resource_transform(grow)
        box = Box("box", opts=pulumi.ResourceOptions(transforms=[label]))
        Thing("a", label="a", size=1, opts=pulumi.ResourceOptions(parent=box))
        Thing("b", label="b", size=5)
    """)
    await stage.succeed()
    assert stage.things()["a"]["inputs"] == {"label": "a", "size": 2, "team": "x"}
    assert stage.things()["b"]["inputs"] == {"label": "b", "size": 6}


async def test_secrets_are_never_plain(stage: Stage) -> None:
    stage.program("""
        a = Thing("a", token=pulumi.Output.secret("canary-1"), nested={"deep": [pulumi.Output.secret("canary-2")]})
        b = Thing("b", note=a.token if hasattr(a, "token") else pulumi.Output.secret("canary-3"))
        pulumi.export("out", pulumi.Output.secret("canary-4"))
    """)
    result = await stage.succeed()
    for path in (stage.root / "home").rglob("*"):
        if path.is_file():
            assert b"canary" not in path.read_bytes(), path
    assert "canary" not in repr(result.events)
    assert result.finished.outputs["out"] == "[secret]"
    # The world got the real values.
    assert any(thing["inputs"].get("token") == "canary-1" for thing in stage.things().values())
    again = await stage.succeed()
    assert again.operations == []


async def test_explicit_provider_and_its_replacement(stage: Stage) -> None:
    source = 'region = Region("here", "{0}")\nThing("a", label="{1}", opts=pulumi.ResourceOptions(provider=region))'
    stage.program(source.format("one", "a"))
    await stage.succeed()
    stage.program(source.format("two", "a"))
    result = await stage.run("preview")
    assert "create-replacement a" in result.operations
    assert result.steps[-1].replace_reasons == ("provider",) or any(
        s.replace_reasons == ("provider",) for s in result.steps
    )
    assert [call["region"] for call in stage.calls("configure")][-1] == "two"


async def test_check_failures_name_the_property(stage: Stage) -> None:
    stage.program('Thing("a", size=-1)')
    result = await stage.run()
    assert not result.finished.ok
    assert "size: a size cannot be negative" in result.errors
    assert "Resource monitor has terminated" not in result.messages


async def test_refused_provider_configuration(stage: Stage) -> None:
    stage.program('Region("r", "nowhere")')
    result = await stage.run()
    assert "region: there is no region nowhere" in result.errors


async def test_failed_creation_leaves_nothing_and_keeps_the_rest(stage: Stage) -> None:
    stage.program('Thing("a", label="a")\nThing("b", label="b", fail="create")')
    result = await stage.run()
    assert not result.finished.ok
    assert "quota exceeded" in result.errors
    assert stage.state().get("pending_operations") in (None, [])
    stage.program('Thing("a", label="a")\nThing("b", label="b")')
    await stage.succeed()
    assert set(stage.things()) == {"a", "b"}


async def test_invoke_and_its_failures(stage: Stage) -> None:
    stage.program("""
        a = Thing("a", label="a")
        found = a.serial.apply(lambda _: pulumi.runtime.invoke("test:index:exists", {"label": "a"}).value["exists"])
        pulumi.export("found", found)
    """)
    result = await stage.succeed()
    assert result.finished.outputs["found"] is True
    stage.program('pulumi.runtime.invoke("test:index:exists", {"label": "bad"})')
    result = await stage.run()
    assert "bad label" in result.errors


async def test_duplicate_names_are_refused(stage: Stage) -> None:
    stage.program('Thing("a")\nThing("a")')
    result = await stage.run()
    assert "two resources have the URN" in result.errors


async def test_program_failure_deletes_nothing(stage: Stage) -> None:
    stage.program('Thing("a", label="a")')
    await stage.succeed()
    stage.program('raise ValueError("boom")')
    result = await stage.run()
    assert not result.finished.ok
    assert "boom" in result.errors
    assert set(stage.things()) == {"a"}


async def test_unknown_plugin(stage: Stage) -> None:
    stage.program('pulumi.CustomResource("nosuch:index:Thing", "a", {})')
    result = await stage.run()
    assert "no plugin for the provider nosuch" in result.errors
    assert "pulumi-resource-nosuch" in result.errors


async def test_what_is_taken_for_granted_is_made_once_the_program_has_accepted_its_configuration(stage: Stage) -> None:
    """A namespace made for a stack file with a slip was in the way of the mended one."""
    told: list[str] = []
    stage.program('raise Exception("there is no key creat here")')
    assert not (await stage.run(accepted=lambda: told.append("too early"))).finished.ok
    assert told == []
    stage.program('Thing("a"); Thing("b"); Box("c")')
    await stage.succeed(accepted=lambda: told.append("accepted"))
    assert told == ["accepted"]

    def fail() -> None:
        raise EngineError("the cluster is gone")

    result = await stage.run(accepted=fail)
    assert (result.finished.ok, result.operations) == (False, [])
    assert "the cluster is gone" in result.errors


TAKEN = 'Thing("a", label="{0}", note=1, opts=pulumi.ResourceOptions(protect={1}{2}))\nThing("b", label="b")'


async def test_an_import_does_not_take_the_place_of_a_protected_resource(stage: Stage) -> None:
    """`up` imported and then deleted the protected one, which the preview had refused."""
    stage.program(TAKEN.format("a", True, ""))
    await stage.succeed()
    (stage.cloud / "z.thing").write_text('{"urn": "theirs", "inputs": {"label": "z", "note": 1}}')
    # Taking the protection away and importing at once is no way around it, as with any replacement.
    for protect in (True, False):
        stage.program(TAKEN.format("z", protect, ', import_="z"'))
        for kind in ("preview", "up"):
            result = await stage.run(kind)
            assert not result.finished.ok
            assert "protected and would have to be replaced because of the import of 'z'" in result.errors
            assert not stage.calls("read")
    assert set(stage.things()) == {"a", "b", "z"}
    stage.program(TAKEN.format("a", False, ""))
    await stage.succeed()
    stage.program(TAKEN.format("z", False, ', import_="z"'))
    assert (await stage.succeed()).operations == ["import-replacement a", "delete-replaced a"]
    assert set(stage.things()) == {"b", "z"}


async def test_an_import_in_the_place_of_what_was_deleted_already(stage: Stage) -> None:
    """It was to be deleted once more, which the state refused."""
    source = 'Thing("a", label="a", kind="{0}", first=True{1}{2})'
    stage.program(source.format("x", "", ""))
    await stage.succeed()
    stage.program(source.format("y", ', fail="create"', ""))
    assert not (await stage.run()).finished.ok
    (stage.cloud / "z.thing").write_text('{"urn": "theirs", "inputs": {"label": "z", "kind": "y", "first": true}}')
    stage.program(source.replace('"a", k', '"z", k').format("y", "", ', opts=pulumi.ResourceOptions(import_="z")'))
    assert (await stage.succeed()).operations == ["import-replacement a"]
    assert (set(stage.things()), stage.names()) == ({"z"}, {"a": 1})


RENAMED = """
class Crate(pulumi.ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("test:index:Crate", name, None, opts)
box = {0}("{1}", opts=pulumi.ResourceOptions(aliases=[pulumi.Alias(name="old", type_="test:index:Box")]))
inner = Box("{1}-inner", opts=pulumi.ResourceOptions(parent=box))
async def once_both_are_renamed():
    await inner.urn.future()
    return "bad"
bad = Thing("bad", label=once_both_are_renamed(){2})
late = pulumi.ResourceOptions(parent=box, depends_on=[bad])
Thing("{1}-a", size=1, label="x", opts=late)
Thing("{1}-inner-a", size=1, label="y", opts=pulumi.ResourceOptions(parent=inner, depends_on=[bad]))
"""


@pytest.mark.parametrize(("kind", "name"), [("Box", "new"), ("Crate", "old"), ("Crate", "new")])
async def test_children_are_found_after_an_update_that_failed_once_their_parent_was_renamed(
    stage: Stage, kind: str, name: str
) -> None:
    """The state lost their parent, and the next update created them a second time."""
    stage.program("""
        box = Box("old")
        inner = Box("old-inner", opts=pulumi.ResourceOptions(parent=box))
        Thing("old-a", size=1, label="x", opts=pulumi.ResourceOptions(parent=box))
        Thing("old-inner-a", size=1, label="y", opts=pulumi.ResourceOptions(parent=inner))
    """)
    await stage.succeed()
    stage.program(RENAMED.format(kind, name, ', fail="create"'))
    assert not (await stage.run()).finished.ok
    stack = f"urn:pulumi:dev::proj::test:index:{kind}"
    assert {
        each["urn"]: each.get("parent", "") for each in stage.state()["resources"] if "label" in each.get("inputs", {})
    } == {
        f"{stack}$test:index:Thing::old-a": f"{stack}::{name}",
        f"{stack}$test:index:Box$test:index:Thing::old-inner-a": f"{stack}$test:index:Box::{name}-inner",
    }
    assert not any("aliases" in each for each in stage.state()["resources"])
    stage.program(RENAMED.format(kind, name, ""))
    assert (await stage.succeed()).operations == ["create bad"]
    assert len(stage.calls("create")) == 4
    assert stage.names() == {"bad": 1, f"{name}-a": 1, f"{name}-inner-a": 1}

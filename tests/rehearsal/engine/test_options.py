"""Resource options and other parts of the protocol, each as the program's author would notice it."""

from __future__ import annotations

import pytest

from rehearsal.engine.events import StepFinished, StepStarted

from .conftest import Result, Stage

pytestmark = pytest.mark.slow

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


async def test_replace_on_changes_makes_an_update_a_replacement(stage: Stage) -> None:
    source = 'Thing("a", size={0}, tags={{"x": "{1}"}}, opts=pulumi.ResourceOptions(replace_on_changes=["size"]))'
    stage.program(source.format(1, "x"))
    await stage.succeed()
    stage.program(source.format(1, "y"))
    assert (await stage.succeed()).operations == ["update a"]
    stage.program(source.format(2, "y"))
    result = await stage.succeed()
    assert result.operations == ["create-replacement a", "replace a", "delete-replaced a"]
    assert result.steps[0].replace_reasons == ("size",)


async def test_delete_before_replace_as_the_program_asks(stage: Stage) -> None:
    source = 'Thing("a", kind="{0}", first={2}, opts=pulumi.ResourceOptions(delete_before_replace={1}))'
    stage.program(source.format("x", True, False))
    await stage.succeed()
    stage.program(source.format("y", True, False))
    assert (await stage.succeed()).operations == ["delete-replaced a", "replace a", "create-replacement a"]
    # The program has the last word over the provider.
    stage.program(source.format("z", False, True))
    assert (await stage.succeed()).operations == ["create-replacement a", "replace a", "delete-replaced a"]


@pytest.mark.parametrize("first", [True, False])
async def test_a_retained_resource_outlives_its_replacement(stage: Stage, first: bool) -> None:
    source = 'Thing("a", kind="{0}", first={1}, opts=pulumi.ResourceOptions(retain_on_delete=True))'
    stage.program(source.format("x", first))
    await stage.succeed()
    stage.program(source.format("y", first))
    await stage.succeed()
    assert sorted(thing["inputs"]["kind"] for thing in stage.things().values()) == ["x", "y"]
    assert stage.names() == {"a": 1}
    assert not stage.calls("delete")


async def test_children_inherit_protection(stage: Stage) -> None:
    stage.program("""
        box = Box("box", opts=pulumi.ResourceOptions(protect=True))
        Thing("a", label="a", opts=pulumi.ResourceOptions(parent=box))
    """)
    await stage.succeed()
    result = await stage.run("destroy")
    assert "protected" in result.errors
    assert "take the protection away" in result.errors
    assert set(stage.things()) == {"a"}


async def test_alias_of_another_parent_and_of_another_type(stage: Stage) -> None:
    """SDKs give every resource aliases for the other versions of its API: moving on must not replace anything."""
    stage.program("""
        class Old(pulumi.CustomResource):
            def __init__(self, name): super().__init__("test:index:Old", name, {"size": 1})
        Thing("moved", size=1)
        Old("retyped")
    """)
    await stage.succeed()
    stage.program("""
        box = Box("box")
        root = pulumi.Alias(parent=pulumi.ROOT_STACK_RESOURCE)
        Thing("moved", size=1, opts=pulumi.ResourceOptions(parent=box, aliases=[root]))
        Thing("retyped", size=1, opts=pulumi.ResourceOptions(aliases=[pulumi.Alias(type_="test:index:Old")]))
    """)
    result = await stage.succeed()
    assert result.operations == ["create box"]
    assert stage.names() == {"moved": 1, "retyped": 1}
    assert len(stage.calls("create")) == 2


async def test_two_resources_cannot_share_one_alias(stage: Stage) -> None:
    stage.program('Thing("old", size=1)')
    await stage.succeed()
    stage.program("""
        alias = pulumi.ResourceOptions(aliases=[pulumi.Alias(name="old")])
        Thing("one", size=1, opts=alias)
        Thing("two", size=1, opts=alias)
    """)
    result = await stage.run()
    assert "already uses" in result.errors
    assert len(stage.things()) == 1


async def test_function_of_what_is_not_known_yet(stage: Stage) -> None:
    """In a preview the function is not called with nonsense, and what depends on it is unknown."""
    stage.program("""
        a = Thing("a", label="a")
        label = a.serial.apply(lambda serial: serial.removeprefix("serial-"))
        found = pulumi.runtime.invoke_output("test:index:exists", {"label": label})
        Thing("b", note=found.apply(lambda value: "yes" if value["exists"] else "no"))
    """)
    preview = await stage.succeed("preview")
    assert stage.calls("invoke") == []
    (step,) = [step for step in preview.steps if step.name == "b"]
    assert step.new is not None
    assert step.new["inputs"]["note"] == UNKNOWN
    await stage.succeed()
    assert [call["label"] for call in stage.calls("invoke")] == ["a"]
    assert [thing["inputs"].get("note") for thing in stage.things().values() if "note" in thing["inputs"]] == ["yes"]


async def test_transform_of_functions(stage: Stage) -> None:
    stage.program("""
        def other(args):
            return pulumi.InvokeTransformResult(args={"label": "changed"}, opts=args.opts)
        pulumi.runtime.register_invoke_transform(other)
        Thing("a", label="a")
        pulumi.export("found", pulumi.runtime.invoke_output("test:index:exists", {"label": "a"}))
    """)
    await stage.succeed()
    assert [call["label"] for call in stage.calls("invoke")] == ["changed"]


async def test_transform_that_fails_is_told_and_nothing_is_created(stage: Stage) -> None:
    stage.program("""
        def broken(args):
            raise ValueError("no such team")
        Thing("a", label="a", opts=pulumi.ResourceOptions(transforms=[broken]))
    """)
    result = await stage.run()
    assert not result.finished.ok
    assert "no such team" in result.errors
    assert stage.things() == {}


async def test_transform_changes_options(stage: Stage) -> None:
    stage.program("""
        def guard(args):
            return pulumi.ResourceTransformResult(
                args.props, pulumi.ResourceOptions.merge(args.opts, pulumi.ResourceOptions(protect=True)))
        Thing("a", label="a", opts=pulumi.ResourceOptions(transforms=[guard]))
    """)
    await stage.succeed()
    assert "protected" in (await stage.run("destroy")).errors


async def test_a_resource_as_a_property(stage: Stage) -> None:
    """A provider that does not know references gets the id of a resource and the URN of a component."""
    stage.program("""
        box = Box("box")
        a = Thing("a", label="a")
        Thing("b", label="b", of=a, within=[box])
        pulumi.export("a", a)
    """)
    await stage.succeed()
    inputs = stage.things()["b"]["inputs"]
    assert inputs["of"] == "a"
    assert inputs["within"] == ["urn:pulumi:dev::proj::test:index:Box::box"]
    assert (await stage.succeed()).operations == []


async def test_outputs_of_a_component(stage: Stage) -> None:
    source = """
        class Maker(pulumi.ComponentResource):
            def __init__(self, name):
                super().__init__("test:index:Maker", name)
                self.child = Thing("child", label="child", opts=pulumi.ResourceOptions(parent=self))
                self.register_outputs({{"serial": self.child.serial, "fixed": {0}}})
        Maker("maker")
    """
    for fixed in (1, 2):
        stage.program(source.format(fixed))
        assert (await stage.succeed()).finished.ok
        (maker,) = [each for each in stage.state()["resources"] if each["type"] == "test:index:Maker"]
        assert maker["outputs"] == {"serial": "serial-child", "fixed": fixed}


def overlap(result: Result, *names: str) -> bool:
    """Whether the steps of all these resources were under way at one moment."""
    going: set[str] = set()
    for event in result.events:
        if isinstance(event, StepStarted):
            going.add(event.step.name)
        elif isinstance(event, StepFinished):
            going.discard(event.step.name)
        if going.issuperset(names):
            return True
    return False


async def test_independent_resources_at_once_dependent_ones_in_turn(stage: Stage) -> None:
    stage.program("""
        a, b = Thing("a", seconds=0.5), Thing("b", seconds=0.5)
        Thing("c", seconds=0.1, note=a.serial)
    """)
    result = await stage.succeed()
    assert overlap(result, "a", "b")
    assert not overlap(result, "a", "c")
    await stage.succeed("destroy")
    assert not overlap(await stage.succeed(parallel=1), "a", "b")


async def test_destroy_takes_down_what_depends_first(stage: Stage) -> None:
    """Children before parents, resources before their provider."""
    stage.program("""
        region = Region("region", "one")
        box = Box("box", opts=pulumi.ResourceOptions(providers=[region]))
        a = Thing("a", label="a", opts=pulumi.ResourceOptions(parent=box))
        Thing("b", label="b", opts=pulumi.ResourceOptions(depends_on=[box]))
    """)
    await stage.succeed()
    result = await stage.succeed("destroy")
    order = [event.step.name for event in result.events if isinstance(event, StepFinished)]
    assert order.index("b") < order.index("a") < order.index("box")
    assert order.index("a") < order.index("region")
    assert order[-1] == "proj-dev"


async def test_up_with_refresh_mends_drift_at_once(stage: Stage) -> None:
    stage.program('Thing("a", label="a", size=1)\nThing("b", label="b", size=1)')
    await stage.succeed()
    (stage.cloud / "a.thing").unlink()
    path = stage.cloud / "b.thing"
    path.write_text(path.read_text().replace('"size": 1', '"size": 9'))
    await stage.succeed(refresh=True)
    assert {label: thing["inputs"]["size"] for label, thing in stage.things().items()} == {"a": 1, "b": 1}


async def test_a_resource_is_found_in_the_source(stage: Stage) -> None:
    """By its line in the project, as the CLI records it; the path of the checkout is nobody's business."""
    stage.program("""
        box = Box("box")
        a = Thing(
            "a", opts=pulumi.ResourceOptions(parent=box))
    """)
    await stage.succeed()
    lines = (stage.root / "__main__.py").read_text().splitlines()
    positions = {each["urn"].rpartition("::")[2]: each.get("sourcePosition") for each in stage.state()["resources"]}
    for name, statement in (("box", 'box = Box("box")'), ("a", "a = Thing(")):
        assert positions[name] == f"project:///__main__.py#{lines.index(statement) + 1}"
    assert str(stage.root) not in str(stage.state()["resources"])

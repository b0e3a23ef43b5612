"""What real updates write: valid by Pulumi's own JSON schemas, and read by Pulumi's own code as it was written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from .conftest import Stage

pytestmark = pytest.mark.slow

FIRST = """
    class Maker(pulumi.ComponentResource):
        def __init__(self, name, opts=None):
            super().__init__("test:index:Maker", name, {"plain": 1, "token": pulumi.Output.secret("canary")}, opts)
            child = Thing("child", size=1, opts=pulumi.ResourceOptions(parent=self, additional_secret_outputs=["serial"]))
            self.register_outputs({"serial": child.serial, "child": child})

    class Lookup(pulumi.CustomResource):
        def __init__(self, name):
            super().__init__("test:index:Thing", name, {"size": None}, pulumi.ResourceOptions(id="theirs"))

    maker = Maker("maker")
    region = Region("here", pulumi.Output.secret("canary-region"))
    home = Thing("home", label="home", opts=pulumi.ResourceOptions(provider=region, protect=True, retain_on_delete=True))
    Thing("guest", note=home.serial, opts=pulumi.ResourceOptions(
        deleted_with=home, depends_on=[maker], custom_timeouts=pulumi.CustomTimeouts(create="1h30m", delete="45s")))
    Thing("nested", inner={"deep": [pulumi.Output.secret("canary"), None, 1.5, 2**60, "\u2028<&>"], "empty": {}},
          opts=pulumi.ResourceOptions(ignore_changes=["inner.empty"], replace_on_changes=["inner.deep[1]"]))
    Thing("swap", kind="x", label="swap", first=True)
    Thing("{old}", label="renamed", opts=pulumi.ResourceOptions(aliases=[pulumi.Alias(name="before")]))
    Thing("taken", label="theirs", size=4, opts=pulumi.ResourceOptions(import_="theirs"))
    Lookup("looked-at")
    pulumi.export("secret", pulumi.Output.secret({"canary": 1}))
    pulumi.export("home", home)
"""


def latest(stage: Stage) -> dict[str, Any]:
    return stage.state()


def resource(stage: Stage, name: str) -> dict[str, Any]:
    (found,) = [each for each in latest(stage)["resources"] if each["urn"].endswith(f"::{name}")]
    return found


def judge(stage: Stage, schema: jsonschema.Draft202012Validator, pulumi: Any) -> None:
    """By the schemas, by the Go types (no field that they lack, none lost), the history's too; no secret in the open."""
    files = stage.root / "home/state/.pulumi"
    written = json.loads((files / "stacks/proj/dev.json").read_text())
    schema.validate({"version": 3, "deployment": written["checkpoint"]["latest"]})
    assert pulumi.ask("checkpoint", checkpoint=written) == json.loads(json.dumps(written), parse_int=_double)
    histories = list((files / "history/proj/dev").glob("*.history.json"))
    assert histories
    for history in histories:
        pulumi.ask("history", checkpoint=json.loads(history.read_text()))
    for path in Path(files).rglob("*"):
        assert path.is_dir() or b"canary" not in path.read_bytes(), path


def _double(digits: str) -> int | float:
    return int(digits) if abs(int(digits)) <= 2**53 else float(digits)


async def test_every_kind_of_entry(stage: Stage, schema: jsonschema.Draft202012Validator, pulumi: Any) -> None:
    (stage.cloud / "theirs.thing").write_text('{"urn": "other", "inputs": {"label": "theirs", "size": 4}}')
    stage.program(FIRST.replace("{old}", "before"))
    await stage.succeed()
    judge(stage, schema, pulumi)
    home, guest = resource(stage, "home"), resource(stage, "guest")
    assert home["protect"]
    assert home["retainOnDelete"]
    assert home["provider"].startswith("urn:pulumi:dev::proj::pulumi:providers:test::here::")
    assert guest["deletedWith"] == home["urn"]
    assert guest["customTimeouts"] == {"create": 5400, "delete": 45}
    assert "ciphertext" in resource(stage, "child")["outputs"]["serial"]
    assert resource(stage, "looked-at")["external"]
    assert resource(stage, "taken")["importID"] == "theirs"

    stage.program(FIRST.replace("{old}", "after"))
    assert (await stage.succeed()).operations == ["read looked-at"]
    judge(stage, schema, pulumi)
    assert resource(stage, "after")["id"] == "renamed"

    stage.program(FIRST.replace("{old}", "after") + '    Thing("late", label="late", fail="init")')
    assert not (await stage.run()).finished.ok
    judge(stage, schema, pulumi)
    assert resource(stage, "late")["initErrors"]


@pytest.mark.parametrize(
    ("moment", "pending"), [("create after", "creating"), ("update before", "updating"), ("delete before", "deleting")]
)
async def test_a_cut_off_operation(
    moment: str, pending: str, stage: Stage, schema: jsonschema.Draft202012Validator, pulumi: Any
) -> None:
    """The CLI finds what was under way in the state that a killed plugin left."""
    stage.program('Thing("a", label="a", size=1)\nThing("gone", label="gone", token=pulumi.Output.secret("canary"))')
    await stage.succeed()
    changed = {"create": 'Thing("b", token=pulumi.Output.secret("canary"))', "update": 'Thing("a", label="a", size=2)'}
    kept = 'Thing("gone", label="gone", token=pulumi.Output.secret("canary"))\n' if pending != "deleting" else ""
    stage.program(kept + changed.get(moment.split()[0], 'Thing("a", label="a", size=1)'))
    stage.environment["TEST_KILL"] = moment
    assert not (await stage.run()).finished.ok
    judge(stage, schema, pulumi)
    (operation,) = latest(stage)["pending_operations"]
    assert operation["type"] == pending


async def test_half_of_a_replacement(stage: Stage, schema: jsonschema.Draft202012Validator, pulumi: Any) -> None:
    """Deleted first and not created again; created and the old one not deleted yet."""
    source = 'Thing("a", label="a", kind="{0}", first=True)\nThing("b", kind="{0}")'
    stage.program(source.format("x"))
    await stage.succeed()
    stage.program(source.format("y").replace("first=True)", 'first=True, fail="create")'))
    assert not (await stage.run()).finished.ok
    judge(stage, schema, pulumi)
    assert resource(stage, "a")["pendingReplacement"]
    stage.program(source.format("z"))
    stage.environment["TEST_KILL"] = "delete before"
    assert not (await stage.run()).finished.ok
    judge(stage, schema, pulumi)
    assert any(each.get("delete") for each in latest(stage)["resources"])

"""Policy packs run as processes of their own, by Pulumi's analyzer protocol: real packs, written with Pulumi's own SDK."""

from __future__ import annotations

import asyncio
import json
import textwrap
from pathlib import Path

import pytest

from rehearsal.engine.errors import EngineError
from rehearsal.engine.events import Diagnostic, Severity
from rehearsal.engine.policies.pack import PolicyPackChoice, load_pack
from tests.rehearsal.engine.conftest import Result, Stage

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
ENVIRONMENT = ROOT / "policy" / ".venv"

PACK = """
    from pulumi_policy import (
        EnforcementLevel, PolicyConfigSchema, PolicyPack, ResourceValidationPolicy, StackValidationPolicy,
    )

    def label(args, report):
        if args.resource_type == "test:index:Thing" and args.props["label"] in args.get_config()["labels"]:
            report(f"label {args.props['label']} is forbidden. Use another.")

    def options(args, report):
        if args.name == "watched":
            parent = args.opts.parent.rpartition("::")[2]
            report(f"parent={parent} protect={args.opts.protect} provider={args.provider.props['region']}")

    def soft(args, report):
        if args.resource_type == "test:index:Thing":
            report("a thing again")

    def fix(args):
        if args.resource_type == "test:index:Thing" and args.props["label"] == "untidy":
            return {**args.props, "label": "tidy"}

    def stack(args, report):
        things = [r for r in args.resources if r.resource_type == "test:index:Thing"]
        if len(things) > 2:
            serials = sorted(r.props["serial"] for r in things)
            report(f"{len(things)} things {serials}, below {things[0].parent.resource_type}", things[-1].urn)

    PolicyPack("house", enforcement_level=EnforcementLevel.MANDATORY, policies=[
        ResourceValidationPolicy("label", "Labels must be decent.", label, config_schema=PolicyConfigSchema(
            {"labels": {"type": "array", "items": {"type": "string"}, "default": ["bad"]}})),
        ResourceValidationPolicy("options", "Says what it sees.", options, EnforcementLevel.ADVISORY),
        ResourceValidationPolicy("soft", "Things are noted.", soft, EnforcementLevel.DISABLED),
        ResourceValidationPolicy("tidy", "Labels are tidied.", remediate=fix,
            enforcement_level=EnforcementLevel.REMEDIATE),
        StackValidationPolicy("few", "There must be few things.", stack),
    ])
"""


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    if not (ENVIRONMENT / "bin/python").is_file():
        pytest.fail("the packs' environment is missing: make policy/.venv/.synced")
    directory = tmp_path / "pack"
    directory.mkdir()
    options = f"{{name: python, options: {{virtualenv: {ENVIRONMENT}}}}}"
    (directory / "PulumiPolicy.yaml").write_text(f"runtime: {options}\nversion: 1.2.3\n")
    (directory / "__main__.py").write_text(textwrap.dedent(PACK))
    return directory


def said(result: Result, policy: str) -> list[Diagnostic]:
    return [
        event
        for event in result.events
        if isinstance(event, Diagnostic) and event.policy is not None and event.policy.policy == policy
    ]


async def test_a_violation_stops_an_update_before_the_resource_is_made(stage: Stage, pack: Path) -> None:
    stage.program("""
        Thing("decent", label="good")
        Thing("indecent", label="bad")
    """)
    result = await stage.run(policy_packs=[PolicyPackChoice(pack)])
    assert not result.finished.ok
    assert "indecent" not in stage.things()
    (violation,) = said(result, "label")
    assert violation.severity is Severity.ERROR
    assert violation.urn.endswith("::indecent")
    assert "[mandatory] house v1.2.3 label: Labels must be decent.\nlabel bad is forbidden." in violation.message
    assert "indecent" in (result.finished.error or "")


async def test_a_preview_gathers_all_violations_and_fails_at_its_end(stage: Stage, pack: Path) -> None:
    stage.program("""
        first = Thing("first", label="bad")
        Thing("second", label="bad", opts=pulumi.ResourceOptions(depends_on=[first]))
        Thing("third", label="good")
    """)
    result = await stage.run("preview", policy_packs=[PolicyPackChoice(pack)])
    assert not result.finished.ok
    assert [event.urn.rpartition("::")[2] for event in said(result, "label")] == ["first", "second"]
    assert set(result.operations) == {"create first", "create second", "create third"}


async def test_an_update_that_violates_nothing_is_not_disturbed(stage: Stage, pack: Path) -> None:
    stage.program('Thing("decent", label="good")')
    await stage.succeed(policy_packs=[PolicyPackChoice(pack)])
    again = await stage.succeed(policy_packs=[PolicyPackChoice(pack)])
    assert again.operations == []


async def test_a_resource_that_does_not_change_is_judged_again(stage: Stage, pack: Path) -> None:
    """A rule that came later would otherwise never be told of what is there already."""
    stage.program('Thing("indecent", label="bad")')
    await stage.succeed()
    result = await stage.run("preview", policy_packs=[PolicyPackChoice(pack)])
    assert len(said(result, "label")) == 1


async def test_policies_see_options_parent_and_provider(stage: Stage, pack: Path) -> None:
    stage.program("""
        region = Region("there", "north")
        Thing("watched", label="good", opts=pulumi.ResourceOptions(parent=Box("box"), protect=True, provider=region))
    """)
    result = await stage.succeed("preview", policy_packs=[PolicyPackChoice(pack)])
    (seen,) = said(result, "options")
    assert seen.severity is Severity.WARNING
    assert "parent=box protect=True provider=north" in seen.message


async def test_secrets_reach_policies_in_plain_text_and_never_leave_in_their_words(stage: Stage, pack: Path) -> None:
    stage.program('Thing("indecent", label=pulumi.Output.secret("canary-of-a-label"))')
    configuration = pack / "config.json"
    configuration.write_text('{"label": {"labels": ["canary-of-a-label"]}}')
    result = await stage.run(policy_packs=[PolicyPackChoice(pack, configuration)])
    (violation,) = said(result, "label")
    assert "label [secret] is forbidden" in violation.message
    assert "canary" not in repr(result.events)


async def test_what_a_preview_cannot_know_is_said_and_violates_nothing(stage: Stage, pack: Path) -> None:
    stage.program("""
        first = Thing("first", label="good")
        Thing("second", label=first.serial)
    """)
    result = await stage.succeed("preview", policy_packs=[PolicyPackChoice(pack)])
    (unsure,) = said(result, "label")
    assert unsure.severity is Severity.WARNING
    assert "can't be known during preview" in unsure.message
    assert unsure.urn.endswith("::second")


async def test_a_remediation_changes_what_is_made(stage: Stage, pack: Path) -> None:
    stage.program('Thing("thing", label="untidy")')
    result = await stage.succeed(policy_packs=[PolicyPackChoice(pack)])
    (thing,) = stage.things().values()
    assert "tidy" in json.dumps(thing)
    assert "untidy" not in json.dumps(thing)
    assert "remediated" in said(result, "tidy")[0].message


async def test_a_remediation_holds_for_what_replaces_a_resource(stage: Stage, pack: Path) -> None:
    """The inputs of a replacement are checked anew by the provider, and must not slip past the policies by that."""
    stage.program('Thing("thing", label="good")')
    await stage.succeed()
    stage.program('Thing("thing", label="untidy")')
    result = await stage.succeed(policy_packs=[PolicyPackChoice(pack)])
    assert "create-replacement thing" in result.operations
    assert list(stage.things()) == ["tidy"]


async def test_a_pack_that_does_not_answer_does_not_hold_up_a_cancellation(stage: Stage, pack: Path) -> None:
    stage.program('Thing("thing", label="good")')
    source = (pack / "__main__.py").read_text()
    judging = stage.root / "judging"
    wait = (
        f"def label(args, report):\n    import pathlib, time; pathlib.Path({str(judging)!r}).touch(); time.sleep(600)"
    )
    (pack / "__main__.py").write_text(source.replace("def label(args, report):", wait, 1))
    update = asyncio.create_task(stage.run(policy_packs=[PolicyPackChoice(pack)]))
    while not judging.exists():
        await asyncio.sleep(0.05)
    update.cancel()
    result = await asyncio.wait_for(update, 60)
    assert result.finished.cancelled
    assert not stage.things()


async def test_a_policy_judges_the_whole_stack_by_its_outputs_at_the_end(stage: Stage, pack: Path) -> None:
    stage.program("""
        for number in range(3):
            Thing(f"thing{number}", label=f"good{number}")
    """)
    result = await stage.run(policy_packs=[PolicyPackChoice(pack)])
    assert not result.finished.ok
    (violation,) = said(result, "few")
    assert "3 things" in violation.message
    assert "pulumi:pulumi:Stack" in violation.message
    assert "::thing" in violation.urn
    # They were made: what has happened is recorded, whatever is thought of it.
    assert len(stage.names()) == 3


async def test_levels_and_properties_come_from_the_configuration(stage: Stage, pack: Path) -> None:
    stage.program('Thing("thing", label="bad")')
    configuration = pack / "config.json"
    configuration.write_text(json.dumps({"label": "advisory", "soft": {"enforcementLevel": "mandatory"}}))
    result = await stage.run("preview", policy_packs=[PolicyPackChoice(pack, configuration)])
    levels = {(policy, event.severity) for policy in ("label", "soft") for event in said(result, policy)}
    assert levels == {("label", Severity.WARNING), ("soft", Severity.ERROR)}

    configuration.write_text('{"all": "disabled"}')
    silent = await stage.succeed("preview", policy_packs=[PolicyPackChoice(pack, configuration)])
    assert not [event for event in silent.events if isinstance(event, Diagnostic) and event.policy]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ('{"labels": "mandatory"}', "labels: the pack house has no such policy"),
        ('{"label": "fatal"}', "'fatal' is not a level"),
        ('{"label": {"labels": 3}}', "label: labels: 3 is not of type 'array'"),
        ('{"label": ', "is not JSON"),
        ("[]", "must hold one object"),
    ],
)
async def test_a_wrong_configuration_stops_everything(stage: Stage, pack: Path, content: str, complaint: str) -> None:
    """A misspelt rule would otherwise be thought to be in force."""
    stage.program('Thing("thing", label="good")')
    configuration = pack / "config.json"
    configuration.write_text(content)
    result = await stage.run(policy_packs=[PolicyPackChoice(pack, configuration)])
    assert not result.finished.ok
    assert complaint in result.errors
    assert not stage.things()


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("raise SystemExit('no rules today')", "no rules today"),
        ("print('hello')", "'hello' where its port was expected"),
        ("import nowhere", "No module named 'nowhere'"),
    ],
)
async def test_without_its_pack_nothing_is_changed(stage: Stage, pack: Path, source: str, complaint: str) -> None:
    stage.program('Thing("thing", label="good")')
    (pack / "__main__.py").write_text(source)
    result = await stage.run(policy_packs=[PolicyPackChoice(pack)])
    assert not result.finished.ok
    assert complaint in result.errors
    assert not stage.things()


async def test_a_pack_that_fails_while_judging_lets_nothing_pass(stage: Stage, pack: Path) -> None:
    stage.program('Thing("thing", label="good")')
    source = (pack / "__main__.py").read_text()
    (pack / "__main__.py").write_text(
        source.replace("def label(args, report):", "def label(args, report):\n    1 / 0", 1)
    )
    result = await stage.run(policy_packs=[PolicyPackChoice(pack)])
    assert not result.finished.ok
    assert "division by zero" in result.errors
    assert not stage.things()


async def test_several_packs_judge_one_after_the_other(stage: Stage, pack: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "PulumiPolicy.yaml").write_text((pack / "PulumiPolicy.yaml").read_text())
    (other / "__main__.py").write_text((pack / "__main__.py").read_text().replace('"house"', '"neighbours"'))
    stage.program('Thing("indecent", label="bad")')
    result = await stage.run("preview", policy_packs=[PolicyPackChoice(pack), PolicyPackChoice(other)])
    packs = [event.policy.pack for event in said(result, "label") if event.policy is not None]
    assert packs == ["house", "neighbours"]


def test_a_pack_without_its_environment_is_refused_with_how_to_make_it(tmp_path: Path) -> None:
    (tmp_path / "PulumiPolicy.yaml").write_text("runtime: {name: python, options: {virtualenv: .venv}}\n")
    with pytest.raises(EngineError, match=f"uv sync --directory {tmp_path}"):
        load_pack(tmp_path)


def test_a_directory_without_a_pack_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"has no PulumiPolicy\.yaml"):
        load_pack(tmp_path)

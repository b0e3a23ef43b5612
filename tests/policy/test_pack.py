"""The pack as Pulumi starts it: a process in its own environment, asked by the analyzer protocol."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from policy.rules import RULES
from rehearsal.engine.goal import Goal
from rehearsal.engine.policies.analyzer import Analyzer, Surroundings, Verdict
from rehearsal.engine.policies.configuration import read_configuration
from rehearsal.engine.policies.pack import load_pack
from rehearsal.engine.policies.requests import analyze_request
from rehearsal.engine.properties import UNKNOWN
from rehearsal.engine.state import ResourceState
from tests.components.program import Registered
from tests.policy.registrations import ROOT, STACKS, managed, one, recorded, refusals

pytestmark = pytest.mark.slow

PACK = ROOT / "policy"
Open = Callable[..., AbstractAsyncContextManager[Analyzer]]


@pytest.fixture(scope="module", autouse=True)
def examples() -> None:
    """Programs run in an event loop of their own, so they have to be recorded before a test's is running."""
    for stack in STACKS:
        recorded(stack)


@pytest.fixture
def pack(tmp_path: Path) -> Open:
    """Starts the pack, configured as given."""
    if not (PACK / ".venv/bin/python").is_file():
        pytest.fail("the pack's environment is missing: make policy/.venv/.synced")

    @asynccontextmanager
    async def start(configuration: Mapping[str, Any] | None = None) -> AsyncIterator[Analyzer]:
        path = tmp_path / "configuration.json"
        path.write_text(json.dumps(configuration or {}))
        surroundings = Surroundings("127.0.0.1:1", "proj", "dev", True, dict(os.environ), {}, ())
        analyzer = await Analyzer.start(
            load_pack(PACK), read_configuration(path), path.name, surroundings, lambda severity, line: None
        )
        try:
            yield analyzer
        finally:
            await analyzer.stop()

    return start


def asked(item: Registered, **inputs: Any) -> Any:
    state = ResourceState(
        urn=f"urn:pulumi:dev::proj::{item.type}::{item.name}",
        type=item.type,
        inputs={**item.inputs, **inputs},
        protect=item.protect,
    )
    goal = Goal(state.urn, state.type, item.name, item.custom, state.inputs)
    return analyze_request(goal, state, None)


async def verdicts(analyzer: Analyzer, stack: str) -> list[Verdict]:
    return [verdict for item in managed(stack) for verdict in await analyzer.analyze(asked(item))]


async def test_the_process_says_what_the_rules_say(pack: Open) -> None:
    """Proxies, secrets and numbers travel: a rule must find the same on both sides."""
    expected = {rule.name: rule for rule in RULES}
    async with pack() as analyzer:
        assert analyzer.name == "mendix-registry"
        for stack in STACKS:
            found: dict[str, list[str]] = {}
            for verdict in await verdicts(analyzer, stack):
                assert verdict.mandatory
                description, _, said = verdict.message.partition("\n")
                assert description == expected[verdict.policy].description
                found.setdefault(verdict.policy, []).append(said)
            assert found == refusals(stack), stack


async def test_every_rule_can_be_made_advice_or_turned_off(pack: Open) -> None:
    stack = "example-generic-anonymous"
    async with pack({"all": "advisory", "no-plain-http": "disabled"}) as analyzer:
        found = await verdicts(analyzer, stack)
    assert {(each.policy, each.mandatory) for each in found} == {("digest-pinned-images", False)}


async def test_the_list_of_static_credentials_is_configured(pack: Open) -> None:
    async with pack({"no-static-credentials": {"allowed": ["secret:*", "acr-admin:examplemendixacr"]}}) as analyzer:
        assert await verdicts(analyzer, "example-microsoft-acr-admin") == []


async def test_what_a_preview_does_not_know_is_told_as_such(pack: Open) -> None:
    """A trust policy names an identity provider that does not exist yet: neither refused nor silently let through."""
    item = one("example-amazon-ecr-irsa", "aws:iam/role:Role")
    async with pack() as analyzer:
        found = await analyzer.analyze(asked(item, assumeRolePolicy=UNKNOWN))
    assert [(each.policy, each.mandatory) for each in found] == [("exact-trust-subjects", False)]
    assert ".assumeRolePolicy can't be known during preview" in found[0].message


@pytest.mark.parametrize(
    ("allowed", "mandatory"),
    [([], True), (["secret:orders/another"], True), (["secret:orders/*"], False), (["secret:*"], False)],
)
async def test_a_secret_of_a_namespace_without_a_name_is_refused_unless_the_list_may_mean_it(
    pack: Open, allowed: list[str], mandatory: bool
) -> None:
    """At a first deployment the namespace is made by the same update, and a review must not wait for it."""
    item = one("example-generic", "kubernetes:core/v1:Secret")
    async with pack({"no-static-credentials": {"allowed": allowed}}) as analyzer:
        found = await analyzer.analyze(asked(item, metadata={**item.inputs["metadata"], "namespace": UNKNOWN}))
    assert [(each.policy, each.mandatory) for each in found] == [("no-static-credentials", mandatory)]


async def test_what_a_job_does_not_know_yet_hides_no_plain_http(pack: Open) -> None:
    item = next(each for each in managed("example-generic-anonymous") if each.name == "mendix-dev-push")
    spec = json.loads(json.dumps(item.inputs["spec"]))
    next(each for each in spec["template"]["spec"]["containers"][0]["env"] if each["name"] == "TAG")["value"] = UNKNOWN
    async with pack() as analyzer:
        found = await analyzer.analyze(asked(item, spec=spec))
    assert {(each.policy, each.mandatory) for each in found} == {
        ("no-plain-http", True),
        ("digest-pinned-images", True),
    }


async def test_a_secret_is_seen_through_and_not_spoken_of(pack: Open) -> None:
    from rehearsal.engine.properties import secret

    item = one("example-generic", "kubernetes:core/v1:Secret")
    async with pack() as analyzer:
        found = await analyzer.analyze(asked(item, data=secret(item.inputs["data"])))
    assert [each.policy for each in found] == ["no-static-credentials"]
    assert item.inputs["data"][".dockerconfigjson"] not in found[0].message

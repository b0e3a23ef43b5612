"""The pack as Pulumi runs it: a process in its own environment, asked by the CLI about what a program registers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from policy.rules import RULES
from tests.components.program import Registered
from tests.conftest import STACKS
from tests.policy.registering import MARK
from tests.policy.registrations import ROOT, managed, one, recorded, refusals
from tests.pulumi_cli import PulumiProject

pytestmark = pytest.mark.slow

PACK = ROOT / "policy"
UNKNOWN = {MARK: "unknown"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the CLI was told of a resource, which is in the group ``group``."""

    group: str
    policy: str
    mandatory: bool
    message: str


Ask = Callable[..., list[Verdict]]


def secret(value: Any) -> Any:
    return {MARK: "secret", "value": value}


def asked(group: str, item: Registered, **inputs: Any) -> dict[str, Any]:
    """A registration of ``item`` in a group, with some other ``inputs``."""
    whole = {key: secret(value) if key in item.secrets else value for key, value in item.inputs.items()}
    return {
        "stack": group,
        "type": item.type,
        "name": item.name,
        "protect": item.protect,
        "inputs": {**whole, **inputs},
    }


def example(stack: str) -> list[dict[str, Any]]:
    return [asked(stack, item) for item in managed(stack) if item.custom]


def secret_of_a_namespace_without_a_name() -> dict[str, Any]:
    """At a first deployment the namespace is made by the same update."""
    item = one("example-generic", "kubernetes:core/v1:Secret")
    return asked("no-name", item, metadata={**item.inputs["metadata"], "namespace": UNKNOWN})


def job_with_an_unknown_tag() -> dict[str, Any]:
    item = next(each for each in managed("example-generic-anonymous") if each.name == "mendix-dev-push")
    spec = json.loads(json.dumps(item.inputs["spec"]))
    variables = spec["template"]["spec"]["containers"][0]["env"]
    next(each for each in variables if each["name"] == "TAG")["value"] = UNKNOWN
    return asked("unknown-tag", item, spec=spec)


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """Has the pack, configured as given, look at a preview of ``registrations``."""
    if not (PACK / ".venv/bin/python").is_file():
        pytest.fail("the pack's environment is missing: make policy/.venv/.synced")
    for stack in STACKS:
        recorded(stack)
    project = PulumiProject(tmp_path_factory.mktemp("project"))
    project.install("test", "1.0.0")
    project.program(Path(__file__).with_name("registering.py").read_text())
    project.stack("dev", {})

    def ask(
        registrations: Sequence[Mapping[str, Any]], configuration: Mapping[str, Any] | None = None
    ) -> list[Verdict]:
        (project.root / "registrations.json").write_text(json.dumps(registrations))
        configured = project.root / "configuration.json"
        configured.write_text(json.dumps(configuration or {}))
        events = project.events("preview", "dev", "--policy-pack", str(PACK), "--policy-pack-config", str(configured))
        looked = {event["resourcePreEvent"]["metadata"]["urn"] for event in events if "resourcePreEvent" in event}
        assert len(looked) >= len(registrations)
        return [_verdict(event["policyEvent"]) for event in events if "policyEvent" in event]

    return ask


def _verdict(event: Mapping[str, Any]) -> Verdict:
    types = event["resourceUrn"].split("::")[2]
    group = types.split("$")[0].removeprefix("test:index:")
    return Verdict(group, event["policyName"], event["enforcementLevel"] == "mandatory", event["message"].rstrip("\n"))


@pytest.fixture(scope="module")
def unconfigured(pack: Ask) -> list[Verdict]:
    """What the pack says by itself: of all examples, and of values that a preview does not know."""
    role = one("example-amazon-ecr-irsa", "aws:iam/role:Role")
    registrations = [registration for stack in STACKS for registration in example(stack)]
    registrations += [
        asked("unknown-trust", role, assumeRolePolicy=UNKNOWN),
        secret_of_a_namespace_without_a_name(),
        job_with_an_unknown_tag(),
    ]
    return pack(registrations)


def test_the_process_reports_what_the_rules_find(unconfigured: list[Verdict]) -> None:
    """Proxies, secrets and numbers travel: a rule must find the same on both sides."""
    expected = {rule.name: rule for rule in RULES}
    for stack in STACKS:
        found: dict[str, list[str]] = {}
        for verdict in unconfigured:
            if verdict.group == stack:
                assert verdict.mandatory
                description, _, said = verdict.message.partition("\n")
                assert description == expected[verdict.policy].description
                found.setdefault(verdict.policy, []).append(said)
        # In which order resources are looked at is the engine's to choose.
        assert {policy: sorted(said) for policy, said in found.items()} == {
            policy: sorted(said) for policy, said in refusals(stack).items()
        }, stack


def test_values_unknown_in_a_preview_are_reported_as_unknown(unconfigured: list[Verdict]) -> None:
    """A trust policy names an identity provider that does not exist yet: neither refused nor silently let through."""
    found = [verdict for verdict in unconfigured if verdict.group == "unknown-trust"]
    assert [(each.policy, each.mandatory) for each in found] == [("exact-trust-subjects", False)]
    assert ".assumeRolePolicy can't be known during preview" in found[0].message


def test_unknown_values_of_a_job_hide_no_plain_http(unconfigured: list[Verdict]) -> None:
    found = {(each.policy, each.mandatory) for each in unconfigured if each.group == "unknown-tag"}
    assert found == {("no-plain-http", True), ("digest-pinned-images", True)}


def test_a_secret_is_seen_through_and_not_spoken_of(unconfigured: list[Verdict]) -> None:
    item = one("example-generic", "kubernetes:core/v1:Secret")
    assert "data" in item.secrets
    found = [verdict for verdict in unconfigured if verdict.group == "example-generic"]
    assert {each.policy for each in found} == {"no-static-credentials"}
    assert not [each for each in unconfigured if item.inputs["data"][".dockerconfigjson"] in each.message]


def test_every_rule_can_be_made_advice_or_turned_off(pack: Ask) -> None:
    found = pack(example("example-generic-anonymous"), {"all": "advisory", "no-plain-http": "disabled"})
    assert {(each.policy, each.mandatory) for each in found} == {("digest-pinned-images", False)}


def test_the_list_of_static_credentials_is_configured(pack: Ask) -> None:
    listed = {"no-static-credentials": {"allowed": ["secret:*", "acr-admin:examplemendixacr"]}}
    assert pack(example("example-microsoft-acr-admin"), listed) == []


@pytest.mark.parametrize(
    ("allowed", "mandatory"),
    [([], True), (["secret:orders/another"], True), (["secret:orders/*"], False), (["secret:*"], False)],
)
def test_a_secret_of_unknown_namespace_needs_a_listed_name(pack: Ask, allowed: list[str], mandatory: bool) -> None:
    """At a first deployment a review must not wait for the namespace."""
    found = pack([secret_of_a_namespace_without_a_name()], {"no-static-credentials": {"allowed": allowed}})
    assert [(each.policy, each.mandatory) for each in found] == [("no-static-credentials", mandatory)]

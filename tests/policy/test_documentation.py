"""docs/policy.md tells the rules, their settings and a configuration as they are."""

from __future__ import annotations

import json
import re

import jsonschema

from access_documents import amazon
from policy.rules import RULES
from tests.policy.registrations import ROOT

PAGE = (ROOT / "docs/policy.md").read_text()


def test_the_table_lists_every_rule_with_its_settings() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| .* \| (.*) \|$", PAGE, re.MULTILINE)
    told = {name: set(re.findall(r"`(\w+)`", settings)) for name, settings in rows}
    assert told == {rule.name: set(rule.settings) for rule in RULES}
    assert {rule.level for rule in RULES} == {"mandatory"}


def test_the_example_configuration_fits_the_rules() -> None:
    (block,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    rules = {rule.name: rule for rule in RULES}
    for name, settings in json.loads(block).items():
        known = {**rules[name].settings, "enforcementLevel": {"enum": ["advisory", "mandatory", "disabled"]}}
        jsonschema.validate(settings, {"properties": known, "additionalProperties": False})


def test_the_page_lists_the_actions_that_pass() -> None:
    told = set(re.findall(r"`((?:ecr|kms):\w+)`", PAGE))
    assert told == {*amazon.REPOSITORY_ACTIONS, *amazon.KEY_ACTIONS, amazon.LOGIN}

"""What the example stacks really register, as the resources that policies are asked about."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from mendix_registry.deployment import deploy
from mendix_registry.settings.values import Surroundings
from mendix_registry.stack_file import parse
from policy.rules import RULES, Resource, Rule
from tests.components.kinds.amazon_ecr.stack import ANSWERS as AMAZON
from tests.components.kinds.google_gcr.google import ANSWERS as GOOGLE
from tests.components.kinds.microsoft_acr.conftest import ANSWERS as AZURE
from tests.components.kinds.microsoft_acr.conftest import CALLS
from tests.components.program import Recording, Registered, run

ROOT = Path(__file__).parents[2]
IMAGE = "gcr.io/go-containerregistry/krane@sha256:" + "a" * 64
CERTIFICATE = (ROOT / "tests/components/stack_file/ca.pem").read_text()


class Environment(dict[str, str]):
    """Every variable that an example names has a value that suits it."""

    def __contains__(self, name: object) -> bool:
        return True

    def get(self, name: str, default: Any = None) -> Any:
        return self[name]

    def __missing__(self, name: str) -> str:
        if name.endswith("IMAGE"):
            return IMAGE
        return CERTIFICATE if name.endswith("_CA") else f"canary-of-{name}"


def _secret(args: Any) -> dict[str, Any]:
    """The Secret that the example docker-secret expects to be there; what a stack makes itself has no computed outputs."""
    if not args.resource_id:
        return {}
    login = json.dumps({"auths": {"registry.example.com:5000": {"auth": "YTpi"}}})
    namespace, _, name = args.resource_id.rpartition("/")
    return {
        "metadata": {"name": name, "namespace": namespace, "uid": "1", "resourceVersion": "7"},
        "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": base64.b64encode(login.encode()).decode()},
    }


ANSWERS = {**AMAZON, **AZURE, **GOOGLE, "kubernetes:core/v1:Secret": _secret}


@cache
def recorded(stack: str) -> Recording:
    """The example stack ``stack``, registered under mocks."""
    content = yaml.safe_load((ROOT / f"stacks/Pulumi.{stack}.yaml").read_text())
    settings = parse(content["config"], surroundings=Surroundings(Environment())).settings
    return run(lambda: deploy(settings), answers=ANSWERS, calls=CALLS)


def managed(stack: str) -> list[Registered]:
    """Its resources, without those that are only read."""
    return [item for item in recorded(stack).registered if not item.read]


def one(stack: str, kind: str) -> Registered:
    """One of its resources of this type: always the same one, in whatever order they were registered."""
    found = [item for item in managed(stack) if item.type == kind]
    return min(found, key=lambda item: ("orders" not in item.name, "-pull" in item.name, item.name))


def resource(item: Registered, rule: Rule, settings: Mapping[str, Any] | None = None) -> Resource:
    return Resource(item.type, item.name, item.inputs, item.protect, {**rule.defaults, **(settings or {})})


def refusals(stack: str, configuration: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, list[str]]:
    """What each rule that is violated has to say about the stack."""
    found: dict[str, list[str]] = {}
    for item in managed(stack):
        for rule in RULES:
            settings = (configuration or {}).get(rule.name)
            for finding in rule.findings(resource(item, rule, settings)):
                found.setdefault(rule.name, []).append(str(finding))
    return found


def rule_named(name: str) -> Rule:
    return next(rule for rule in RULES if rule.name == name)


def judged(
    kind: str, inputs: Mapping[str, Any], configuration: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, list[str]]:
    """What each rule has to say about one resource that no example has."""
    found: dict[str, list[str]] = {}
    for rule in RULES:
        settings = {**rule.defaults, **(configuration or {}).get(rule.name, {})}
        for finding in rule.findings(Resource(kind, "shared", inputs, settings=settings)):
            found.setdefault(rule.name, []).append(finding.what)
    return found

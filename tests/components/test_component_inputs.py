"""What every component of the library shows of itself: in previews, in the state, to policies."""

from __future__ import annotations

import base64
import importlib
import json
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import pulumi
import pytest
import yaml

import mendix_registry
from mendix_registry.component_inputs import settings_inputs
from mendix_registry.deployment import deploy
from mendix_registry.kinds.amazon_ecr.settings import AmazonEcrRegistry
from mendix_registry.settings.builder import Builder
from mendix_registry.settings.values import Surroundings
from mendix_registry.stack_file import parse
from tests.components import test_several_registries
from tests.components.program import Answer, Registered, run
from tests.conftest import ROOT, STACKS
from tests.policy.registrations import ANSWERS, CALLS, Environment

PREFIX = "mendix-registry:"
SECRET = "kubernetes:core/v1:Secret"
CANARIES = ("canary-of-", "hunter2")
"""What secrets begin with: those of the environment, those that the clouds give, and a program's."""

DIGEST = f"sha256:{'0' * 64}"
VARIANTS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "build": (
        "example-generic",
        {
            "builder": {
                "mode": "build",
                "image": f"krane@{DIGEST}",
                "build": {
                    "baseImage": f"base.example.com/runtime@{DIGEST}",
                    "directory": "/opt/app",
                    "mda": {"sha256": DIGEST, "url": {"environment": "URL"}},
                },
            }
        },
    ),
    "mirror": (
        "example-generic",
        {"builder": {"mode": "mirror", "image": f"krane@{DIGEST}", "mirror": [{"source": "example.com/a/b:1"}]}},
    ),
    "existing key": (
        "example-amazon-ecr-static",
        {
            "registry": {
                "type": "amazon-ecr",
                "region": "eu-west-1",
                "accountId": "123456789012",
                "repository": "apps/{namespace}",
                "authentication": {
                    "method": "static",
                    "existingKey": {"accessKeyId": "AKIAIOSFODNN7EXAMPLE", "secretAccessKey": {"environment": "KEY"}},
                },
            }
        },
    ),
}
"""What no example has, by an example and other keys of it."""


class _Environment(Environment):
    def __missing__(self, name: str) -> str:
        return "https://files.example.com/a.mda?token=canary-of-a-url" if name == "URL" else super().__missing__(name)


def _stack(name: str) -> Callable[[], Any]:
    example, keys = VARIANTS.get(name, (name, {}))
    config = yaml.safe_load((ROOT / f"stacks/Pulumi.{example}.yaml").read_text())["config"]
    # Pulumi decrypts what is encrypted before the program reads it.
    given = {**config, **{f"{PREFIX}{key}": value for key, value in keys.items()}}
    settings = parse(given, surroundings=Surroundings(_Environment())).settings
    return lambda: deploy(settings) and None


@cache
def components(name: str, *, preview: bool = False) -> tuple[Registered, ...]:
    """The library's components in a program. In a preview no cloud answers, so that what only it knows is unknown."""
    if name == "program":
        made, answers = test_several_registries.two, test_several_registries.ANSWERS
    else:
        made, answers = _stack(name), ANSWERS
    if preview:
        answers = {key: answer if key == SECRET else _id_alone(answer) for key, answer in answers.items()}
    recording = run(made, answers=answers, calls=CALLS, preview=preview)
    return tuple(item for item in recording.registered if item.type.startswith(PREFIX))


def _id_alone(answer: Answer) -> Answer:
    return lambda args: {key: value for key, value in answer(args).items() if key == "id"}


PROGRAMS = [*STACKS, *VARIANTS, "program"]


def _subclasses(of: type[pulumi.ComponentResource]) -> Iterator[type[pulumi.ComponentResource]]:
    for each in of.__subclasses__():
        yield each
        yield from _subclasses(each)


def test_every_component_class_is_in_some_program() -> None:
    for module in pkgutil.walk_packages(mendix_registry.__path__, "mendix_registry."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    ours = [each for each in _subclasses(pulumi.ComponentResource) if each.__module__.startswith("mendix_registry.")]
    classes = {each.__name__ for each in ours if not each.__subclasses__()}
    registered = {item.type.rpartition(":")[2] for name in PROGRAMS for item in components(name)}
    assert registered == classes
    assert len(registered) > 20


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_component_has_inputs_with_camel_case_names(name: str) -> None:
    for item in components(name):
        assert item.inputs, item.urn
        assert all(re.fullmatch(r"[a-z][a-zA-Z0-9]*", key) for key in item.inputs), item.urn


@pytest.mark.parametrize("name", PROGRAMS)
def test_no_input_holds_a_secret_in_plain_text(name: str) -> None:
    for item in components(name):
        for key, value in item.inputs.items():
            text = json.dumps(value)
            forms = [form for each in CANARIES for form in (each, base64.b64encode(each.encode()).decode()[:-4])]
            assert key in item.secrets or not any(form in text for form in forms), f"{key} of {item.urn}"


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_preview_shows_inputs_that_no_cloud_decides(name: str) -> None:
    previewed = {item.urn: item for item in components(name, preview=True)}
    for item in components(name):
        shown = previewed[item.urn].inputs
        assert shown, item.urn
        if not item.type.startswith(f"{PREFIX}index:"):
            # Azure gives the login server of a new registry, and a new service its address in the cluster.
            assert item.inputs.keys() - shown.keys() <= {"pushHost", "pullHost"}, item.urn
            assert not item.secrets, item.urn


def test_a_namespace_shows_who_pushes_where() -> None:
    made = {
        item.type.rpartition(":")[2]: item for item in components("example-amazon-ecr-irsa") if "orders" in item.name
    }
    host = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
    who = {"namespace": "mendix-orders", "repository": "mendixapps/mendix-orders", "serviceAccount": "mendix-builder"}
    assert dict(made["MendixNamespace"].inputs) == {
        **who,
        "pushHost": host,
        "pullHost": host,
        "imageNameTemplate": "mendixapps/mendix-orders:{{.Name}}-{{.Timestamp}}",
        "credentials": "workload-identity",
        "pull": "node",
        "operatorConfiguration": {"adopt": "patch"},
        "builder": {"mode": "verify"},
    }
    job = {**who, "image": Builder().image, "timeoutSeconds": 300, "proveNodePull": True}
    assert dict(made["BuilderJob"].inputs) == job


def test_a_kinds_inputs_are_the_stack_files() -> None:
    key = {"method": "static", "rotation": 1, "existingKey": {"accessKeyId": "AKIA", "secretAccessKey": "canary"}}
    given = {"type": "amazon-ecr", "repository": "apps", "authentication": key, "tags": {"a-b": ""}, "nodeRoles": ["n"]}
    assert settings_inputs(AmazonEcrRegistry.model_validate(given)) == {
        "type": "amazon-ecr",
        "repository": "apps",
        "authentication": {"method": "static", "existingKey": {"accessKeyId": "AKIA"}},
        "tags": {"a-b": ""},
        "nodeRoles": ["n"],
    }


def test_an_output_stays_out_of_a_kinds_inputs() -> None:
    def program() -> None:
        roles = {"existing": {"a": "arn:aws:iam::123456789012:role/a", "b": pulumi.Output.from_input("b")}}
        provider = {"existing": test_several_registries.PROVIDER}
        authentication = {"method": "irsa", "oidcProvider": provider, "roles": roles}
        given = {"type": "amazon-ecr", "repository": "apps", "authentication": authentication}
        shown = settings_inputs(AmazonEcrRegistry.model_validate(given))
        assert shown["authentication"]["roles"] == {"existing": {"a": "arn:aws:iam::123456789012:role/a"}}

    run(program)

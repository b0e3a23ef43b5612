"""The components as a multi-language package: its schema is whole, and another program can construct from it."""

from __future__ import annotations

import json
import re
import stat
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from rehearsal.engine import Update, run_update
from rehearsal.engine.events import Diagnostic, Event, StepFinished
from rehearsal.engine.project import load_project

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "package"
PROVIDERS = ROOT / "rehearsal" / "providers" / "bin"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def schema() -> Iterator[dict[str, Any]]:
    """What the running plugin itself gives to `pulumi package add`."""
    plugin = subprocess.Popen([sys.executable, str(PACKAGE), "127.0.0.1:1"], stdout=subprocess.PIPE, text=True)
    try:
        assert plugin.stdout is not None
        port = int(plugin.stdout.readline())
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            provider = provider_pb2_grpc.ResourceProviderStub(channel)
            answer = provider.GetSchema(provider_pb2.GetSchemaRequest())
        yield json.loads(answer.schema)
    finally:
        plugin.kill()
        plugin.wait()


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for member in node.values():
            yield from references(member)
    elif isinstance(node, list):
        for member in node:
            yield from references(member)


def test_every_public_component_is_a_resource_of_the_package(schema: dict[str, Any]) -> None:
    from components import aws, azure, gcp, openshift

    public = {
        name
        for room in (aws, azure, gcp, openshift)
        for name in room.__all__
        # Kinds take a whole Settings; MendixRegistry is their door for other languages.
        if not name.endswith("Args")
        and name not in {"AmazonEcr", "MicrosoftAcr", "GoogleGcr", "OpenShift3", "OpenShift4"}
    }
    assert {token.rsplit(":", 1)[1] for token in schema["resources"]} == public | {"MendixRegistry"}
    assert all(resource["isComponent"] for resource in schema["resources"].values())


def test_every_reference_of_the_schema_leads_somewhere(schema: dict[str, Any]) -> None:
    for reference in references(schema):
        local = re.fullmatch(r"#/types/(.+)", reference)
        assert reference.startswith("pulumi.json#/") or (local and local.group(1) in schema["types"]), reference


def test_components_inputs_and_outputs_are_explained(schema: dict[str, Any]) -> None:
    """Other languages' editors show nothing but these texts."""
    mute = [
        f"{token}.{name}"
        for token, resource in {**schema["resources"], **schema["types"]}.items()
        for part in ("inputProperties", "properties")
        for name, property_ in resource.get(part, {}).items()
        if not property_.get("description")
    ]
    assert not mute
    assert all(resource["description"] for resource in schema["resources"].values())


async def of_another_language(root: Path, options: str = "None") -> list[Event]:
    """The events of a preview. Seen from the engine, a remote component is the same from every language."""
    plugin = root / "pulumi-resource-mendix-registry"
    plugin.write_text(f'#!/bin/sh\nexec {sys.executable} {PACKAGE} "$@"\n')
    plugin.chmod(plugin.stat().st_mode | stat.S_IXUSR)
    (root / "Pulumi.yaml").write_text("name: other\nruntime: python\n")
    (root / "Pulumi.dev.yaml").write_text("config: {}\n")
    program = textwrap.dedent(
        """
        import pulumi

        class MendixRegistry(pulumi.ComponentResource):
            def __init__(self, name, props, opts):
                super().__init__("mendix-registry:index:MendixRegistry", name, props, opts, remote=True)

        def labelled(args):
            if args.type_ == "kubernetes:core/v1:ServiceAccount":
                metadata = {**args.props["metadata"], "labels": {"team": "orders"}}
                return pulumi.ResourceTransformResult({**args.props, "metadata": metadata}, args.opts)

        MendixRegistry("apps", {
            "registry": {"type": "generic", "pushHost": "registry.example.com:5000", "authentication": "none",
                         "repository": "apps/{namespace}", "transport": {"insecure": False}},
            "namespaces": [{"name": "orders"}, {"name": "billing"}],
            "builder": {"mode": "none"},
            "cluster": {"context": "nowhere"},
        }, OPTIONS)
        """
    )
    (root / "__main__.py").write_text(program.replace("OPTIONS", options))
    events: list[Event] = []
    stand_ins = {"mendix-registry": plugin, "kubernetes": PROVIDERS / "pulumi-resource-kubernetes"}
    update = Update(load_project(root), "dev", "preview", root / "home", stand_ins=stand_ins)
    finished = await run_update(update, events.append)
    told = "\n".join(event.message for event in events if isinstance(event, Diagnostic))
    assert finished.ok, told
    return events


async def test_a_program_of_another_language_constructs_the_whole_stack_file(tmp_path: Path) -> None:
    events = await of_another_language(tmp_path)
    urns = [event.step.urn for event in events if isinstance(event, StepFinished)]
    below = "mendix-registry:index:MendixRegistry$mendix-registry:kubernetes:MendixNamespace$kubernetes:core/v1:ServiceAccount"
    assert {urn.rsplit("::", 1)[1] for urn in urns if below in urn} == {"orders-builder", "billing-builder"}


async def test_options_and_transforms_of_another_language_reach_what_is_constructed(tmp_path: Path) -> None:
    """With `protect` on the component, nothing of it was protected, and its transforms met none of its children."""
    events = await of_another_language(tmp_path, "pulumi.ResourceOptions(protect=True, transforms=[labelled])")
    made = [event.step.new for event in events if isinstance(event, StepFinished) and event.step.new]
    inside = [state for state in made if "MendixRegistry" in state["urn"]]
    assert len(inside) > 3
    assert all(state.get("protect") for state in inside)
    accounts = [state for state in inside if state["type"] == "kubernetes:core/v1:ServiceAccount"]
    assert [state["inputs"]["metadata"]["labels"]["team"] for state in accounts] == ["orders", "orders"]

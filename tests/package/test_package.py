"""The components as a multi-language package: Pulumi's CLI makes an SDK of it, whose schema is whole, and a program that has that
SDK constructs from it.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import mendix_registry
from rehearsal.cluster.paths import cache_directory
from rehearsal.toolchain.go_program import GoProgram, ensure_program
from tests.conftest import ROOT
from tests.pulumi_cli import PulumiProject

pytestmark = pytest.mark.slow

CONSUMER = """
import pulumi
from pulumi_mendix_registry import MendixRegistry


def labelled(args):
    if args.type_ == "kubernetes:core/v1:ServiceAccount":
        metadata = {**args.props["metadata"], "labels": {"team": "orders"}}
        return pulumi.ResourceTransformResult({**args.props, "metadata": metadata}, args.opts)


apps = MendixRegistry(
    "apps",
    registry={
        "type": "generic",
        "pushHost": "registry.example.com:5000",
        "authentication": "none",
        "repository": "apps/{namespace}",
        "transport": {"insecure": False},
    },
    namespaces=[{"name": "orders"}, {"name": "billing"}],
    builder={"mode": "none"},
    cluster={"context": "nowhere"},
    opts=OPTIONS,
)
pulumi.export("pushHost", apps.push_host)
"""
RUNTIME = "{name: python, options: {toolchain: uv, virtualenv: .venv}}"


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as a clone has it, without an environment: the CLI makes one, and leaves nothing else in it."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("pyproject.toml", "uv.lock"):
        shutil.copy(ROOT / name, folder)
    for name in ("components", "fleet", "policy", "rehearsal", "report"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".venv"))
    return folder


@pytest.fixture(scope="module")
def consumer(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> PulumiProject:
    """Another project, which has added the package."""
    project = PulumiProject(tmp_path_factory.mktemp("consumer"))
    for name in ("__main__.py", "pyproject.toml", "uv.lock", ".venv"):
        (project.root / name).unlink()
    (project.root / "__main__.py").write_text("")
    (project.root / "Pulumi.yaml").write_text(f"name: other\nruntime: {RUNTIME}\n")
    (project.root / "pyproject.toml").write_text(
        '[project]\nname = "other"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["pulumi==3.272.0"]\n'
    )
    del project.environment["UV_NO_INSTALL_WORKSPACE"]
    project.run("package", "add", str(clone / "components"))
    project.run("stack", "init", "dev")
    return project


@pytest.fixture(scope="module")
def schema(consumer: PulumiProject, clone: Path) -> dict[str, Any]:
    return json.loads(consumer.run("package", "get-schema", str(clone / "components")).stdout)


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
    public = {name for name in mendix_registry.__all__ if not name.endswith("Args")}
    assert {token.rsplit(":", 1)[1] for token in schema["resources"]} == public
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


def test_every_input_but_the_kinds_keys_is_typed(schema: dict[str, Any]) -> None:
    """Of a union by `type` a schema knows nothing; a text may also be where it stands."""
    anything = {
        f"{token.rsplit(':', 1)[1]}.{name}"
        for token, part in {**schema["resources"], **schema["types"]}.items()
        for name, property_ in {**part.get("inputProperties", {}), **part.get("properties", {})}.items()
        if "pulumi.json#/Any" in references(property_)
    }
    assert anything == {
        "AppSourceArgs.url",
        "BuilderArgs.tolerations",
        "ClusterArgs.kubeconfig",
        "MendixRegistry.registry",
        "OperatorConfigurationArgs.overlay",
    }


def constructed(consumer: PulumiProject, options: str = "None") -> list[dict[str, Any]]:
    """What a first preview of the consumer would make. Seen from the CLI, a remote component is the same from every language."""
    (consumer.root / "__main__.py").write_text(CONSUMER.replace("OPTIONS", options))
    return [step["newState"] for step in consumer.preview("dev")["steps"] if step["op"] == "create"]


def test_an_sdk_program_constructs_the_whole_stack_file(consumer: PulumiProject) -> None:
    made = constructed(consumer)
    below = "mendix-registry:index:MendixRegistry$mendix-registry:kubernetes:MendixNamespace$kubernetes:core/v1:ServiceAccount"
    assert {state["urn"].rsplit("::", 1)[1] for state in made if below in state["urn"]} == {
        "apps-orders-builder",
        "apps-billing-builder",
    }


def test_options_and_transforms_of_other_languages_reach_all_children(consumer: PulumiProject) -> None:
    """With `protect` on the component, nothing of it was protected, and its transforms met none of its children."""
    made = constructed(consumer, "pulumi.ResourceOptions(protect=True, transforms=[labelled])")
    inside = [state for state in made if "MendixRegistry" in state["urn"]]
    assert len(inside) > 3
    assert all(state.get("protect") for state in inside)
    accounts = [state for state in inside if state["type"] == "kubernetes:core/v1:ServiceAccount"]
    assert [state["inputs"]["metadata"]["labels"]["team"] for state in accounts] == ["orders", "orders"]


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"builder": {"modus": "none"}}, "MendixRegistry has no input builder.modus"),
        ({"namespaces": [{"name": "orders", "craete": True}]}, "MendixRegistry has no input namespaces[0].craete"),
        ({"builder": {"mode": "non"}}, "config.mendix-registry:builder.mode"),
    ],
)
def test_a_mistake_in_a_typed_input_is_an_error(consumer: PulumiProject, given: dict[str, Any], complaint: str) -> None:
    program = CONSUMER.replace("OPTIONS", "None").replace("    cluster=", f"    **{given!r},\n    cluster=")
    for key in given:
        program = re.sub(rf"\n    {key}=.*", "", program)
    (consumer.root / "__main__.py").write_text(program)
    done = consumer.run("preview", "--stack", "dev", check=False)
    assert done.returncode != 0 and complaint in done.stdout + done.stderr


YAML_HOST = GoProgram(
    "pulumi-language-yaml",
    Path(__file__).with_name("yaml_host"),
    ("github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml",),
    described="Pulumi's language host for YAML",
)
PASSWORD = "not-to-be-seen-anywhere"


@pytest.fixture(params=["python", "yaml"])
def example(request: pytest.FixtureRequest, clone: Path) -> PulumiProject:
    """An example, as it lies in a clone, with the package added to it."""
    project = PulumiProject(clone / "examples" / request.param)
    for path in project.root.iterdir():
        if path.name not in ("home", "state"):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    shutil.copytree(ROOT / "examples" / request.param, project.root, dirs_exist_ok=True)
    host = ensure_program(YAML_HOST, cache_directory(), lambda _: None)
    project.environment["PATH"] = f"{host.parent}:{project.environment['PATH']}"
    del project.environment["UV_NO_INSTALL_WORKSPACE"]
    project.run("package", "add", "../../components")
    project.run("stack", "init", "dev")
    project.run("config", "set", "--secret", "registryPassword", PASSWORD)
    return project


def test_two_registries_of_an_example_come_up_and_go(example: PulumiProject, schema: dict[str, Any]) -> None:
    """A password from the configuration and a role's ARN from another resource reach two kinds in one program."""
    printed = example.run("up", "--yes", "--skip-preview").stdout
    printed += example.run("up", "--yes", "--skip-preview", "--expect-no-changes").stdout
    exported = example.run("stack", "export").stdout
    resources = json.loads(exported)["deployment"]["resources"]
    components = [each for each in resources if each["type"].startswith("mendix-registry:index:")]
    assert {each["type"] for each in components} == {
        f"mendix-registry:index:{name}" for name in ("EcrPushRole", "EcrRegistry", "MendixRegistry")
    }
    assert {each["type"] for each in components} <= set(schema["resources"])
    for each in components:
        given = schema["resources"][each["type"]]
        assert each["inputs"] and set(each["inputs"]) <= set(given["inputProperties"]), each["urn"]
    (account,) = (each for each in resources if each["urn"].endswith("ServiceAccount::cloud-billing-builder"))
    (role,) = (each for each in components if each["type"].endswith("EcrPushRole"))
    assert account["inputs"]["metadata"]["annotations"]["eks.amazonaws.com/role-arn"] == role["outputs"]["roleArn"]
    state = "".join(path.read_text(errors="replace") for path in (example.root / "state").rglob("*") if path.is_file())
    assert PASSWORD not in printed + exported + state
    example.run("destroy", "--yes", "--skip-preview")
    assert "resources" not in json.loads(example.run("stack", "export").stdout)["deployment"]

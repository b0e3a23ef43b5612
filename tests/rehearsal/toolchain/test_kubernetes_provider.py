"""The Kubernetes provider as it is built here: without pulumi-kubernetes' Go SDK, of which its own components use a few names.

What those components make is compared with the YAML they were given; no cluster is needed for that, as the provider can
write its objects into a directory.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest
import yaml

from rehearsal.cluster.paths import cache_directory
from rehearsal.toolchain.go_program import ensure_program
from rehearsal.toolchain.programs import KUBERNETES_PROVIDER, KUBERNETES_PROVIDER_VERSION, PULUMI
from rehearsal.toolchain.uv import ensure_uv

pytestmark = pytest.mark.slow

OBJECTS: list[dict[str, Any]] = [
    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"x": "1"}},
    {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "b"}, "stringData": {"x": "hush"}},
    {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "c"}, "spec": {"selector": {}}},
    {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "d"}, "rules": []},
    {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "fruits.example.com"},
        "spec": {
            "group": "example.com",
            "names": {"kind": "Fruit", "plural": "fruits"},
            "scope": "Namespaced",
            "versions": [{"name": "v1", "served": True, "storage": True}],
        },
    },
    {"apiVersion": "example.com/v1", "kind": "Fruit", "metadata": {"name": "e"}, "spec": {"colour": "red"}},
]
PROGRAM = """
import json, os
import pulumi, pulumi_kubernetes as kubernetes
rendering = kubernetes.Provider("rendering", render_yaml_to_directory="rendered")
options = pulumi.ResourceOptions(providers=[rendering])
group = kubernetes.yaml.v2.ConfigGroup("group", yaml=os.environ["GIVEN"], opts=options)
chart = kubernetes.helm.v4.Chart(
    "chart", chart="fruit", namespace="default", values={"colour": "green"},
    repository_opts=kubernetes.helm.v4.RepositoryOptsArgs(username="nobody"), opts=options,
)
pulumi.export("made", pulumi.Output.all(group.resources, chart.resources).apply(lambda made: [len(one) for one in made]))
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A program whose environment has the SDKs of this one's, by uv and without a network."""
    directory = tmp_path / "project"
    templates = directory / "fruit" / "templates"
    templates.mkdir(parents=True)
    (directory / "fruit" / "Chart.yaml").write_text("apiVersion: v2\nname: fruit\nversion: 1.0.0\n")
    (templates / "map.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: of-chart}\ndata: {colour: {{ .Values.colour }}}\n"
    )
    (directory / "rendered").mkdir()
    (directory / "__main__.py").write_text(PROGRAM)
    (directory / "Pulumi.yaml").write_text(
        "name: fruit\nruntime: {name: python, options: {toolchain: uv, virtualenv: .venv}}\n"
    )
    (directory / "pyproject.toml").write_text('[project]\nname = "fruit"\nversion = "0"\nrequires-python = ">=3.11"\n')
    return directory


@pytest.fixture
def environment(project: Path, tmp_path: Path) -> dict[str, str]:
    cache = cache_directory()
    cli, provider = (ensure_program(program, cache, lambda _: None) for program in (PULUMI, KUBERNETES_PROVIDER))
    home, state = tmp_path / "home", tmp_path / "state"
    plugin = home / "plugins" / f"resource-kubernetes-v{KUBERNETES_PROVIDER_VERSION}"
    plugin.mkdir(parents=True)
    (plugin / provider.name).symlink_to(provider)
    state.mkdir()
    variables = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PULUMI_", "UV_", "KUBE"))},
        "PATH": os.pathsep.join((str(cli.parent), str(ensure_uv(cache, lambda _: None)), os.environ["PATH"])),
        "PULUMI_HOME": str(home),
        "PULUMI_BACKEND_URL": f"file://{state}?metadata=skip",
        "PULUMI_CONFIG_PASSPHRASE": "passphrase",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "UV_OFFLINE": "1",
        "UV_PYTHON": sys.executable,
        "GIVEN": yaml.safe_dump_all(OBJECTS),
    }
    variables.pop("VIRTUAL_ENV", None)
    subprocess.run(["uv", "sync", "--quiet"], cwd=project, env=variables, check=True)
    (packages,) = (project / ".venv" / "lib").glob("python*/site-packages")
    (packages / "tests.pth").write_text(sysconfig.get_path("purelib"))
    return variables


def pulumi(project: Path, environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        ["pulumi", *arguments, "--non-interactive"], cwd=project, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_its_components_make_what_they_are_given(project: Path, environment: dict[str, str]) -> None:
    pulumi(project, environment, "stack", "init", "dev")
    pulumi(project, environment, "up", "--yes", "--skip-preview")
    made = [yaml.safe_load(file.read_text()) for file in (project / "rendered").rglob("*.yaml")]
    found = {(one["apiVersion"], one["kind"], one["metadata"]["name"]): one for one in made}
    expected = {(one["apiVersion"], one["kind"], one["metadata"]["name"]): one for one in OBJECTS}
    assert set(found) == {*expected, ("v1", "ConfigMap", "of-chart")}
    assert found["v1", "ConfigMap", "a"]["data"] == {"x": "1"}
    assert found["example.com/v1", "Fruit", "e"]["spec"] == {"colour": "red"}
    assert found["v1", "ConfigMap", "of-chart"]["data"] == {"colour": "green"}
    state = pulumi(project, environment, "stack", "export")
    assert "hush" not in state, "what a Secret's YAML says is a secret of the state"
    types = {resource["type"] for resource in json.loads(state)["deployment"]["resources"]}
    assert {
        "kubernetes:core/v1:ConfigMap",
        "kubernetes:core/v1:Secret",
        "kubernetes:apps/v1:ReplicaSet",
        "kubernetes:rbac.authorization.k8s.io/v1:Role",
        "kubernetes:example.com/v1:Fruit",
        "kubernetes:helm.sh/v4:Chart",
    } <= types
    assert json.loads(pulumi(project, environment, "stack", "output", "--json")) == {"made": [len(OBJECTS), 1]}
    pulumi(project, environment, "up", "--yes", "--skip-preview", "--expect-no-changes")


def test_its_schema_is_of_the_version_that_it_is(project: Path, environment: dict[str, str]) -> None:
    schema = json.loads(
        pulumi(project, environment, "package", "get-schema", f"kubernetes@{KUBERNETES_PROVIDER_VERSION}")
    )
    assert (schema["name"], schema["version"]) == ("kubernetes", KUBERNETES_PROVIDER_VERSION)
    assert "kubernetes:batch/v1:Job" in schema["resources"]

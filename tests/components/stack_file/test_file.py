"""``mendix-registry check`` and ``describe``: the stack file without Pulumi."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import yaml

from mendix_registry.__main__ import main
from tests.conftest import ROOT, STACKS

CERTIFICATE = Path(__file__).with_name("ca.pem").read_text()


def variables(stack: str) -> dict[str, str]:
    """A value for each variable that a stack file names."""
    names = re.findall(r"environment: (\w+)", (ROOT / "stacks" / f"Pulumi.{stack}.yaml").read_text())
    image = f"example.com/krane@sha256:{'0' * 64}"
    return {name: CERTIFICATE if name.endswith("CA") else image if "IMAGE" in name else "hunter2" for name in names}


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


Run: TypeAlias = Callable[..., Done]


@pytest.fixture
def run(project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in the project's directory."""
    monkeypatch.chdir(project)

    def run(*arguments: str) -> Done:
        status = main(arguments)
        return Done(status, *capsys.readouterr())

    return run


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "Pulumi.yaml").write_text("name: mendix-registry\nruntime: python\nstackConfigDir: stacks\n")
    return tmp_path


def write(project: Path, text: str) -> None:
    (project / "stacks" / "Pulumi.prod.yaml").write_text(text)


WRONG = """\
config:
  mendix-registry:registry:
    type: generic
    pushHost: registry.example.com
    respository: apps
    authentication:
      username: builder
      password:
        secure: AAABAKz
  mendix-registry:namespaces:
    - name: orders
    - name: Billing
"""
RIGHT = """\
config:
  mendix-registry:registry:
    type: generic
    pushHost: registry.example.com
    repository: apps/{namespace}
    authentication:
      username: builder
      password:
        secure: AAABAKz
  mendix-registry:cluster:
    kubeconfig:
      secure: AAABAKz
  mendix-registry:namespaces:
    - name: orders
"""


def test_every_problem_has_its_line_for_people_and_editors(project: Path, run: Run) -> None:
    write(project, WRONG)
    done = run("check", "--stack", "prod")
    file = project / "stacks" / "Pulumi.prod.yaml"
    assert done.returncode == 1
    for place in (f"{file}:5:5: error\nconfig.mendix-registry:registry.respository", f"{file}:12:7: error"):
        assert place in done.stdout
    found = json.loads(run("check", "--stack", "prod", "--json").stdout)
    assert {(each["path"].rsplit(":", 1)[1], each["line"]) for each in found["problems"]} == {
        ("registry.repository", 2),
        ("registry.respository", 5),
        ("namespaces[1].name", 12),
    }
    assert all(each["what"] and each["do"] for each in found["problems"])
    assert {each["rule"] for each in found["problems"]} == {"STK003", "STK015", "STK078"}
    assert "config.mendix-registry:namespaces[1].name  [STK078]\n" in done.stdout


def test_encrypted_values_are_accepted_and_stay_secret(project: Path, run: Run) -> None:
    write(project, RIGHT)
    assert run("check", "--stack", "prod").returncode == 0
    described = json.loads(run("describe", "--stack", "prod").stdout)
    assert described["settings"]["registry"]["authentication"]["password"] == {
        "secret": True,
        "config": "mendix-registry:registry.authentication.password",
    }
    assert described["settings"]["cluster"]["kubeconfig"] == {
        "secret": True,
        "config": "mendix-registry:cluster.kubeconfig",
    }
    assert described["namespaces"][0]["subject"] == "system:serviceaccount:orders:mendix-builder"


def test_an_encrypted_host_is_accepted_but_cannot_be_described(project: Path, run: Run) -> None:
    content: dict[str, Any] = yaml.safe_load(RIGHT)
    content["config"]["mendix-registry:registry"]["pushHost"] = {"secure": "AAABAKz"}
    content["config"]["mendix-registry:registry"]["repository"] = {"secure": "AAABAKz"}
    content["config"]["mendix-registry:namespaces"] = [{"name": {"secure": "AAABAKz"}}]
    write(project, yaml.safe_dump(content))
    assert run("check", "--stack", "prod").returncode == 0
    described = run("describe", "--stack", "prod")
    assert (described.returncode, described.stdout) == (1, "")
    assert "encrypted value" in described.stderr


@pytest.mark.parametrize("secret", ["environment", "file"])
def test_a_value_from_elsewhere_is_not_printed(
    secret: str, project: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("token", "hunter2")
    (project / "token").write_text("hunter2")
    content: dict[str, Any] = yaml.safe_load(RIGHT)
    content["config"]["mendix-registry:registry"]["authentication"]["password"] = {secret: "token"}
    write(project, yaml.safe_dump(content))
    done = run("describe", "--stack", "prod")
    assert done.returncode == 0
    assert "hunter2" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"), [(["--stack", "nowhere"], "There is no stack file"), (["--stack", "prod"], "is not YAML")]
)
def test_what_cannot_be_read_ends_with_2(arguments: list[str], said: str, project: Path, run: Run) -> None:
    write(project, "config: [")
    done = run("check", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("stack", [stack for stack in STACKS if stack.startswith("example-")])
def test_every_example_is_described(
    stack: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    for name, value in variables(stack).items():
        monkeypatch.setenv(name, value)
    assert main(["describe", "--stack", stack]) == 0, capsys.readouterr().err
    printed = capsys.readouterr().out
    described = json.loads(printed)
    declared = yaml.safe_load((ROOT / "stacks" / f"Pulumi.{stack}.yaml").read_text())["config"]
    assert described["registry"]["type"] == declared["mendix-registry:registry"]["type"]
    names = [each["name"] for each in declared["mendix-registry:namespaces"]]
    assert [each["name"] for each in described["namespaces"]] == names
    assert all("{namespace}" not in each["repository"] for each in described["namespaces"])
    assert {"builder", "cluster", "namespaces", "operatorConfiguration", "registry"} == described["settings"].keys()
    assert "hunter2" not in printed


def only_nulls_differ(less: Any, more: Any) -> bool:
    if less is None:
        return True
    if isinstance(less, dict) and less.get("secret"):
        # It gives where the value stands, and no value.
        return True
    if isinstance(less, dict) and isinstance(more, dict):
        return less.keys() == more.keys() and all(only_nulls_differ(less[key], more[key]) for key in less)
    if isinstance(less, list) and isinstance(more, list):
        return len(less) == len(more) and all(map(only_nulls_differ, less, more))
    return less == more


@pytest.mark.parametrize("stack", [stack for stack in STACKS if variables(stack)])
def test_an_example_without_variables_is_described_with_nulls(
    stack: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    names = variables(stack)
    for name in names:
        monkeypatch.delenv(name, raising=False)
    assert main(["describe", "--stack", stack]) == 0
    described = json.loads(capsys.readouterr().out)
    assert main(["check", "--stack", stack, "--json"]) == 1
    assert {each["rule"] for each in json.loads(capsys.readouterr().out)["problems"]} >= {"STK022"}
    needed = {each["name"]: each for each in described.pop("prerequisites")}
    assert all(needed[name]["missing"] and needed[name]["for"] for name in names)
    for name, value in names.items():
        monkeypatch.setenv(name, value)
    assert main(["describe", "--stack", stack]) == 0
    complete = json.loads(capsys.readouterr().out)
    assert not any(each.get("missing") for each in complete.pop("prerequisites"))
    assert described != complete
    assert only_nulls_differ(described, complete)


def test_a_name_that_a_variable_decides_is_null_everywhere(
    project: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ACCOUNT", raising=False)
    monkeypatch.delenv("ROLE", raising=False)
    content: dict[str, Any] = yaml.safe_load(RIGHT)
    content["config"]["mendix-registry:registry"] = {
        "type": "amazon-ecr",
        "repository": "mendixapps/{namespace}",
        "region": "eu-west-1",
        "accountId": {"environment": "ACCOUNT"},
        "authentication": {
            "method": "pod-identity",
            "cluster": {"name": "production"},
            "roles": {"existingForAll": {"environment": "ROLE"}},
        },
    }
    write(project, yaml.safe_dump(content))
    described = json.loads(run("describe", "--stack", "prod").stdout)
    registry = described["registry"]
    assert (registry["pushHost"], registry["accountId"], registry["region"]) == (None, None, "eu-west-1")
    assert described["settings"]["registry"]["accountId"] is None
    identity = described["namespaces"][0]["plan"]["identity"]
    assert identity == {"what": "IAM role", "name": None, "origin": "existing"}
    assert {"what": "IAM role", "name": None} in described["prerequisites"]
    missing = [each["name"] for each in described["prerequisites"] if each.get("missing")]
    assert missing == ["ACCOUNT", "ROLE"]


def test_another_mistake_is_not_described(project: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOST", raising=False)
    content: dict[str, Any] = yaml.safe_load(WRONG)
    content["config"]["mendix-registry:registry"]["pushHost"] = {"environment": "HOST"}
    write(project, yaml.safe_dump(content))
    done = run("describe", "--stack", "prod")
    assert (done.returncode, done.stdout) == (1, "")
    assert "[STK015]" in done.stderr and "[STK022]" not in done.stderr


def test_the_command_is_the_module(project: Path) -> None:
    write(project, RIGHT)
    command = [sys.executable, "-m", "mendix_registry", "check", "--stack", "prod"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("Pulumi.prod.yaml: 0 errors, 1 warning.\n")

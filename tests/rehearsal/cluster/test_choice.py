"""Which cluster a rehearsal uses, and what it keeps of one that it has not built."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from rehearsal.cluster import built, existing, kind_cluster
from rehearsal.cluster.errors import ClusterError, Progress
from rehearsal.cluster.kubeconfig import kubeconfig_files, kubeconfig_of_context
from rehearsal.cluster.opening import open_cluster
from rehearsal.cluster.paths import NodeDirectory
from rehearsal.cluster.state import NodeState


def quiet(_: Progress) -> None:
    pass


def command(directory: Path, name: str, text: str) -> None:
    """A program that says what the test needs of the real one, which would need a container engine."""
    (directory / name).write_text(f"#!/bin/sh\n{text}\n")
    (directory / name).chmod(0o755)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only directory of PATH."""
    directory = tmp_path / "path"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory))
    return directory


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which way :func:`open_cluster` went."""
    ways: list[str] = []

    def way(name: str) -> Any:
        return lambda *_: ways.append(name)

    monkeypatch.setattr(built, "open_built", way("built"))
    monkeypatch.setattr(existing, "open_context", way("context"))
    monkeypatch.setattr(kind_cluster, "open_kind", way("kind"))
    return ways


@pytest.mark.parametrize(
    ("present", "engine", "home_has_built", "given", "expected"),
    [
        ("", "", False, {}, "built"),
        ("kind docker", "exit 0", False, {}, "kind"),
        ("kind podman", "exit 0", False, {}, "kind"),
        ("kind docker", "exit 1", False, {}, "built"),
        ("docker", "exit 0", False, {}, "built"),
        ("kind", "", False, {}, "built"),
        ("kind docker", "exit 0", True, {}, "built"),
        ("kind docker", "exit 0", True, {"kind": "kind"}, "kind"),
        ("kind docker", "exit 0", False, {"context": "production"}, "context"),
        ("kind docker", "exit 0", False, {"kind": "built"}, "built"),
        ("", "", False, {"kind": "context"}, "context"),
    ],
)
def test_a_named_cluster_comes_before_kind_and_our_own(
    programs: Path,
    tmp_path: Path,
    opened: list[str],
    present: str,
    engine: str,
    home_has_built: bool,
    given: Any,
    expected: str,
) -> None:
    for name in present.split():
        command(programs, name, engine)
    if home_has_built:
        NodeState.new().write(NodeDirectory.of(tmp_path))
    open_cluster(tmp_path, **given)
    assert opened == [expected]


def test_users_without_the_right_build_no_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ClusterError, match=r"needs root(.|\n)*sudo(.|\n)*--context"):
        open_cluster(tmp_path / "home", kind="built")
    assert not (tmp_path / "home").exists()


def test_the_current_context_is_used_only_if_named(tmp_path: Path) -> None:
    for nothing in (None, ""):
        with pytest.raises(ClusterError, match=r"may be production(.|\n)*--context"):
            existing.open_context(tmp_path, nothing, quiet)


# -- kind --------------------------------------------------------------------------------------------------------------


def test_without_kind_or_an_engine_the_message_names_both(programs: Path, tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match=r"lacks one of them(.|\n)*Docker or Podman"):
        kind_cluster.open_kind(tmp_path, quiet)


def test_a_half_created_kind_cluster_is_found_again(programs: Path, tmp_path: Path) -> None:
    """Its name was only noted once it answered: one that did not come up, or whose making was killed, stayed for good."""
    log = tmp_path / "log"
    command(programs, "docker", "exit 0")
    command(programs, "kind", f'echo "$@" >>{log}; [ "$1" != create ] || {{ echo "no space left" >&2; exit 1; }}')
    for _ in range(2):
        with pytest.raises(ClusterError, match="no space left"):
            kind_cluster.open_kind(tmp_path, quiet)
    calls = [line.split() for line in log.read_text().splitlines()]
    made = [call[call.index("--name") + 1] for call in calls if call[0] == "create"]
    assert len(set(made)) == 1
    assert made[0].startswith("mendix-rehearsal-")
    assert kind_cluster.close(tmp_path) == [f"kind cluster {made[0]}"]
    assert log.read_text().splitlines()[-1] == f"delete cluster --name {made[0]}"
    assert kind_cluster.close(tmp_path) == []


def test_a_kind_cluster_that_cannot_be_deleted_is_remembered(programs: Path, tmp_path: Path) -> None:
    existing.remember(tmp_path, existing.Remembered("kind", "kubeconfig", "kind-a", "a"))
    command(programs, "kind", "echo the engine does not answer >&2; exit 1")
    with pytest.raises(ClusterError, match=r"the engine does not answer(.|\n)*kind delete cluster --name a"):
        kind_cluster.close(tmp_path)
    assert existing.recall(tmp_path) is not None


# -- a context of somebody's kubeconfig --------------------------------------------------------------------------------


def document(**sections: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Config", **sections}


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Two files, the first of which wins; contexts, clusters and users refer to one another across them."""
    one, two = tmp_path / "one" / "config", tmp_path / "two" / "config"
    for path in (one, two):
        path.parent.mkdir()
    for name in ("one/robot.crt", "two/ca.crt", "robot.key"):
        (tmp_path / name).write_text(f"content of {name}")
    login = {"apiVersion": "client.authentication.k8s.io/v1", "command": "../bin/login", "interactiveMode": "Never"}
    robot = {"client-certificate": "robot.crt", "client-key": str(tmp_path / "robot.key"), "exec": login}
    first = document(
        **{"current-context": "prod"},
        contexts=[
            {"name": "prod", "context": {"cluster": "prod", "user": "ops"}},
            {"name": "lab", "context": {"cluster": "lab", "user": "robot", "namespace": "team"}},
            {"name": "broken", "context": {"cluster": "absent", "user": "ops"}},
        ],
        clusters=[{"name": "prod", "cluster": {"server": "https://prod.example.com"}}],
        users=[{"name": "ops", "user": {"token": "canary-of-production"}}, {"name": "robot", "user": robot}],
    )
    lab = {"server": "https://lab.example.com", "certificate-authority": "ca.crt", "tls-server-name": "lab"}
    second = document(
        clusters=[
            {"name": "lab", "cluster": lab},
            {"name": "prod", "cluster": {"server": "https://another.example.com"}},
        ],
        contexts=[{"name": "prod", "context": {"cluster": "lab", "user": "robot"}}],
    )
    one.write_text(yaml.safe_dump(first))
    two.write_text(yaml.safe_dump(second))
    return [one, two]


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl, which is the oracle, is not on PATH")
@pytest.mark.parametrize("context", ["prod", "lab"])
def test_a_context_is_what_kubectl_takes_it_for(files: list[Path], tmp_path: Path, context: str) -> None:
    own = tmp_path / "own"
    own.write_text(kubeconfig_of_context(context, files))

    def view(paths: list[Path]) -> Any:
        # Flattened: what the files hold that are named relative to the kubeconfig they stand in.
        command = [
            "kubectl",
            "config",
            "view",
            "--raw",
            "--minify",
            "--flatten",
            "--context",
            context,
            "--output",
            "json",
        ]
        environment = {**os.environ, "KUBECONFIG": ":".join(str(path) for path in paths)}
        shown = json.loads(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)
        # A program is not flattened; kubectl looks it up when it runs it.
        shown["users"][0]["user"].get("exec", {}).pop("command", None)
        return shown

    assert view([own]) == view(files)


def test_a_login_program_is_found_beside_the_kubeconfig(files: list[Path]) -> None:
    """client-go: a command with a separator is relative to the kubeconfig, another is looked up on PATH."""
    (user,) = yaml.safe_load(kubeconfig_of_context("lab", files))["users"]
    assert Path(user["user"]["exec"]["command"]).resolve() == files[0].parent.parent / "bin" / "login"
    files[0].write_text(files[0].read_text().replace("../bin/login", "aws"))
    (user,) = yaml.safe_load(kubeconfig_of_context("lab", files))["users"]
    assert user["user"]["exec"]["command"] == "aws"


def test_nothing_of_another_context_is_taken_along(files: list[Path]) -> None:
    text = kubeconfig_of_context("lab", files)
    assert "canary-of-production" not in text
    assert "prod" not in text
    assert yaml.safe_load(text)["current-context"] == "lab"


def test_a_missing_or_incomplete_context_is_reported(files: list[Path], tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match=r"no context 'la'(.|\n)*broken, lab, prod"):
        kubeconfig_of_context("la", files)
    with pytest.raises(ClusterError, match=r"'broken' names a cluster or user that no kubeconfig file defines"):
        kubeconfig_of_context("broken", files)
    with pytest.raises(ClusterError, match="missing or name no context"):
        kubeconfig_of_context("lab", [tmp_path / "absent"])
    files[0].write_text("a: [")
    with pytest.raises(ClusterError, match="cannot be read"):
        kubeconfig_of_context("lab", files)


def test_the_files_are_those_kubectl_reads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert kubeconfig_files({}) == kubeconfig_files({"KUBECONFIG": ""}) == [tmp_path / ".kube" / "config"]
    assert kubeconfig_files({"KUBECONFIG": "/a::~/b"}) == [Path("/a"), tmp_path / "b"]

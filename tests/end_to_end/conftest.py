"""The command as users call it, on a project of the test's own, against one real cluster and registry for all tests."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import kr8s
import pytest
import yaml

from rehearsal.cluster import BuiltCluster, Cluster
from rehearsal.prove.emptying import delete_images, delete_repositories
from tests.conftest import REHEARSE, ROOT

SECONDS = 240


@dataclass(slots=True)
class Project:
    """A project of the real program with stack files of the test's own, and a state of its own."""

    root: Path
    home: Path
    environment: dict[str, str] = field(default_factory=dict)

    def stack(self, name: str = "local", **changes: Any) -> dict[str, Any]:
        """Writes a stack file: that of the stack ``local``, with ``changes`` merged into its keys."""
        content = yaml.safe_load((ROOT / "stacks" / "Pulumi.local.yaml").read_text())
        config = content["config"]
        for key, value in changes.items():
            whole = f"mendix-registry:{key}"
            config[whole] = merged(config.get(whole), value)
        (self.root / "stacks" / f"Pulumi.{name}.yaml").write_text(yaml.safe_dump(content))
        return config

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        variables = {**os.environ, **self.environment, **environment}
        return subprocess.Popen(
            [str(REHEARSE), *arguments, "--cwd", str(self.root)],
            env=variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments, **environment)
        try:
            output, errors = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def up(self, *arguments: str, **environment: str) -> dict[str, Any]:
        """``up --json`` that must succeed: its one object."""
        done = self.run("up", "--yes", "--json", *arguments, **environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def state(self, name: str = "local") -> dict[str, Any]:
        path = self.root / "state" / ".pulumi" / "stacks" / "mendix-registry" / f"{name}.json"
        return json.loads(path.read_text())["checkpoint"]["latest"] or {}


def merged(old: Any, new: Any) -> Any:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        result = {**old, **{key: merged(old.get(key), value) for key, value in new.items()}}
        return {key: value for key, value in result.items() if value is not ...}
    return new


@pytest.fixture
def project(tmp_path: Path, home: Path) -> Iterator[Project]:
    (tmp_path / "stacks").mkdir()
    for name in ("components", "__main__.py"):
        (tmp_path / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "Pulumi.yaml", tmp_path)
    made = Project(tmp_path, home)
    made.environment = {
        "REHEARSAL_HOME": str(home),
        "PULUMI_BACKEND_URL": f"file://{tmp_path}/state",
        "PULUMI_CONFIG_PASSPHRASE": "correct horse battery staple",
    }
    (tmp_path / "state").mkdir()
    made.stack()
    yield made
    if any((tmp_path / "state").glob(".pulumi/stacks/*/*.json")):
        for stack in (tmp_path / "stacks").glob("Pulumi.*.yaml"):
            name = stack.name.split(".")[1]
            if (tmp_path / "state" / ".pulumi" / "stacks" / "mendix-registry" / f"{name}.json").exists():
                gone = made.run("destroy", "--yes", "--stack", name)
                assert gone.returncode == 0, gone.stdout + gone.stderr


@pytest.fixture
def api(kubeconfig: Path) -> kr8s.Api:
    """Another client's view of the cluster."""
    return kr8s.api(kubeconfig=str(kubeconfig))


@pytest.fixture
def node(cluster: Cluster) -> BuiltCluster:
    if not isinstance(cluster, BuiltCluster):
        pytest.skip("needs the stand-in clouds of the rehearsal's own cluster")
    return cluster


@pytest.fixture
def quick(project: Project, node: BuiltCluster) -> Iterator[Project]:
    """The project, whose registries are emptied at the end, so that its stack can be destroyed."""
    project.environment["REHEARSAL_PROPAGATION_SECONDS"] = "0"
    (project.root / "stacks" / "Pulumi.local.yaml").unlink()
    yield project
    for path in (project.root / "stacks").iterdir():
        config = {key.partition(":")[2]: value for key, value in yaml.safe_load(path.read_text())["config"].items()}
        delete_images(config, node)
        if config["registry"]["type"] == "google-gcr":
            # What the stack keeps its owner deletes; the stack then finds it gone.
            delete_repositories(config, node)
            assert project.run("destroy", "--yes", "--refresh", "--stack", path.name.split(".")[1]).returncode == 0

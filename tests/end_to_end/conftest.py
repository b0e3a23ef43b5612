"""The command as users call it, on a project of the test's own, against one real cluster and registry for all tests."""

from __future__ import annotations

import json
import os
import shlex
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

from rehearsal.access_matrix.emptying import delete_images, delete_repositories
from rehearsal.cluster import BuiltCluster, Cluster
from tests.conftest import REHEARSE, ROOT
from tests.rehearsal.descriptions import described_stack
from tests.rehearsal.stacks import project_in

SECONDS = 240


@dataclass(frozen=True, slots=True)
class Deployed:
    """What an `up` that succeeded has done: steps by operation, the stack's outputs, and all that it printed."""

    changes: dict[str, int]
    outputs: dict[str, Any]
    printed: str

    @property
    def pushed(self) -> dict[str, dict[str, Any]]:
        """The proven pushes, by namespace."""
        return {name: entry for name, entry in self.outputs.get("namespaces", {}).items() if entry["pushed"]}


@dataclass(slots=True)
class Project:
    """A project of the real program with stack files of the test's own; its home is the session's; its state ends with it."""

    root: Path
    home: Path
    environment: dict[str, str] = field(default_factory=dict)
    exports: dict[str, str] = field(default_factory=dict)

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

    def pulumi(self, *arguments: str, stack: str = "local") -> str:
        """What a command of Pulumi's CLI prints in the environment that `rehearse env` gives."""
        if stack not in self.exports:
            exports = self.run("env", "--stack", stack)
            assert exports.returncode == 0, exports.stderr
            self.exports[stack] = exports.stdout
        script = f"{self.exports[stack]}\ncd {self.root}\nexec pulumi {shlex.join(arguments)} --stack {stack}"
        done = subprocess.run(
            ["bash", "-c", script], env={**os.environ, **self.environment}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def up(self, *arguments: str, stack: str = "local", **environment: str) -> str:
        """What an `up` prints that must succeed."""
        done = self.run("up", "--yes", "--skip-preview", "--stack", stack, *arguments, **environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def deployed(self, *arguments: str, stack: str = "local") -> Deployed:
        """An `up` that must succeed, and what the CLI knows of it."""
        printed = self.up(*arguments, stack=stack)
        (last,) = json.loads(self.pulumi("stack", "history", "--json", "--page-size", "1", stack=stack))
        outputs = json.loads(self.pulumi("stack", "output", "--json", stack=stack))
        return Deployed(last["resourceChanges"], outputs, printed)

    def state(self, stack: str = "local") -> dict[str, Any]:
        """The deployment as `pulumi stack export` gives it."""
        return json.loads(self.pulumi("stack", "export", stack=stack))["deployment"]

    def states(self) -> dict[str, list[dict[str, Any]]]:
        """The stacks in the sandbox's state, and the resources of each. To see what a test has left, no CLI is started."""
        found = {
            path.stem: json.loads(path.read_text())
            for path in (self.home / "state" / ".pulumi" / "stacks").glob("*/*.json")
        }
        return {stack: (state["checkpoint"].get("latest") or {}).get("resources", []) for stack, state in found.items()}

    def unprotect(self, stack: str) -> None:
        """Lifts the protection of a stack's resources; no CLI is started where none has any."""
        if any(resource.get("protect") for resource in self.states()[stack]):
            self.pulumi("state", "unprotect", "--all", "--yes", stack=stack)


def merged(old: Any, new: Any) -> Any:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        result = {**old, **{key: merged(old.get(key), value) for key, value in new.items()}}
        return {key: value for key, value in result.items() if value is not ...}
    return new


@pytest.fixture
def project(tmp_path: Path, home: Path) -> Iterator[Project]:
    made = Project(project_in(tmp_path), home)
    made.environment = {"REHEARSAL_HOME": str(home)}
    made.stack()
    yield made
    try:
        # Other tests of this worker have stacks in the same home.
        for stack, resources in made.states().items():
            if not resources or not (made.root / "stacks" / f"Pulumi.{stack}.yaml").exists():
                continue
            gone = made.run("destroy", "--yes", "--skip-preview", "--stack", stack)
            assert gone.returncode == 0, gone.stdout + gone.stderr
    finally:
        for name in ("state", "stacks", "environment"):
            shutil.rmtree(home / name, ignore_errors=True)


@pytest.fixture
def api(kubeconfig: Path) -> kr8s.Api:
    """Another client's view of the cluster."""
    return kr8s.api(kubeconfig=str(kubeconfig))


@pytest.fixture
def node(cluster: Cluster) -> BuiltCluster:
    if not isinstance(cluster, BuiltCluster):
        pytest.skip("needs the emulated clouds of the rehearsal's own cluster")
    return cluster


def taken_down(project: Project, stack: str, node: BuiltCluster) -> None:
    """Empties a stack's registries and destroys it, as docs/operations.md says. Nothing is left in its state."""
    described = described_stack(stack, project.root)
    if project.states().get(stack):
        delete_images(described, node)
        project.unprotect(stack)
        project.run("destroy", "--yes", "--skip-preview", "--stack", stack)
    # What a stack keeps, its owner deletes; the stack then finds it gone.
    delete_repositories(described, node)
    if project.states().get(stack):
        gone = project.run("destroy", "--yes", "--skip-preview", "--refresh", "--stack", stack)
        assert gone.returncode == 0, gone.stdout + gone.stderr


@pytest.fixture
def quick(project: Project, node: BuiltCluster) -> Iterator[Project]:
    """The project, whose registries are emptied at the end, so that its stack can be destroyed."""
    project.environment["REHEARSAL_PROPAGATION_SECONDS"] = "0"
    (project.root / "stacks" / "Pulumi.local.yaml").unlink()
    yield project
    deployed = project.states()
    for path in (project.root / "stacks").iterdir():
        stack = path.name.split(".")[1]
        if stack not in deployed:
            continue
        taken_down(project, stack, node)

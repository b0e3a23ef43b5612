"""A stack of its own for the kills: its project, its two stack files (as it is, and changed), and what there is of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import httpx
import psutil
import yaml

from rehearsal.access_matrix.registry import Service
from rehearsal.cluster import BuiltCluster, open_cluster
from rehearsal.emulators.faults import HOST as FAULTS_HOST
from rehearsal.emulators.service import API_PORTS
from tests.conftest import REHEARSE, ROOT
from tests.end_to_end.killed import inventory
from tests.end_to_end.killed.inventory import Inventory
from tests.end_to_end.killed.victims import Kill, kill_at, kill_when

STACKS = (
    "local",
    "example-amazon-ecr-irsa",
    "example-microsoft-acr-workload-identity",
    "example-google-gcr-workload-identity",
)
Killer: TypeAlias = Callable[[psutil.Process], Kill]
"""Is given the process of ``rehearse`` and kills it, or what it has started."""
SECONDS = 180
"""No command may take longer: then it hangs."""


@dataclass(frozen=True, slots=True)
class Done:
    """A command's exit status (None where it hung and was ended), what it printed, how long it took."""

    status: int | None
    printed: str
    seconds: float


@dataclass(slots=True)
class Staged:
    """A project with one stack, and the sandbox that it runs in."""

    stack: str
    root: Path
    home: Path
    environment: dict[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        (self.root / "stacks").mkdir(parents=True)
        for name in (
            "__main__.py",
            "components",
            "fleet",
            "policy",
            "pyproject.toml",
            "rehearsal",
            "report",
            "uv.lock",
        ):
            (self.root / name).symlink_to(ROOT / name)
        (self.root / ".venv").symlink_to(sys.prefix)
        shutil.copy(ROOT / "Pulumi.yaml", self.root)
        # The environment is the checkout's: a copy of the project must not become what is installed there.
        own = {"REHEARSAL_HOME": str(self.home), "UV_NO_INSTALL_WORKSPACE": "1", "REHEARSAL_PROPAGATION_SECONDS": "0"}
        self.environment = {**os.environ, **own}
        self.write(changed=False)

    def write(self, *, changed: bool) -> None:
        """Write the stack file: one namespace, nothing protected from deletion; ``changed`` has two and other settings."""
        document = yaml.safe_load((ROOT / "stacks" / f"Pulumi.{self.stack}.yaml").read_text())
        config = {key.partition(":")[2]: value for key, value in document["config"].items() if "mendix" in key}
        _simplify(config)
        if changed:
            _change(config)
        document["config"].update({f"mendix-registry:{key}": value for key, value in config.items()})
        (self.root / "stacks" / f"Pulumi.{self.stack}.yaml").write_text(yaml.safe_dump(document))

    @property
    def log(self) -> Path:
        return self.home / "stacks" / "mendix-registry" / f"{self.stack}.events"

    def kill_at(self, event: int, victim: str) -> Killer:
        """Kills at an event of the update (from 1)."""
        # An earlier update's log must not be taken for this one's.
        self.log.unlink(missing_ok=True)
        return lambda process: kill_at(process, self.log, victim, event)

    def kill_while(self, victim: str, **request: Any) -> Killer:
        """Kills while the emulated clouds hold a request back (see ``rehearsal.emulators.faults``)."""
        with self._faults() as faults:
            faults.post("/", json={"kind": "slow", "seconds": 10, **request}).raise_for_status()

        def held() -> bool:
            with self._faults() as faults:
                return any(rule["happened"] for rule in faults.get("/").json()["faults"])

        def kill(process: psutil.Process) -> Kill:
            done = kill_when(process, held, victim)
            with self._faults() as faults:
                faults.delete("/").raise_for_status()
            return done

        return kill

    def run(self, verb: str, *arguments: str, kill: Killer | None = None) -> tuple[Done, Kill | None]:
        """Run a command to its end, with a kill on its way, if one is given."""
        began = time.monotonic()
        with (self.root / "printed").open("w+b") as printed:
            process = subprocess.Popen(
                [str(REHEARSE), verb, "--stack", self.stack, "--yes", "--skip-preview", *arguments],
                cwd=self.root,
                env=self.environment,
                stdout=printed,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
            family = psutil.Process(process.pid)
            killed = kill(family) if kill else None
            status: int | None
            try:
                status = process.wait(SECONDS)
            except subprocess.TimeoutExpired:
                status = None
                for member in [family, *family.children(recursive=True)]:
                    member.kill()
                process.wait()
            printed.seek(0)
            text = printed.read().decode(errors="replace")
        return Done(status, text, time.monotonic() - began), killed

    def cluster(self) -> BuiltCluster:
        cluster = open_cluster(self.home)
        assert isinstance(cluster, BuiltCluster)
        return cluster

    def inventory(self) -> Inventory:
        """All that there is in cluster and cloud."""
        cluster = self.cluster()
        found = inventory.of_cluster(cluster, {"orders", "billing", "mendix-orders", "mendix-billing"})
        data = self.home / "cluster" / "data" / "services" / "clouds"
        if "amazon" in self.stack:
            found += inventory.of_aws(cluster, "eu-west-1")
        if "microsoft" in self.stack:
            found += inventory.of_azure(data)
        if "google" in self.stack:
            found += inventory.of_google(data)
        return found

    def slow(self, seconds: float) -> None:
        """Make every answer of the emulated clouds take so long, so that a kill meets a call at different places."""
        if self.cluster().service_endpoint("clouds") is not None:
            with self._faults() as faults:
                faults.delete("/").raise_for_status()
                for cloud in API_PORTS:
                    rule = {"target": cloud, "kind": "slow", "seconds": seconds, "times": sys.maxsize}
                    faults.post("/", json=rule).raise_for_status()

    def _faults(self) -> httpx.Client:
        cluster = self.cluster()
        endpoint = cluster.service_endpoint("clouds")
        assert endpoint is not None
        client = Service(endpoint.address, endpoint.authority).client(FAULTS_HOST)
        client.headers["authorization"] = f"Bearer {cluster.node_token}"
        return client

    def purge(self) -> None:
        """End the sandbox and delete it: after a case that went wrong nothing of it may reach the next."""
        subprocess.run([str(REHEARSE), "down", "--purge", "--yes"], cwd=self.root, env=self.environment, check=True)


def differences(found: Inventory, expected: Inventory) -> list[str]:
    """What is there and should not be (``+``), and what is missing (``-``)."""
    extra: Counter[str] = found - expected
    missing: Counter[str] = expected - found
    return [f"+ {item}" for item in sorted(extra.elements())] + [f"- {item}" for item in sorted(missing.elements())]


def _simplify(config: dict[str, Any]) -> None:
    registry = config["registry"]
    config["namespaces"] = config["namespaces"][:1]
    match registry["type"]:
        case "amazon-ecr":
            # With a lifecycle policy, which _change replaces.
            lifecycle = {"untaggedDays": 14}
            registry.setdefault("repositories", {}).update(deletionProtection=False, lifecycle=lifecycle)
        case "microsoft-acr":
            registry["deletionProtection"] = False
        case "google-gcr":
            registry.setdefault("artifactRegistry", {})["deletionProtection"] = False
        case _:
            return
    config["builder"] = {"mode": "none"}


def _change(config: dict[str, Any]) -> None:
    registry = config["registry"]
    match registry["type"]:
        case "amazon-ecr":
            registry["tags"] = {"team": "other"}
            registry.setdefault("repositories", {})["lifecycle"] = {"untaggedDays": 7}
            config["namespaces"] = [{"name": "mendix-orders"}, {"name": "mendix-billing"}]
        case "microsoft-acr":
            registry["tags"] = {"owner": "other"}
            config["namespaces"] = [{"name": "mendix-orders"}, {"name": "mendix-billing"}]
        case "google-gcr":
            registry["artifactRegistry"]["labels"] = {"part-of": "other"}
            config["namespaces"] = [{"name": "mendix-orders"}, {"name": "mendix-billing"}]
        case _:
            config["namespaces"] = [{"name": "orders", "create": True}, {"name": "billing", "create": True}]
            config["builder"]["rerun"] = "changed"

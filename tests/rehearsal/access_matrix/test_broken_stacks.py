"""Stacks that are broken on purpose: each is caught, with the cause named, before somebody finds it in a real account.

``broken/*.yaml`` beside this file: ``stack`` is the example that it begins as, ``change`` is merged into its keys (null takes one
away), ``edits`` are done in the clouds once it is up (``breaking.py``). ``found-by`` is ``configuration`` (before anything is
made), ``up`` (an emulator refuses; the update ends with its reason) or ``prove`` (the matrix; ``cell`` begins the row). ``says``
is what has to be told.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from mendix_registry.settings.values import Surroundings
from mendix_registry.stack_file import ConfigurationError, parse
from rehearsal.access_matrix.decisions import decisions
from rehearsal.access_matrix.matrix import carry_out, no_decisions
from rehearsal.access_matrix.stack import prover
from rehearsal.cluster import BuiltCluster, Cluster
from rehearsal.sandbox import Stage, set_stage
from tests.conftest import ROOT
from tests.end_to_end.conftest import Project, merged, taken_down
from tests.rehearsal.access_matrix.breaking import Breaker
from tests.rehearsal.descriptions import described_stack
from tests.rehearsal.stacks import project_in

HERE = Path(__file__).parent
ENVIRONMENT = {"KRANE_IMAGE": "example.com/krane@sha256:" + 64 * "0", "REGISTRY_PASSWORD": "a-password"}


@dataclass(frozen=True)
class Broken:
    name: str
    document: Mapping[str, Any]

    @property
    def found_by(self) -> str:
        return self.document["found-by"]

    @property
    def stack(self) -> str:
        return self.document["stack"]

    def config(self) -> dict[str, Any]:
        """The stack file's keys, with one namespace, as changed."""
        config = yaml.safe_load((ROOT / "stacks" / f"Pulumi.{self.stack}.yaml").read_text())["config"]
        config["mendix-registry:namespaces"] = config["mendix-registry:namespaces"][:1]
        registry = config["mendix-registry:registry"]
        if registry["type"] == "microsoft-acr":
            # Only so that the test can take it down.
            registry["deletionProtection"] = False
        for key, value in self.document.get("change", {}).items():
            whole = f"mendix-registry:{key}"
            config[whole] = without_nothing(merged(config.get(whole), value))
        return config


def without_nothing(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: without_nothing(item) for key, item in value.items() if item is not None}
    return value


def cases(found_by: str) -> list[Any]:
    """In the order of their stacks: one that is up serves all that are broken after it."""
    found = [Broken(path.stem, yaml.safe_load(path.read_text())) for path in (HERE / "broken").glob("*.yaml")]
    wanted = [case for case in found if case.found_by == found_by]
    return [pytest.param(case, id=case.name) for case in sorted(wanted, key=lambda case: (case.stack, case.name))]


@pytest.mark.parametrize("broken", cases("configuration"))
def test_a_broken_stack_is_rejected_before_anything_is_made(broken: Broken) -> None:
    values = {key: value if isinstance(value, str) else json.dumps(value) for key, value in broken.config().items()}
    with pytest.raises(ConfigurationError) as refused:
        parse(values, [], Surroundings(ENVIRONMENT, ROOT / "stacks"))
    assert_told(broken, str(refused.value))


class Bench:
    """Has one stack up at a time."""

    def __init__(self, project: Project, cluster: BuiltCluster) -> None:
        self.project, self._cluster = project, cluster
        self._up: tuple[str, dict[str, Any]] | None = None

    def write(self, broken: Broken) -> str:
        (self.project.root / "stacks" / f"Pulumi.{broken.stack}.yaml").write_text(
            yaml.safe_dump({"config": broken.config()})
        )
        return broken.stack

    def brought_up(self, broken: Broken) -> tuple[dict[str, Any], Stage]:
        """The stack before it is broken, and its stage."""
        config = {key.removeprefix("mendix-registry:"): value for key, value in broken.config().items()}
        if self._up != (broken.stack, config):
            self.down()
            self.write(broken)
            self._up = (broken.stack, config)
            done = self.project.run("up", "--yes", "--skip-preview", "--stack", broken.stack)
            if done.returncode != 0:
                # What came of it must not be taken for a stack that is up by the tests after this one.
                self.down()
            assert done.returncode == 0, done.stdout + done.stderr

        stack = described_stack(broken.stack, self.project.root)
        return config, set_stage(self.project.home, stack, context=None, progress=lambda _: None)

    def failed(self, broken: Broken) -> str:
        """What `up` says that must not succeed."""
        self.down()
        self._up = (self.write(broken), {key.partition(":")[2]: value for key, value in broken.config().items()})
        done = self.project.run("up", "--yes", "--skip-preview", "--stack", broken.stack)
        assert done.returncode == 1, done.stdout + done.stderr
        return done.stdout + done.stderr

    def down(self) -> None:
        if self._up is None:
            return
        (stack, _), self._up = self._up, None
        taken_down(self.project, stack, self._cluster)


@pytest.fixture(scope="module")
def node(cluster: Cluster) -> BuiltCluster:
    if not isinstance(cluster, BuiltCluster):
        pytest.skip("needs the emulated clouds of the rehearsal's own cluster")
    return cluster


@pytest.fixture(scope="module")
def bench(node: BuiltCluster, home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    root = tmp_path_factory.mktemp("broken")
    environment = {"REHEARSAL_HOME": str(home), "REHEARSAL_PROPAGATION_SECONDS": "0"}
    made = Bench(Project(project_in(root), home, environment), node)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REHEARSAL_PROPAGATION_SECONDS", "0")
        yield made
        made.down()


@pytest.mark.cluster
@pytest.mark.slow
@pytest.mark.parametrize("broken", cases("prove"))
def test_a_stack_broken_later_is_found_by_its_matrix(broken: Broken, bench: Bench, node: BuiltCluster) -> None:
    config, stage = bench.brought_up(broken)
    breaker = Breaker(config["namespaces"][0]["name"], node, dict(stage.environment))
    undo = [breaker.edit(**edit) for edit in broken.document["edits"]]
    try:
        made, service = prover(stage.described, node, stage.environment)
        row = broken.document["cell"]
        attempts = [attempt for attempt in made.attempts() if attempt.what.startswith(row)]
        assert attempts, f"the matrix has no row {row}"
        cells = carry_out(attempts, decisions(service) if service else no_decisions, lambda _: None)
    finally:
        for step in reversed(undo):
            step()
    wrong = [cell for cell in cells if not cell.as_expected]
    assert wrong, f"not found: {cells}"
    assert_told(broken, " ".join(f"{cell.what} {cell.outcome} {cell.by} {cell.reason}" for cell in wrong))


@pytest.mark.cluster
@pytest.mark.slow
@pytest.mark.parametrize("broken", cases("up"))
def test_a_broken_stack_ends_its_update_with_the_reason(broken: Broken, bench: Bench) -> None:
    assert_told(broken, bench.failed(broken))


def assert_told(broken: Broken, text: str) -> None:
    folded = " ".join(text.split()).lower()
    assert [part for part in broken.document["says"] if part.lower() not in folded] == [], text

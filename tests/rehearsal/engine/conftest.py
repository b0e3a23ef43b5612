"""A stage for engine tests: a project in a temporary directory, a real plugin process, a cloud that is a directory."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import textwrap
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import referencing

from rehearsal.engine import Update, run_update
from rehearsal.engine.events import Diagnostic, Event, Finished, Severity, Step, StepFinished
from rehearsal.engine.project import load_project
from rehearsal.engine.state import PassphraseSecrets

PLUGIN = Path(__file__).parent / "plugin" / "pulumi-resource-test"
ORACLE = Path(__file__).parents[2] / "oracles" / "pulumi" / "oracle.py"
PASSPHRASE = "correct horse"

PREAMBLE = """
import pulumi

class Thing(pulumi.CustomResource):
    label: pulumi.Output[str]
    serial: pulumi.Output[str]
    def __init__(self, name, opts=None, **props):
        props.setdefault("label", None)
        super().__init__("test:index:Thing", name, {**props, "serial": None}, opts)

class Box(pulumi.ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("test:index:Box", name, None, opts)

class Region(pulumi.ProviderResource):
    def __init__(self, name, region, opts=None):
        super().__init__("test", name, {"region": region}, opts)
"""


@dataclass
class Result:
    finished: Finished
    events: list[Event]

    @property
    def steps(self) -> list[Step]:
        """Finished steps that changed something, the stack and providers left out."""
        return [
            event.step
            for event in self.events
            if isinstance(event, StepFinished) and event.step.op != "same" and not event.step.type.startswith("pulumi:")
        ]

    @property
    def operations(self) -> list[str]:
        return [f"{step.op.value} {step.name}" for step in self.steps]

    @property
    def errors(self) -> str:
        found = [
            event.message for event in self.events if isinstance(event, Diagnostic) and event.severity is Severity.ERROR
        ]
        return "\n".join(found)

    @property
    def messages(self) -> str:
        return "\n".join(event.message for event in self.events if isinstance(event, Diagnostic))


@dataclass
class Stage:
    root: Path
    environment: dict[str, str] = field(default_factory=dict)
    stand_ins: dict[str, Path] = field(default_factory=lambda: {"test": PLUGIN})

    @property
    def cloud(self) -> Path:
        return self.root / "cloud"

    def program(self, source: str) -> None:
        path = self.root / "__main__.py"
        before = path.stat().st_mtime if path.exists() else 0.0
        path.write_text(PREAMBLE + textwrap.dedent(source))
        # Python takes byte code for current where size and second of the source agree; tests rewrite programs faster.
        modified = max(path.stat().st_mtime, before + 1)
        os.utime(path, (modified, modified))

    def update(self, kind: str = "up", **options: Any) -> Update:
        return Update(
            project=load_project(self.root),
            stack="dev",
            kind=kind,  # type: ignore[arg-type]
            home=self.root / "home",
            environment=self.environment,
            stand_ins=self.stand_ins,
            **options,
        )

    async def run(self, kind: str = "up", **options: Any) -> Result:
        events: list[Event] = []
        finished = await run_update(self.update(kind, **options), events.append)
        return Result(finished, events)

    async def succeed(self, kind: str = "up", **options: Any) -> Result:
        result = await self.run(kind, **options)
        assert result.finished.ok, result.errors or result.finished.error
        return result

    def things(self) -> dict[str, Any]:
        return {path.stem: json.loads(path.read_text()) for path in self.cloud.glob("*.thing")}

    def calls(self, what: str) -> list[dict[str, Any]]:
        log = self.cloud / "calls.log"
        lines = log.read_text().splitlines() if log.exists() else []
        return [call for call in map(json.loads, lines) if call["call"] == what]

    def state(self) -> dict[str, Any]:
        path = self.root / "home/state/.pulumi/stacks/proj/dev.json"
        return json.loads(path.read_text())["checkpoint"]["latest"]

    def names(self) -> Counter[str]:
        """Names of the managed things in the state."""
        return Counter(
            resource["urn"].rpartition("::")[2]
            for resource in self.state().get("resources") or ()
            if resource["type"] == "test:index:Thing"
        )


@pytest.fixture(scope="session")
def pulumi() -> Any:
    """Pulumi's own Go code, asked about its formats."""
    spec = importlib.util.spec_from_file_location("pulumi_oracle", ORACLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.build()


@pytest.fixture(scope="session")
def schema(pulumi: Any) -> jsonschema.Draft202012Validator:
    """Pulumi's JSON schema of deployments.

    Its schema of resources lags behind its type: it refuses ``created``, which Pulumi has written since 2023. So the fields
    that only the type has are allowed here, by name; all that the schema does say is checked.
    """
    schemas = {name: json.loads(text) for name, text in pulumi.ask("schemas").items()}
    resources = next(each for name, each in schemas.items() if name.endswith("/resources.json"))
    known = resources["$defs"]["resourceV3"]["properties"]
    for name in pulumi.ask("resource-fields"):
        known.setdefault(name, {})
    registry = referencing.Registry().with_resources(
        [(name, referencing.Resource.from_contents(each)) for name, each in schemas.items()]
    )
    deployments = next(each for name, each in schemas.items() if name.endswith("/deployments.json"))
    return jsonschema.Draft202012Validator(deployments, registry=registry)


@pytest.fixture(scope="session")
def salt() -> str:
    """One for all stacks of a session: deriving its key takes longer than many an update."""
    return PassphraseSecrets.create(PASSPHRASE, source="the tests").salt


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, salt: str) -> Stage:
    (tmp_path / "cloud").mkdir()
    (tmp_path / "Pulumi.yaml").write_text("name: proj\nruntime: python\n")
    (tmp_path / "Pulumi.dev.yaml").write_text(f"encryptionsalt: {salt}\nconfig:\n  proj:size: '3'\n")
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", PASSPHRASE)
    environment = {
        "TEST_CLOUD": str(tmp_path / "cloud"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PULUMI_HOME": str(tmp_path / "pulumi-home"),
    }
    return Stage(tmp_path, environment)

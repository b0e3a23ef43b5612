"""A kind is added by its folder and a row in the table of kinds: nothing else has to know of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.slow

ROWS = (
    ("from mendix_registry.kinds.openshift", "from mendix_registry.kinds.toy.settings import ToyRegistry\n"),
    ('    Kind(OpenShift3Registry, "OpenShift3"),', '    Kind(ToyRegistry, "Toy"),\n'),
)
"""What is written into the table, and before what."""

USES = """
import json
from pathlib import Path

from docs.site.configuration import texts
from fleet.fleet_file import Fleet
from fleet.members import read_members
from fleet.plan import make_plan
from fleet.program import register
from fleet.shared import shared_problems
from fleet.stacks import make_stacks
from mendix_registry.deployment import deploy
from mendix_registry.stack_file import ConfigurationError, parse
from mendix_registry.stack_file.description import describe
from mendix_registry.stack_file.schema import stack_schema
from tests.components.program import run


def config(colour):
    registry = {"type": "toy", "colour": colour, "repository": "toys/{namespace}"}
    builder = {"image": "client@sha256:" + "0" * 64}
    keys = {"registry": registry, "namespaces": [{"name": "orders"}], "builder": builder}
    return {f"mendix-registry:{key}": value for key, value in keys.items()}


try:
    parse(config("grey"))
except ConfigurationError as error:
    refused = [problem.what for problem in error.problems]
settings = parse(config("red")).settings
common = {key: value for key, value in config("red").items() if not key.endswith(":namespaces")}
content = {"name": "toys", "stacks": 2, "namespaces": ["orders", "billing"], "config": common, "quotas": {"toyBoxes": 2}}
fleet = Fleet.model_validate(content)
stacks = make_stacks(fleet, read_members(fleet.namespaces, Path()), {}, Path())
registered = run(lambda: deploy(settings)).registered
print(json.dumps({
    "refused": refused,
    "described": describe(settings, "dev", {}, config("red")),
    "schema": sorted(stack_schema()["$defs"]["ToyRegistry"]["properties"]),
    "page": texts()["toy.md"],
    "deployed": sorted(each.name for each in registered if each.type.endswith((":Toy", ":ConfigMap"))),
    "counted": register(settings).resources["kubernetes:core/v1:ConfigMap"],
    "exceeded": [problem.what for problem in make_plan(fleet, stacks).problems],
    "shared": [problem.what for problem in shared_problems(fleet, stacks)],
}))
"""


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What becomes of a stack of the kind ``toy`` in a copy of the project that has it."""
    copy = tmp_path_factory.mktemp("copy")
    for name in ("components", "docs", "fleet"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", ".venv"))
    (copy / "tests").symlink_to(ROOT / "tests")
    kinds = copy / "components" / "mendix_registry" / "kinds"
    shutil.copytree(Path(__file__).with_name("toy"), kinds / "toy")
    table = kinds / "__init__.py"
    text = table.read_text()
    for before, row in ROWS:
        assert text.count(before) == 1
        text = text.replace(before, row + before)
    table.write_text(text)
    done = subprocess.run(
        [sys.executable, "-c", USES],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(copy / "components"), str(copy)])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_its_rule_rejects_what_it_should(used: dict[str, Any]) -> None:
    assert used["refused"] == ["the box is grey"]


def test_it_is_described_with_its_hosts(used: dict[str, Any]) -> None:
    described = used["described"]
    hosts = {"pushHost": "toy.example.com", "pullHost": "toy.example.com"}
    assert described["registry"] == {"type": "toy", **hosts, "linksPullSecret": False, "box": "red"}
    assert {"what": "table", "name": "round"} in described["prerequisites"]


def test_its_keys_are_in_schema_and_reference(used: dict[str, Any]) -> None:
    assert {"colour", "type", "repository"} <= set(used["schema"])
    assert "### `registry.colour`" in used["page"] and "`TOY001` *the box is …*" in used["page"]


def test_its_resource_is_deployed_and_counted(used: dict[str, Any]) -> None:
    assert used["deployed"] == ["box", "orders-proof", "registry"]
    assert used["counted"] == 2


def test_a_fleet_keeps_its_limits(used: dict[str, Any]) -> None:
    assert used["exceeded"] == ["the fleet would have 3 boxes in the room; 2 are allowed"]
    assert used["shared"] == ["every stack would paint the box"]

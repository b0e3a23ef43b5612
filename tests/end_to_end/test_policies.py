"""The project's own policy pack over the project's own stack, by the command as users call it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.end_to_end.conftest import Project

pytestmark = pytest.mark.cluster

PACK = str(ROOT / "policy")


def test_the_pack_stops_a_password_that_nobody_listed_and_lets_a_listed_one_pass(
    project: Project, tmp_path: Path
) -> None:
    refused = project.run("preview", "--json", "--policy-pack", PACK)
    assert refused.returncode == 1, refused.stderr
    diagnostics = json.loads(refused.stdout)["diagnostics"]
    said = [entry for entry in diagnostics if "no-static-credentials" in entry["message"]]
    assert said
    assert all(entry["severity"] == "error" and "::" in entry["urn"] for entry in said)
    assert "Do: use the cloud's workload identity" in said[0]["message"]

    stopped = project.run("up", "--yes", "--json", "--policy-pack", PACK)
    assert stopped.returncode == 1
    document = json.loads(stopped.stdout)
    assert {entry["policy"] for entry in document["policies"]} == {"no-static-credentials"}
    assert document["pushed"] == []

    configuration = tmp_path / "policies.json"
    configuration.write_text(json.dumps({"no-static-credentials": {"allowed": ["secret:orders/*"]}}))
    listed = ["--policy-pack", PACK, "--policy-pack-config", str(configuration)]
    document = project.up(*listed)
    assert document["policies"] == []
    assert document["pushed"]
    again = project.up(*listed)
    assert again["changes"].keys() == {"same"}

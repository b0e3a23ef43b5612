"""The project's own policy pack over the project's own stack, by the command as users call it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.end_to_end.conftest import Project

pytestmark = pytest.mark.cluster

PACK = str(ROOT / "policy")


def test_the_pack_rejects_unlisted_passwords_and_accepts_listed_ones(project: Project, tmp_path: Path) -> None:
    for verb in (("preview",), ("up", "--yes", "--skip-preview")):
        rejected = project.run(*verb, "--policy-pack", PACK)
        assert rejected.returncode == 1, rejected.stdout + rejected.stderr
        assert "no-static-credentials" in rejected.stdout
        assert "Do: use the cloud's workload identity" in rejected.stdout

    configuration = tmp_path / "policies.json"
    configuration.write_text(json.dumps({"no-static-credentials": {"allowed": ["secret:orders/*"]}}))
    listed = ["--policy-pack", PACK, "--policy-pack-config", str(configuration)]
    deployed = project.deployed(*listed)
    assert "no-static-credentials" not in deployed.printed
    assert deployed.pushed
    assert project.deployed(*listed).changes.keys() == {"same"}

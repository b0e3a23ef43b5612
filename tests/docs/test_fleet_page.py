"""The fleet file in docs/fleet.md: someone will paste it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fleet.cli import app
from fleet.fleet_file import Rollout
from mendix_registry.kinds import KINDS

PAGE = (Path(__file__).parents[2] / "docs" / "fleet.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", ["plan", "split", "state", "operator"])
def test_the_pages_fleet_file_is_accepted(command: str, tmp_path: Path) -> None:
    [text] = re.findall(r"```yaml\n(name: .*?)```", PAGE, re.DOTALL)
    (tmp_path / "fleet.yaml").write_text(text)
    result = CliRunner().invoke(app, [command, str(tmp_path / "fleet.yaml"), "--project", str(tmp_path)])
    assert result.exit_code == 0, result.output


def test_the_page_lists_every_quota_and_every_rollout_key() -> None:
    rollout = {field.alias or name for name, field in Rollout.model_fields.items()}
    quotas = {quota for kind in KINDS.values() for quota in kind.limits.quotas}
    assert quotas and not [key for key in (rollout | quotas) - {"resourceSeconds"} if f"`{key}`" not in PAGE]

"""A stack of an earlier version, whose roles were below a component of their own: the next update keeps every one of them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT
from tests.pulumi_cli import PulumiProject

pytestmark = pytest.mark.slow

EARLIER = """
import pulumi

from mendix_registry.kinds.amazon_ecr import EcrPushRole, identities
from mendix_registry.kinds.amazon_ecr.push_role import PushRole


def below_a_component(name, args, parent, aliases):
    made = EcrPushRole(name, args, pulumi.ResourceOptions(parent=parent))
    return PushRole(made.role_arn, made.role_name, made.attached)


identities.push_role = below_a_component
"""


def test_roles_of_an_earlier_version_are_kept(tmp_path: Path) -> None:
    project = PulumiProject(tmp_path)
    content = yaml.safe_load((ROOT / "stacks" / "Pulumi.example-amazon-ecr-irsa.yaml").read_text())
    project.stack("prod", content["config"])
    program = project.root / "__main__.py"
    program.unlink()
    program.write_text(EARLIER + (ROOT / "__main__.py").read_text())
    project.run("up", "--yes", "--skip-preview", "--stack", "prod")

    program.write_text((ROOT / "__main__.py").read_text())
    steps = project.preview("prod", "--show-sames")["steps"]
    changed = {step["urn"].split("::", 2)[2] for step in steps if step["op"] != "same"}
    component = "mendix-registry:aws:AmazonEcr$mendix-registry:aws:EcrPushRole"
    assert changed == {f"{component}::mendix-orders", f"{component}::mendix-billing"}
    assert {step["op"] for step in steps if step["op"] != "same"} == {"delete"}
    kept = {step["urn"].split("::", 2)[2] for step in steps if step["op"] == "same"}
    assert {"mendix-registry:aws:AmazonEcr$aws:iam/role:Role::mendix-orders"} <= kept
    assert {"mendix-registry:aws:AmazonEcr$aws:iam/rolePolicy:RolePolicy::mendix-orders"} <= kept

"""The project that a command means, as its files have it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rehearsal.sandbox.project import load_project


@pytest.mark.parametrize("name", ["mendix-registry", "registries"])
def test_the_programs_keys_are_found_under_every_project_name(tmp_path: Path, name: str) -> None:
    """`pulumi new` gives the project another name, and the stack files keep their namespace."""
    (tmp_path / "Pulumi.yaml").write_text(f"name: {name}\nruntime: python\n")
    (tmp_path / "Pulumi.dev.yaml").write_text(
        "config:\n  aws:region: eu-west-1\n  mendix-registry:registry:\n    type: generic\n"
    )
    project = load_project(tmp_path)
    assert project.configuration("dev") == {"aws:region": "eu-west-1", "registry": {"type": "generic"}}
    assert project.key("mendix-registry:cluster.kubeconfig") == "cluster.kubeconfig"

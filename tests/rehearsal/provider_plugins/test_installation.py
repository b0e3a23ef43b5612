"""The plugin directory as the CLI wants it."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import pytest

from rehearsal.provider_plugins.installation import PACKAGES, install_plugins

MODULES = {"aws": "pulumi_aws", "azure-native": "pulumi_azure_native", "gcp": "pulumi_gcp"}


@pytest.mark.parametrize("package", PACKAGES)
def test_the_version_is_the_one_a_program_asks_for(package: str, tmp_path: Path) -> None:
    # The oracle is the file of the SDK from which the CLI learns which plugin it needs.
    wanted = json.loads((resources.files(MODULES[package]) / "pulumi-plugin.json").read_text())
    install_plugins(tmp_path / "plugins", [package])
    launcher = tmp_path / f"plugins/resource-{wanted['name']}-v{wanted['version']}/pulumi-resource-{wanted['name']}"
    assert launcher.stat().st_mode & 0o111


def test_only_the_requested_packages_are_installed(tmp_path: Path) -> None:
    install_plugins(tmp_path, ["gcp"])
    (directory,) = tmp_path.iterdir()
    assert [file.name for file in directory.iterdir()] == ["pulumi-resource-gcp"]


def test_a_launcher_of_another_checkout_is_replaced(tmp_path: Path) -> None:
    install_plugins(tmp_path, ["aws"])
    (launcher,) = tmp_path.glob("*/pulumi-resource-aws")
    right = launcher.read_text()
    launcher.write_text("#!/bin/sh\nexec /elsewhere/python\n")
    install_plugins(tmp_path, ["aws"])
    assert launcher.read_text() == right

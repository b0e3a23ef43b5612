"""What the real Pulumi CLI installs and starts for a stack in a fresh clone: the SDK and the plugin of the stack's own cloud."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from rehearsal.cluster.paths import cache_directory
from rehearsal.toolchain.pulumi_tools import ensure_pulumi
from rehearsal.toolchain.uv import ensure_uv
from tests.conftest import ROOT

pytestmark = pytest.mark.slow

Pulumi = Callable[..., str]
PLUGIN = Path(__file__).with_name("agreeing_plugin.py")
DIGEST = "sha256:" + "0" * 64
STACKS = [
    ("example-generic", []),
    ("example-amazon-ecr-irsa", ["aws"]),
    ("example-microsoft-acr-workload-identity", ["azure-native"]),
    ("example-google-gcr-workload-identity", ["gcp"]),
]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as a clone has it. Its environment is made by the first `pulumi install`, and brought back by each other one."""
    folder = tmp_path_factory.mktemp("clone")
    (folder / "stacks").mkdir(parents=True)
    for name in ("Pulumi.yaml", "__main__.py", "pyproject.toml", "uv.lock"):
        shutil.copy(ROOT / name, folder)
    for name in ("components", "fleet", "policy", "rehearsal", "report"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".venv"))
    for stack, _ in STACKS:
        shutil.copy(ROOT / "stacks" / f"Pulumi.{stack}.yaml", folder / "stacks")
    return folder


@pytest.fixture
def pulumi(clone: Path, tmp_path: Path) -> Pulumi:
    """Runs a command of the CLI in the clone, to success; returns what it prints. It downloads no plugin by itself: its home has
    Kubernetes' only."""
    (tmp_path / "state").mkdir()
    install_plugin(tmp_path, "kubernetes")
    cache = cache_directory()
    programs = [ensure_pulumi(cache, lambda _: None).cli.parent, ensure_uv(cache, lambda _: None)]
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([*map(str, programs), os.environ["PATH"]]),
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_BACKEND_URL": f"file://{tmp_path}/state",
        "PULUMI_CONFIG_PASSPHRASE": "correct horse",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "STARTED": str(tmp_path / "started"),
        "REGISTRY_PASSWORD": "correct horse",
        "KRANE_IMAGE": f"gcr.io/go-containerregistry/krane@{DIGEST}",
    }

    def run(*arguments: str) -> str:
        command = ["pulumi", *arguments, "--non-interactive"]
        done = subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def install_plugin(folder: Path, name: str) -> None:
    found = version(f"pulumi-{name}")
    plugin = folder / "home" / "plugins" / f"resource-{name}-v{found}" / f"pulumi-resource-{name}"
    plugin.parent.mkdir(parents=True)
    plugin.write_text(f"#!/bin/sh\nexec {sys.executable} {PLUGIN} {name} {found}\n")
    plugin.chmod(0o755)


def sdks(clone: Path) -> set[str]:
    """The providers' SDKs in the clone's environment."""
    return {found.name.split("-")[0] for found in clone.glob(".venv/lib/python*/site-packages/pulumi_*.dist-info")}


@pytest.mark.parametrize(("stack", "own"), STACKS)
def test_a_stack_installs_and_starts_its_own_cloud_only(
    clone: Path, pulumi: Pulumi, tmp_path: Path, stack: str, own: list[str]
) -> None:
    # As the operator's pods begin. It would fail, or download, if any cloud's plugin were wanted for every stack.
    pulumi("install")
    assert sdks(clone) == {"pulumi_kubernetes"}
    for name in own:
        install_plugin(tmp_path, name)
    pulumi("stack", "init", stack)
    assert "to create" in pulumi("preview", "--stack", stack)
    expected = {"kubernetes", *own}
    assert set((tmp_path / "started").read_text().split()) == expected
    assert {found.name.split("-v")[0] for found in (tmp_path / "home/plugins").glob("resource-*/")} == {
        f"resource-{name}" for name in expected
    }
    assert sdks(clone) == {f"pulumi_{name.replace('-', '_')}" for name in expected}

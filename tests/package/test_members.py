"""The library and each tool alone: what installs it, and that it runs with nothing else installed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from rehearsal.cluster.paths import cache_directory
from rehearsal.toolchain.uv import ensure_uv
from tests.conftest import ROOT

pytestmark = pytest.mark.slow

PREVIEW = ROOT / "tests" / "report" / "recorded" / "first-ecr" / "preview.json"


def installed(folder: Path, member: str) -> Path:
    """The programs of an environment that has this member of the workspace, not editable, and what it requires."""
    uv = ensure_uv(cache_directory(), lambda _: None) / "uv"
    arguments = ["sync", "--frozen", "--quiet", "--no-editable", "--package", member]
    environment = {**os.environ, "UV_PROJECT_ENVIRONMENT": str(folder / "environment")}
    subprocess.run([str(uv), *arguments], cwd=ROOT, env=environment, check=True)
    return folder / "environment" / "bin"


def test_the_library_brings_no_tool_and_no_clouds_sdk(tmp_path: Path) -> None:
    python = installed(tmp_path, "mendix-registry") / "python"
    listed = "import importlib.metadata as m; print(*sorted(d.name for d in m.distributions()))"
    names = subprocess.run([python, "-c", listed], check=True, capture_output=True, text=True, cwd=tmp_path).stdout
    assert {name for name in names.split() if name.startswith(("pulumi", "mendix"))} == {
        "mendix-registry",
        "pulumi",
        "pulumi_kubernetes",
    }
    scripts = "from mendix_registry.kubernetes.builder_pod import script; script('client.sh')"
    subprocess.run([python, "-c", scripts], check=True, cwd=tmp_path)
    tools = "import importlib.util as u, sys; sys.exit(any(u.find_spec(n) for n in ('fleet', 'rehearsal', 'report')))"
    assert subprocess.run([python, "-c", tools], check=False, cwd=tmp_path).returncode == 0
    described = [python.with_name("mendix-registry"), "describe", "--stack", "local"]
    subprocess.run(described, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize(
    ("member", "arguments", "printed"),
    [
        ("fleet", ["--help"], "split"),
        ("rehearsal", ["doctor", "--cwd", str(ROOT)], "Python"),
        ("report", [str(PREVIEW), "--page", "page.html", "--comment", "-"], "## Registry access"),
    ],
)
def test_each_tools_command_works_with_only_its_member_installed(
    member: str, arguments: list[str], printed: str, tmp_path: Path
) -> None:
    command = f"mendix-registry-{member}"
    programs = installed(tmp_path, command)
    # Without what the tests' own environment adds, and not beside the sources.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [programs / command, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert "Traceback" not in done.stderr
    assert printed in done.stdout, done.stdout + done.stderr


def test_the_rehearsal_alone_can_describe_a_stack(tmp_path: Path) -> None:
    python = installed(tmp_path, "mendix-registry-rehearsal") / "python"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "components")}
    command = [python, "-m", "mendix_registry", "describe", "--stack", "local"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")

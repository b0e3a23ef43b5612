"""Which Pulumi runs the stacks: the machine's own if it fits, else the one that is built."""

from __future__ import annotations

import os
import re
import shutil
import tomllib
from pathlib import Path

import pytest
import yaml

from rehearsal.toolchain import pulumi_tools
from rehearsal.toolchain.errors import Progress
from rehearsal.toolchain.programs import (
    KUBERNETES_PROVIDER,
    KUBERNETES_PROVIDER_VERSION,
    PROGRAMS,
    PULUMI,
    PULUMI_PROGRAMS,
    PULUMI_VERSION,
)
from rehearsal.toolchain.pulumi_tools import (
    MINIMUM_VERSION,
    PulumiTools,
    ensure_pulumi,
    find_pulumi,
    wanted_programs,
)
from tests.conftest import ROOT

FITTING = ".".join(str(number) for number in MINIMUM_VERSION)


def install(directory: Path, prints: str, *, host: bool = True) -> Path:
    """A Pulumi that knows its version, and no other command."""
    directory.mkdir(parents=True, exist_ok=True)
    cli = directory / "pulumi"
    cli.write_text(f'#!/bin/sh\n[ "$*" = version ] || exit 9\n{prints}\n')
    cli.chmod(0o755)
    if host:
        (directory / "pulumi-language-python").write_text("#!/bin/sh\n")
        (directory / "pulumi-language-python").chmod(0o755)
    return cli


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only directory of PATH beside the system's."""
    assert shutil.which("pulumi", path="/usr/bin:/bin") is None, "a Pulumi of the system's would be found by every test"
    directory = tmp_path / "path"
    directory.mkdir()
    monkeypatch.setenv("PATH", f"{directory}{os.pathsep}/usr/bin{os.pathsep}/bin")
    return directory


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A cache in which everything of Pulumi has been built."""
    cache = tmp_path / "cache"
    for program in PULUMI_PROGRAMS:
        program.cached(cache).parent.mkdir(parents=True)
        program.cached(cache).write_text("built before")
    return cache


@pytest.mark.parametrize("version", [f"v{FITTING}", FITTING, f"v{PULUMI_VERSION}", "v3.999.0-alpha.1+dirty"])
def test_the_pulumi_on_path_is_used_without_a_build(path: Path, tmp_path: Path, version: str) -> None:
    cli = install(path, f"echo {version}")
    expected = PulumiTools(cli, built=False, kubernetes_provider=None)
    assert find_pulumi(tmp_path / "cache") == expected
    assert ensure_pulumi(tmp_path / "cache", pytest.fail) == expected
    assert wanted_programs(tmp_path / "cache") == PROGRAMS
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("prints", "host", "why"),
    [
        ("echo v3.1.0", True, f"it is 3.1.0, and {FITTING} or a newer 3.x is needed"),
        ("echo v4.0.0", True, f"it is 4.0.0, and {FITTING} or a newer 3.x is needed"),
        (f"echo v{FITTING}", False, "its language host pulumi-language-python is missing"),
        ("echo nonsense", True, "it does not print its version"),
        ("echo v3.999.0; exit 1", True, "it does not print its version"),
    ],
)
def test_an_unsuitable_pulumi_is_kept_and_reported(
    path: Path, built: Path, monkeypatch: pytest.MonkeyPatch, prints: str, host: bool, why: str
) -> None:
    cli = install(path, prints, host=host)
    expected = PulumiTools(PULUMI.cached(built), built=True, kubernetes_provider=KUBERNETES_PROVIDER.cached(built))
    assert find_pulumi(built) == expected
    assert wanted_programs(built) == (*PROGRAMS, *PULUMI_PROGRAMS)
    PULUMI.cached(built).unlink()
    assert find_pulumi(built) is None, "something has to be built"
    told: list[Progress] = []
    monkeypatch.setattr(pulumi_tools, "ensure_program", lambda program, cache, report: program.cached(cache))
    assert ensure_pulumi(built, told.append) == expected
    assert [progress.message for progress in told] == [f"{cli} is not used: {why}; building Pulumi {PULUMI_VERSION}"]


def test_a_host_beside_the_real_executable_will_do(path: Path, tmp_path: Path) -> None:
    """As with an installer that puts a link to the CLI, and to nothing else, on PATH."""
    cli = install(tmp_path / "opt" / "pulumi", f"echo v{FITTING}")
    (path / "pulumi").symlink_to(cli)
    assert find_pulumi(tmp_path / "cache") == PulumiTools(path / "pulumi", built=False, kubernetes_provider=None)


def test_a_machine_without_pulumi_uses_the_cache(path: Path, built: Path) -> None:
    assert not list(path.iterdir())
    tools = ensure_pulumi(built, pytest.fail)
    assert tools.built
    assert tools.cli == PULUMI.cached(built)
    KUBERNETES_PROVIDER.cached(built).unlink()
    assert find_pulumi(built) is None


def test_built_programs_are_not_mistaken_for_installed_ones(
    path: Path, built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a terminal has the environment of a sandbox, whose PATH begins with it: its CLI finds no Kubernetes provider."""
    install(PULUMI.cached(built).parent, f"echo v{PULUMI_VERSION}")
    monkeypatch.setenv("PATH", str(PULUMI.cached(built).parent), prepend=os.pathsep)
    assert shutil.which("pulumi") == str(PULUMI.cached(built))
    tools = ensure_pulumi(built, pytest.fail)
    assert tools.kubernetes_provider == KUBERNETES_PROVIDER.cached(built)
    own = install(path, f"echo v{FITTING}")
    assert ensure_pulumi(built, pytest.fail).cli == own


# -- versions that have to agree ---------------------------------------------------------------------------------------


def test_the_project_accepts_the_versions_that_the_rehearsal_accepts() -> None:
    project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
    assert project["requiredPulumiVersion"] == f">={FITTING}"
    assert tuple(int(number) for number in PULUMI_VERSION.split(".")) >= MINIMUM_VERSION


def test_the_python_sdk_is_the_providers_own() -> None:
    """The CLI warns of, or downloads beside it, a plugin of another version than the SDK's."""
    locked = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    (version,) = {package["version"] for package in locked if package["name"] == "pulumi-kubernetes"}
    assert version == KUBERNETES_PROVIDER_VERSION


def test_go_mod_has_the_clis_own_version() -> None:
    text = (PULUMI.module / "go.mod").read_text()
    assert set(re.findall(r"github\.com/pulumi/pulumi/(?:pkg|sdk)/v3 v(\S+)", text)) == {PULUMI_VERSION}

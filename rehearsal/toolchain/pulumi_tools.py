"""The Pulumi CLI with what belongs to it: the machine's own where that fits, else one built from Pulumi's Go modules."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from rehearsal.toolchain.commands import run
from rehearsal.toolchain.errors import Progress, Report
from rehearsal.toolchain.go_program import GoProgram, ensure_program, missing
from rehearsal.toolchain.programs import (
    KUBERNETES_PROVIDER,
    KUBERNETES_PROVIDER_VERSION,
    PROGRAMS,
    PULUMI,
    PULUMI_PROGRAMS,
    PULUMI_VERSION,
)

__all__ = [
    "KUBERNETES_PROVIDER_VERSION",
    "MINIMUM_VERSION",
    "PULUMI_VERSION",
    "PulumiTools",
    "ensure_pulumi",
    "find_pulumi",
    "wanted_programs",
]

Version = tuple[int, int, int]

MINIMUM_VERSION: Version = (3, 264, 0)
"""As ``requiredPulumiVersion`` of Pulumi.yaml has it."""
_NEXT_MAJOR: Version = (4, 0, 0)
_LANGUAGE_HOST = "pulumi-language-python"


@dataclass(frozen=True, slots=True)
class PulumiTools:
    """A Pulumi CLI, whose directory has the language host for Python and all that it needs.

    ``kubernetes_provider`` is the executable of the provider plugin in KUBERNETES_PROVIDER_VERSION; None where the CLI is
    the machine's own, which finds or downloads its plugins by itself.
    """

    cli: Path
    built: bool
    kubernetes_provider: Path | None


@dataclass(frozen=True, slots=True)
class _OnPath:
    """The CLI on PATH; ``unfit`` is why it is not used, if so."""

    cli: Path
    unfit: str = ""


def find_pulumi(cache: Path) -> PulumiTools | None:
    """The CLI as :func:`ensure_pulumi` would give it; None where something has to be built first."""
    on_path = _on_path(cache)
    if on_path is not None and not on_path.unfit:
        return PulumiTools(on_path.cli, built=False, kubernetes_provider=None)
    if missing(cache, PULUMI_PROGRAMS):
        return None
    return PulumiTools(PULUMI.cached(cache), built=True, kubernetes_provider=KUBERNETES_PROVIDER.cached(cache))


def ensure_pulumi(cache: Path, report: Report) -> PulumiTools:
    """The CLI on PATH if its version fits and its language host is there; else CLI, language host and Kubernetes provider
    from the cache, built now if they are not in it.

    Raises :class:`ToolchainError` where they cannot be built.
    """
    found = find_pulumi(cache)
    if found is not None:
        return found
    on_path = _on_path(cache)
    if on_path is not None:
        report(Progress("build", f"{on_path.cli} is not used: {on_path.unfit}; building Pulumi {PULUMI_VERSION}"))
    cli, provider = (ensure_program(program, cache, report) for program in (PULUMI, KUBERNETES_PROVIDER))
    return PulumiTools(cli, built=True, kubernetes_provider=provider)


def wanted_programs(cache: Path) -> tuple[GoProgram, ...]:
    """Every program that this machine has to build once for a rehearsal on its own cluster."""
    on_path = _on_path(cache)
    return PROGRAMS if on_path is not None and not on_path.unfit else (*PROGRAMS, *PULUMI_PROGRAMS)


def _on_path(cache: Path) -> _OnPath | None:
    # Whoever has taken over the environment of a sandbox has on PATH what was built for it.
    path = os.pathsep.join(
        directory
        for directory in os.environ.get("PATH", os.defpath).split(os.pathsep)
        if not Path(directory).is_relative_to(cache / "go")
    )
    found = shutil.which("pulumi", path=path)
    if found is None:
        return None
    cli = Path(found)
    result = run([cli, "version"], environment={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}, seconds=30)
    match = re.fullmatch(r"v?(\d+)\.(\d+)\.(\d+)(?:[-+].*)?", result.output.strip())
    if not result.ok or match is None:
        return _OnPath(cli, "it does not print its version")
    version = (int(match[1]), int(match[2]), int(match[3]))
    if not MINIMUM_VERSION <= version < _NEXT_MAJOR:
        return _OnPath(
            cli, f"it is {_text(version)}, and {_text(MINIMUM_VERSION)} or a newer {MINIMUM_VERSION[0]}.x is needed"
        )
    # The CLI looks on PATH and in its own directory.
    if shutil.which(_LANGUAGE_HOST, path=path) is None and not (cli.resolve().parent / _LANGUAGE_HOST).is_file():
        return _OnPath(cli, f"its language host {_LANGUAGE_HOST} is missing")
    return _OnPath(cli)


def _text(version: Version) -> str:
    return ".".join(str(number) for number in version)

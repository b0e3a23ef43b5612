"""The SDK of a stack's own cloud, installed when the first stack needs it.

The Pulumi CLI installs the dependencies of ``pyproject.toml`` before it knows the stack, and a provider plugin for each SDK among
them. So the clouds' SDKs are extras, which the CLI leaves alone; the program adds the one of its stack.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pulumi

PROJECT = Path(__file__).parents[2]
MODULES = {"aws": "pulumi_aws", "azure": "pulumi_azure_native", "gcp": "pulumi_gcp"}
"""By extra, the module that it brings."""


def install_sdks(extras: Sequence[str]) -> None:
    """Brings this project's environment to the versions that ``uv.lock`` has for ``extras``; takes 0.05 s if they are there.

    Does nothing in an environment that is not this project's (the components as a library of another program: its own requirements
    name its SDKs), nor without uv if the SDKs are there.

    Raises:
        pulumi.RunError: uv is missing or failed.
    """
    missing = [extra for extra in extras if importlib.util.find_spec(MODULES[extra]) is None]
    uv = shutil.which("uv")
    if not _is_own_environment() or (uv is None and not missing):
        return
    # Not the library itself: its entry in the environment belongs to whoever made that.
    options = ["--inexact", "--frozen", "--no-install-workspace", *(f"--extra={extra}" for extra in extras)]
    if uv is None:
        raise _failed(missing, options, "uv is not on PATH.")
    if missing:
        pulumi.log.info(f"installing the SDK of {', '.join(missing)}, once for each clone", ephemeral=True)
    # The arguments are this module's own.
    done = subprocess.run(  # noqa: S603
        [uv, "sync", *options],
        cwd=PROJECT,
        env={**os.environ, "UV_PROJECT_ENVIRONMENT": sys.prefix},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise _failed(extras, options, done.stderr.strip())
    importlib.invalidate_caches()


def _is_own_environment() -> bool:
    environment = PROJECT / ".venv"
    return (PROJECT / "uv.lock").is_file() and environment.exists() and environment.samefile(sys.prefix)


def _failed(extras: Sequence[str], options: Sequence[str], reason: str) -> pulumi.RunError:
    return pulumi.RunError(
        f"The SDK of {', '.join(extras)} cannot be installed: {reason}\n"
        "  why: A stack imports its cloud's SDK; the Pulumi CLI does not install it.\n"
        f"  do:  Run 'uv sync {' '.join(options)}' in {PROJECT}, which shows the cause."
    )

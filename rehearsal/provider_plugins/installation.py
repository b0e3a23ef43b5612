"""Puts the plugins where Pulumi's CLI looks for them, so that it loads them without a warning and downloads nothing."""

from __future__ import annotations

import shlex
import sys
import tempfile
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

_CHECKOUT = Path(__file__).parents[2]
PACKAGES = ("aws", "azure-native", "gcp")
"""All packages that there is a plugin for."""


def install_plugins(plugins_directory: Path, packages: Iterable[str]) -> None:
    """Write, or refresh, the plugins of ``packages`` below ``$PULUMI_HOME/plugins``.

    Each is a launcher of a few lines in ``resource-NAME-vVERSION/pulumi-resource-NAME``; VERSION is the installed SDK's, which
    is the one that a program asks for. The launcher runs this checkout with this interpreter, so that a plugin has the
    versions of ``uv.lock``, whatever Python is on ``PATH``. A CLI that starts meanwhile finds the old launcher or the new one.

    Raises PackageNotFoundError where an SDK is not installed, OSError where the directory cannot be written.
    """
    for package in packages:
        name, version = f"pulumi-resource-{package}", metadata.version(f"pulumi-{package}")
        directory = plugins_directory / f"resource-{package}-v{version}"
        directory.mkdir(parents=True, exist_ok=True)
        command = shlex.join([sys.executable, "-P", "-m", "rehearsal.provider_plugins", package])
        text = f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(_CHECKOUT))} exec {command} "$@"\n'
        with tempfile.NamedTemporaryFile("w", dir=plugins_directory, prefix=f"{name}.", delete=False) as launcher:
            launcher.write(text)
        made = Path(launcher.name)
        made.chmod(0o755)
        made.replace(directory / name)

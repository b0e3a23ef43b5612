"""Pulumi's processes in a sandbox: the CLI and what it has started, found by ``PULUMI_HOME`` in their environment."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import psutil

CLI = "pulumi"
_STARTED_BY_CLI = ("pulumi-resource-", "rehearsal.provider_plugins", "pulumi-language-")
_GRACE_SECONDS = 6.0
"""Longer than a plugin takes for the calls that it has begun."""


def end_plugins_without_cli(pulumi_home: Path) -> None:
    """End plugins and language hosts whose CLI is gone: one that goes on could still make something."""
    _end(_started_by_cli(pulumi_home, lambda process: all(above.name() != CLI for above in process.parents())))


def end_pulumi(pulumi_home: Path) -> list[str]:
    """End an update that goes on, the CLI first: it would only wait for the others, and for a cluster that ends. Gives a line for
    each CLI.

    An update outlives its ``rehearse``, where that alone is killed.
    """
    running = _of(pulumi_home, lambda process: process.name() == CLI)
    _end(running)
    _end(_started_by_cli(pulumi_home, lambda _: True))
    return [f"Pulumi CLI, process {process.pid}" for process in running]


def _started_by_cli(pulumi_home: Path, also: Callable[[psutil.Process], bool]) -> list[psutil.Process]:
    def matches(process: psutil.Process) -> bool:
        line = " ".join(process.cmdline())
        return any(part in line for part in _STARTED_BY_CLI) and also(process)

    return _of(pulumi_home, matches)


def _of(pulumi_home: Path, matches: Callable[[psutil.Process], bool]) -> list[psutil.Process]:
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if matches(process) and process.environ().get("PULUMI_HOME") == str(pulumi_home):
                found.append(process)
    return found


def _end(processes: list[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    _, stubborn = psutil.wait_procs(processes, timeout=_GRACE_SECONDS)
    for process in stubborn:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(stubborn, timeout=_GRACE_SECONDS)

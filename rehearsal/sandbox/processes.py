"""Pulumi's processes in a sandbox: the CLI and what it has started, found by ``PULUMI_HOME`` in their environment."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable
from pathlib import Path

import psutil

from rehearsal.cluster.state import ProcessIdentity, await_end

_CLI = "pulumi"
_STARTED_BY_CLI = ("pulumi-resource-", "rehearsal.provider_plugins", "pulumi-language-")
_GRACE_SECONDS = 6.0
"""Longer than a plugin takes for the calls that it has begun."""


def end_plugins_without_cli(pulumi_home: Path) -> None:
    """End plugins and language hosts whose CLI is gone: one that goes on could still make something."""
    _end(_of(pulumi_home, lambda process: _is_started_by_cli(process) and not any(map(_is_cli, process.parents()))))


def end_pulumi(pulumi_home: Path) -> list[str]:
    """End an update that goes on, the CLI first: it would only wait for the others, and for a cluster that ends. Gives a line for
    each CLI.

    An update outlives its ``rehearse``, where that alone is killed.
    """
    running = _of(pulumi_home, _is_cli)
    _end(running)
    _end(_of(pulumi_home, _is_started_by_cli))
    return [f"Pulumi CLI (pid {process.pid})" for process in running]


def _is_cli(process: psutil.Process) -> bool:
    return process.name() == _CLI


def _is_started_by_cli(process: psutil.Process) -> bool:
    line = " ".join(process.cmdline())
    return any(part in line for part in _STARTED_BY_CLI)


def _of(pulumi_home: Path, matches: Callable[[psutil.Process], bool]) -> list[psutil.Process]:
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if matches(process) and process.environ().get("PULUMI_HOME") == str(pulumi_home):
                found.append(process)
    return found


def _end(processes: list[psutil.Process]) -> None:
    identities = ProcessIdentity.of_all(process.pid for process in processes)
    for identity in identities:
        identity.send(signal.SIGTERM)
    stubborn = await_end(identities, _GRACE_SECONDS)
    for identity in stubborn:
        identity.send(signal.SIGKILL)
    await_end(stubborn, _GRACE_SECONDS)

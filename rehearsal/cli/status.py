"""``rehearse status``: what runs and since when, which registry is served, how each stack stands."""

from __future__ import annotations

import json as json_format
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from rehearsal.cli.terminal import invocation, open_terminal
from rehearsal.cli.text import clean_line, count, duration, size

if TYPE_CHECKING:
    from rehearsal.cluster import ProcessStatus, Status

_LABEL = 10


def show_status(cwd: Path, *, json: bool) -> int:
    """Print the state of the sandbox home and of the project's stacks. Exit status 0 whatever runs: looking is no check.

    Raises the errors of the modules below for a project or a home that cannot be read.
    """
    from rehearsal.cluster import status
    from rehearsal.cluster.paths import cache_path
    from rehearsal.sandbox import home_directory
    from rehearsal.sandbox.project import load_project
    from rehearsal.sandbox.pulumi import listed_stacks
    from rehearsal.toolchain.pulumi_tools import find_pulumi

    project = load_project(cwd)
    home = home_directory(project.root, os.environ)
    found = status(home)
    tools = find_pulumi(cache_path())
    stacks = listed_stacks(home, project, tools, os.environ) if tools is not None else []
    if json:
        json_format.dump({"cluster": asdict(found), "stacks": stacks}, sys.stdout, indent=4, default=_plain)
        print()
        return 0
    console = open_terminal(json=False).console
    _print_cluster(console, found)
    _print_stacks(console, stacks)
    return 0


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _print_cluster(console: Console, found: Status) -> None:
    if not found.kind:
        _fact(console, "cluster", "none; the first `up` starts one")
        missing = [entry.name for entry in found.cache if not entry.present]
        if missing:
            _fact(console, "", f"to be built first, once for this user: {', '.join(missing)}", "dim")
        return
    what = {"built": "Kubernetes node of the rehearsal's own", "kind": "kind", "context": "given by its context"}
    head = Text()
    head.append("running" if found.running else "not running", style="bold green" if found.running else "bold yellow")
    head.append(f"  {what.get(found.kind, found.kind)}")
    if version := found.versions.get("kubernetes"):
        head.append(f", {clean_line(version)}")
    _fact(console, "cluster", head)
    if found.trouble:
        _fact(console, "trouble", found.trouble, "bold red")
        _fact(console, "", f"{invocation()} doctor  looks for the reason; the logs are in {found.logs}", "yellow")
    if found.running and found.api_server:
        _fact(console, "api", found.api_server)
    if found.running and found.kubeconfig:
        _fact(console, "kubectl", f"export KUBECONFIG={found.kubeconfig}")
    for registry in found.registries if found.running else []:
        scheme = "https" if registry.tls else "http"
        user = registry.username or "anyone"
        _fact(console, "registry", f"{scheme}, push {registry.push_host}, pull {registry.pull_host}, as {user}")
    _fact(console, "sandbox", found.home)
    if found.processes:
        console.print()
        for process in found.processes:
            console.print(_process_line(process), soft_wrap=True)


def _process_line(process: ProcessStatus) -> Text:
    line = Text("  ")
    line.append("● " if process.alive else "○ ", style="green" if process.alive else "red")
    line.append(f"{clean_line(process.name.partition(' ')[0]):<24}")
    if not process.alive:
        end = "" if process.last_exit is None else f", ended with {process.last_exit}"
        line.append(f"not running{end}", style="red")
        return line
    line.append(f"pid {process.pid:<8}{size(process.rss_bytes):>9}  ")
    if process.started is not None:
        line.append(f"since {duration(time.time() - process.started.timestamp()):<12}", style="dim")
    line.append(f" cpu {process.cpu_seconds:.1f} s", style="dim")
    if process.role == "pod":
        line.append("  in a pod", style="dim")
    if process.restarts:
        line.append(f"  {count(process.restarts, 'restart')}", style="yellow")
    return line


def _print_stacks(console: Console, stacks: Sequence[Mapping[str, Any]]) -> None:
    console.print()
    if not stacks:
        _fact(console, "stack", "none has been deployed yet", "dim")
    for stack in stacks:
        line = Text(clean_line(str(stack["name"])), style="bold")
        line.append(f"  {count(int(stack.get('resourceCount') or 0), 'resource')}", style="not bold")
        if updated := stack.get("lastUpdate"):
            line.append(f", last changed {clean_line(str(updated))}", style="not bold")
        _fact(console, "stack", line)


def _fact(console: Console, label: str, value: str | Text, style: str = "") -> None:
    line = Text(f"{label:<{_LABEL}}", style="dim")
    line.append_text(value if isinstance(value, Text) else Text(clean_line(value), style=style or "not dim"))
    console.print(line, soft_wrap=True)

"""``rehearse status``: what runs and since when, which registry is served, how each stack stands."""

from __future__ import annotations

import json as json_format
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from rehearsal.cli.terminal import invocation, open_terminal
from rehearsal.cli.text import clean_line, count, duration, size
from rehearsal.cli.wording import summary

if TYPE_CHECKING:
    from rehearsal.cluster import ProcessStatus, Status
    from rehearsal.engine.state import Backend

_LABEL = 10


@dataclass(frozen=True, slots=True)
class _StackLine:
    """A stack in the state. ``updated`` is in seconds since 1970, None before the first update ended."""

    project: str
    stack: str
    unfinished: bool
    locked_by: list[str]
    updated: float | None
    kind: str
    result: str
    changes: dict[str, int]


def show_status(cwd: Path, *, json: bool) -> int:
    """Print the state of the sandbox home and of the project's stacks. Exit status 0 whatever runs; looking is no judgement.

    Raises the errors of the rooms below for a project, a home or a backend that cannot be read.
    """
    from rehearsal.cluster import status
    from rehearsal.engine.project import load_project
    from rehearsal.engine.state import Backend
    from rehearsal.stage import home_directory

    project = load_project(cwd)
    home = home_directory(project.root, os.environ)
    found = status(home)
    backend = Backend.find(project.backend_url, home=home, project_root=project.root, environ=os.environ)
    stacks = list(_stacks(backend, project.name))
    if json:
        document = {"cluster": asdict(found), "state": backend.url, "stacks": [asdict(line) for line in stacks]}
        json_format.dump(document, sys.stdout, indent=4, default=_plain)
        print()
        return 0
    console = open_terminal(json=False).console
    _print_cluster(console, found)
    _print_stacks(console, backend.url, stacks)
    return 0


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _stacks(backend: Backend, project: str) -> Iterator[_StackLine]:
    for found in backend.stacks(project):
        latest = next(iter(backend.history(found.project, found.stack)), None)
        yield _StackLine(
            project=found.project,
            stack=found.stack,
            unfinished=found.unfinished,
            locked_by=backend.lock_holders(found.project, found.stack),
            updated=float(latest["endTime"]) if latest else None,
            kind=str(latest["kind"]) if latest else "",
            result=str(latest["result"]) if latest else "",
            changes=dict(latest["resourceChanges"]) if latest else {},
        )


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
    _fact(console, "home", found.home)
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


def _print_stacks(console: Console, url: str, stacks: list[_StackLine]) -> None:
    console.print()
    _fact(console, "state", url)
    if not stacks:
        _fact(console, "", "no stack has been brought up yet", "dim")
    for stack in stacks:
        _fact(console, "stack", _stack_line(stack))
        for holder in stack.locked_by:
            _fact(console, "", f"locked by {holder}", "yellow")
        if stack.unfinished and not stack.locked_by:
            hint = f"an update was ended in the middle; {invocation()} up --stack {stack.stack}  goes on from there"
            _fact(console, "", hint, "yellow")


def _stack_line(stack: _StackLine) -> Text:
    line = Text(clean_line(stack.stack), style="bold")
    if stack.updated is None:
        line.append("  no update has ended yet", style="dim")
        return line
    moment = datetime.fromtimestamp(stack.updated, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    style = "green" if stack.result == "succeeded" else "red"
    line.append(f"  {stack.kind} {stack.result}", style=style)
    line.append(f" {moment}: {summary(stack.changes, planned=False)}", style="not bold")
    return line


def _fact(console: Console, label: str, value: str | Text, style: str = "") -> None:
    line = Text(f"{label:<{_LABEL}}", style="dim")
    line.append_text(value if isinstance(value, Text) else Text(clean_line(value), style=style or "not dim"))
    console.print(line, soft_wrap=True)

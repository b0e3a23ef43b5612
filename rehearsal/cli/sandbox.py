"""Opens the sandbox of a stack for a command: everything that Pulumi's CLI needs around it, made ready with its progress shown."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from rehearsal.cli.staging import staged
from rehearsal.cli.terminal import Terminal, say
from rehearsal.sandbox.project import Project, choose_stack, load_project

if TYPE_CHECKING:
    from rehearsal.sandbox.pulumi import Sandbox


def selected(cwd: Path, named: str | None) -> tuple[Project, str]:
    """The project of directory ``cwd`` and the stack that is meant. Raises UsageError where there is none of it."""
    project = load_project(cwd)
    stack = choose_stack(named, project.stacks(), os.environ)
    project.stack_path(stack)
    return project, stack


@contextmanager
def opened(
    project: Project, stack: str, terminal: Terminal, *, context: str | None = None, prerequisites: bool = False
) -> Generator[Sandbox]:
    """The sandbox of a stack, held alone while a command runs on it. ``prerequisites``: create what must exist before the stack.

    Raises UsageError, ``StageError``, ``ClusterError`` or ``PulumiError``.
    """
    from rehearsal.sandbox import home_directory
    from rehearsal.sandbox.description import begin
    from rehearsal.toolchain.lock import exclusive

    home = home_directory(project.root, os.environ)
    (home / "stacks").mkdir(exist_ok=True, mode=0o700)
    described = begin(
        project, stack, home / "stacks" / project.name / f"{stack}.description.json", deploys=prerequisites
    )
    with exclusive(home / "stacks" / project.name / f"{stack}.lock"):
        sandbox = staged(terminal, home, project, stack, described, context=context)
        if prerequisites:
            sandbox.stage.create_prerequisites()
        if sandbox.copy.made_up:
            line = Text()
            line.append("Values made for the sandbox", style="bold")
            line.append(f", because {sandbox.copy.why}: {', '.join(sandbox.copy.made_up)}.")
            say(terminal.console, line)
        yield sandbox

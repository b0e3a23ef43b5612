"""``rehearse env``: the sandbox's environment as exports, so that any ``pulumi`` command works on its stacks."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from rehearsal.cli.sandbox import opened, selected
from rehearsal.cli.terminal import open_terminal
from rehearsal.cluster.paths import write_atomically

if TYPE_CHECKING:
    from rehearsal.sandbox.pulumi import Sandbox

# For the CLI's own runs; a shell that had it could not make an environment any more.
_OURS = ("UV_NO_INSTALL_WORKSPACE",)
STACK_FILE_VARIABLE = "REHEARSAL_STACK_FILE"


def print_environment(cwd: Path, named: str | None, context: str | None) -> int:
    """Print ``export NAME=VALUE`` for each variable; a secret stays in a file that only its owner reads, and the line reads it from
    there. Exit status 0. Raises what opening a sandbox raises."""
    project, stack = selected(cwd, named)
    with opened(project, stack, open_terminal(json=True), context=context) as sandbox:
        for line in _lines(sandbox):
            print(line)
    return 0


def _lines(sandbox: Sandbox) -> list[str]:
    lines: list[str] = []
    for name, value in sorted(sandbox.additions.items()):
        if name in _OURS:
            continue
        if name == "PATH":
            ours = value.removesuffix(os.environ.get("PATH", ""))
            lines.append(f'export PATH={shlex.quote(ours)}"$PATH"')
        elif name in sandbox.stage.secrets:
            file = sandbox.home / "environment" / name
            write_atomically(file, value)
            lines.append(f'export {name}="$(cat {shlex.quote(str(file))})"')
        else:
            lines.append(f"export {name}={shlex.quote(value)}")
    lines.append(f"export {STACK_FILE_VARIABLE}={shlex.quote(str(sandbox.copy.path))}")
    lines.append(f'# pulumi up --stack {shlex.quote(sandbox.stack)} --config-file "${STACK_FILE_VARIABLE}"')
    return lines

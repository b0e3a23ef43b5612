"""``rehearse encrypt``: a secret for the stack file, never on a command line and never echoed."""

from __future__ import annotations

import os
import sys
from getpass import getpass
from pathlib import Path

from rehearsal.cli.selection import UsageError, choose_stack


def encrypt_value(cwd: Path, stack: str | None) -> int:
    """Print the ``secure: v1:…`` line for the value read from standard input (one trailing newline dropped)."""
    from rehearsal.engine.project import load_project
    from rehearsal.engine.state import open_secrets
    from rehearsal.stage import home_directory

    project = load_project(cwd)
    name = choose_stack(stack, project.stacks(), os.environ)
    stack_file = project.stack_file(name)
    value = getpass("Value (not shown): ", sys.stderr) if sys.stdin.isatty() else sys.stdin.read()
    value = value.removesuffix("\n")
    if not value:
        raise UsageError(
            "There is no value to encrypt.\nType one at the prompt, or pipe it in: rehearse encrypt < file"
        )

    def notice(text: str) -> None:
        print(text, file=sys.stderr)

    secrets = open_secrets(stack_file, environ=os.environ, home=home_directory(project.root, os.environ), notice=notice)
    print(secrets.secure_line(value))
    return 0

"""``rehearse down``: ends what the rehearsal started; with ``--purge`` its home goes as well."""

from __future__ import annotations

import json as json_format
import os
import shutil
import sys
from pathlib import Path

from rich.prompt import Prompt
from rich.text import Text

from rehearsal.cli.terminal import Terminal, invocation, open_terminal
from rehearsal.cli.text import clean_line
from rehearsal.sandbox.project import UsageError

PROVING = "prove"
"""The directory in a home that is the home of ``rehearse prove --all``, for as long as that runs."""

_OWN = (
    "cluster",
    "environment",
    "existing",
    "pulumi",
    "stacks",
    "state",
    "temporary",
    "registry-password",
    "passphrase",
    "clouds.json",
    "clouds-password",
    "cluster.lock",
    "prove",
)
"""What a rehearsal keeps in its home. Nothing else in that directory is ever deleted: ``$REHEARSAL_HOME`` is the user's."""


def take_down(cwd: Path, *, json: bool, purge: bool, yes: bool) -> int:
    """End the cluster of the project's home. Exit status 0, also where there was nothing to end.

    ``purge`` deletes the home's content too, states and passphrase with it, after a question unless ``yes``. Raises
    UsageError where the question cannot be asked, ClusterError where a process survives being killed.
    """
    from rehearsal.cluster import down
    from rehearsal.sandbox import home_directory
    from rehearsal.sandbox.processes import end_pulumi
    from rehearsal.sandbox.project import load_project

    project = load_project(cwd)
    home = home_directory(project.root, os.environ)
    terminal = open_terminal(json=json)
    if purge and not yes and not _sure(terminal, home):
        terminal.console.print(Text("Nothing was ended or deleted."))
        return 0
    # What `rehearse prove --all` has for itself, where it was killed.
    ended = end_pulumi(home / PROVING / "pulumi") + down(home / PROVING, purge=True)
    ended += end_pulumi(home / "pulumi") + down(home, purge=purge)
    if purge:
        ended += _delete(home)
    if json:
        json_format.dump({"ended": ended}, sys.stdout, indent=4)
        print()
        return 0
    for line in ended:
        terminal.console.print(Text(f" ✓ {clean_line(line)}"), soft_wrap=True)
    if not ended:
        terminal.console.print(Text("Nothing of this rehearsal was running."))
    elif not purge:
        again = f"States, images and objects stay in {home}; `{invocation()} up` continues with them."
        terminal.console.print(Text(again, style="dim"), soft_wrap=True)
    return 0


def _sure(terminal: Terminal, home: Path) -> bool:
    if not terminal.answers:
        raise UsageError(
            f"--purge deletes the states and the passphrase in {clean_line(str(home))}, and this is not a "
            "terminal, so nothing can be asked.\nGive --yes to delete them."
        )
    question = Text(
        f"Delete all that the rehearsal keeps in {clean_line(str(home))}, states and passphrase too? yes or no"
    )
    try:
        return Prompt.ask(question, console=terminal.console, default="no").strip().lower() in {"y", "yes"}
    except EOFError:
        return False


def _delete(home: Path) -> list[str]:
    deleted: list[str] = []
    for name in _OWN:
        path = home / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.exists() or path.is_symlink():
            path.unlink()
        else:
            continue
        if name != "cluster.lock":
            deleted.append(str(path))
    if home.is_dir() and not any(home.iterdir()):
        home.rmdir()
    return deleted

"""``rehearse prove --all``: every stack of the project, one after the other, in a sandbox that is made for it and ends with it."""

from __future__ import annotations

import contextlib
import json as json_module
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Generator
from pathlib import Path

from rich.console import Console
from rich.text import Text

from rehearsal.access_matrix.matrix import Matrix
from rehearsal.cli.down import PROVING
from rehearsal.cli.prove import tried, verdict, write_page
from rehearsal.cli.sandbox import opened
from rehearsal.cli.terminal import errors, open_terminal
from rehearsal.cli.text import clean_line, duration
from rehearsal.cli.update import DONE, FAILED, Request, Verb, carry_out
from rehearsal.sandbox.project import Project, UsageError, load_project


def prove_all(cwd: Path, *, json: bool, page: Path | None, began: float) -> int:
    """Exit status 0 where every cell of every matrix is as expected. Raises UsageError where there is no stack.

    Accounts and registries are new, so that nothing there stands for a stack's own doing; the stacks of the project's home are left
    alone. A stack that cannot be brought up, or taken down again, is reported and the next one is tried.
    """
    project = load_project(cwd)
    stacks = sorted(project.stacks())
    if not stacks:
        raise UsageError("This project has no stack file, so there is nothing to prove.")
    console = errors() if json else open_terminal(json=False).console
    matrices: list[Matrix] = []
    with _sandbox(project):
        for stack in stacks:
            started = time.monotonic()
            matrix = _one(project, stack, cwd, console, json=json).after(time.monotonic() - started)
            console.print(Text(f"{verdict(matrix)}; {duration(matrix.seconds)}.", style="bold"))
            matrices.append(matrix)
    ok = all(matrix.ok for matrix in matrices)
    seconds = time.monotonic() - began
    _summarise(console, matrices, seconds)
    if json:
        document = {
            "ok": ok,
            "seconds": round(seconds, 1),
            "unexpected": sum(matrix.unexpected for matrix in matrices),
            "stacks": [matrix.document() for matrix in matrices],
        }
        print(json_module.dumps(document, indent=2, ensure_ascii=False), flush=True)
    write_page(page, matrices)
    return DONE if ok else FAILED


def _one(project: Project, stack: str, cwd: Path, console: Console, *, json: bool) -> Matrix:
    """Bring up, try, take down."""
    console.print(Text(f"\n{clean_line(stack)}", style="bold underline"))
    error = _quietly("up", stack, cwd, console)
    matrix = Matrix(stack, (), error)
    if not error:
        try:
            with contextlib.redirect_stdout(sys.stderr) if json else contextlib.nullcontext():
                matrix = tried(project, stack, console, json=True)
        except UsageError as rejected:
            matrix = Matrix(stack, (), str(rejected))
    try:
        left = _taken_down(project, stack, cwd, console)
    except UsageError as rejected:
        # A stack file that is wrong: nothing was deployed.
        left = str(rejected)
    return Matrix(stack, matrix.cells, matrix.error or left)


def _taken_down(project: Project, stack: str, cwd: Path, console: Console) -> str:
    """Destroy the stack, after its images are deleted where the cloud refuses to delete a registry that has some.

    What is wrong with it, empty where nothing is.
    """
    from rehearsal.access_matrix.emptying import delete_images, delete_repositories
    from rehearsal.cluster import BuiltCluster
    from rehearsal.sandbox import wanted_registry

    with opened(project, stack, open_terminal(json=True)) as sandbox:
        cluster, described = sandbox.stage.cluster, sandbox.stage.described
        if not isinstance(cluster, BuiltCluster):
            return ""
        delete_images(described, cluster)
        if sandbox.exists():
            sandbox.run("state", "unprotect", "--all", "--yes", "--stack", stack)
    error = _quietly("destroy", stack, cwd, console)
    # What ECR made itself on a push is not the stack's; and what a stack keeps from being destroyed, its owner deletes by hand.
    delete_repositories(described, cluster)
    if error:
        error = _quietly("destroy", stack, cwd, console, "--refresh")
    registry = wanted_registry(described, own_cluster=True)
    if registry is not None:
        cluster.end_registry(registry.push_host)
    return error


def _quietly(verb: Verb, stack: str, cwd: Path, console: Console, *arguments: str) -> str:
    """Deploy or destroy; what it printed is shown where it fails. What was wrong, empty where nothing was."""
    from rehearsal.cli.failure import explain

    began = time.monotonic()
    with tempfile.TemporaryFile("w+", encoding="utf-8") as printed:
        with contextlib.redirect_stderr(printed):
            try:
                request = Request(verb, stack, cwd, ("--yes", "--skip-preview", *arguments), output=printed)
                status = carry_out(request)
            except Exception as error:
                status = explain(error)
        if status == DONE:
            what = "deployed, push and pull proved" if verb == "up" else "destroyed"
            console.print(Text(f" ✓ {what} ({duration(time.monotonic() - began)})"))
            return ""
        printed.seek(0)
        for line in printed:
            console.print(Text(f"   {clean_line(line)}", style="dim"), soft_wrap=True)
    return f"`{verb}` failed with status {status}"


@contextlib.contextmanager
def _sandbox(project: Project) -> Generator[None]:
    """Its own home for all that follows, with what is in the project's home left alone."""
    from rehearsal.cluster import down
    from rehearsal.sandbox import home_directory

    home = home_directory(project.root, os.environ)
    sandbox = home / PROVING
    down(sandbox, purge=True)
    shutil.rmtree(sandbox, ignore_errors=True)
    sandbox.mkdir(mode=0o700)
    os.environ["REHEARSAL_HOME"] = str(sandbox)
    # How patient a Job is with a cloud that needs time to see a new identity is another question, which costs that time.
    os.environ.setdefault("REHEARSAL_PROPAGATION_SECONDS", "0")
    try:
        yield
    finally:
        down(sandbox, purge=True)
        shutil.rmtree(sandbox, ignore_errors=True)


def _summarise(console: Console, matrices: list[Matrix], seconds: float) -> None:
    console.print(Text("\nAll stacks", style="bold"))
    for matrix in matrices:
        mark, style = ("✓", "green") if matrix.ok else ("✗", "bold red")
        line = Text(f" {mark} ", style=style)
        line.append(f"{clean_line(matrix.stack):<42}{verdict(matrix)} ({duration(matrix.seconds)})", style="")
        console.print(line, soft_wrap=True)
    attempts = sum(len(matrix.cells) for matrix in matrices)
    good = sum(matrix.ok for matrix in matrices)
    summary = f"\n{len(matrices)} stacks, {attempts} attempts, {good} stacks as expected; {duration(seconds)}."
    console.print(Text(summary, style="bold"))

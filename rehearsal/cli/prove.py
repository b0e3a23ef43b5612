"""``rehearse prove``: bring a stack up, then show who may push and who may not, each refusal with its reason."""

from __future__ import annotations

import contextlib
import json as json_module
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from rehearsal.cli.operation import DONE, FAILED, Request, carry_out
from rehearsal.cli.selection import UsageError, choose_stack, stage_configuration
from rehearsal.cli.staging import staged
from rehearsal.cli.terminal import errors, open_terminal
from rehearsal.cli.text import clean_line, duration
from rehearsal.prove.matrix import Cell, Matrix, nobody
from rehearsal.prove.matrix import carry_out as try_all

if TYPE_CHECKING:
    from rehearsal.engine.project import Project


def prove(stack: str | None, cwd: Path, *, json: bool, page: Path | None, began: float) -> int:
    """Exit status 0 where every cell of the matrix is as expected. Raises UsageError, and what ``up`` raises."""
    from rehearsal.engine.project import load_project

    project = load_project(cwd)
    stack = choose_stack(stack, project.stacks(), os.environ)
    with contextlib.redirect_stdout(sys.stderr) if json else contextlib.nullcontext():
        status = carry_out(Request(kind="up", stack=stack, cwd=cwd, yes=True), began)
    if status != DONE:
        return status
    # What the matrix changes has to be seen at once; how patient the stack is, `up` has just shown.
    os.environ["REHEARSAL_PROPAGATION_SECONDS"] = "0"
    console = errors() if json else open_terminal(json=False).console
    matrix = tried(project, stack, console, json=json)
    matrix = matrix.after(time.monotonic() - began)
    console.print(Text(f"\n{verdict(matrix)}; {duration(matrix.seconds)}.", style="bold"))
    if json:
        print(json_module.dumps(matrix.document(), indent=2, ensure_ascii=False), flush=True)
    write_page(page, [matrix])
    return DONE if matrix.ok else FAILED


def tried(project: Project, stack: str, console: Console, *, json: bool) -> Matrix:
    """The matrix of a stack that is up, told while it grows. Raises UsageError where there is none."""
    from rehearsal.cluster import BuiltCluster
    from rehearsal.prove.judged import judgements
    from rehearsal.prove.stack import UnprovableError, prover
    from rehearsal.stage import home_directory

    config = stage_configuration(project.stack_file(stack).path, project.name)
    stage = staged(open_terminal(json=json), home_directory(project.root, os.environ), config, context=None)
    if not isinstance(stage.cluster, BuiltCluster):
        raise UsageError("The matrix needs the rehearsal's own cluster: leave --context out.")
    try:
        made, service = prover(config, stage.cluster, stage.environment)
    except UnprovableError as error:
        raise UsageError(str(error)) from error
    console.print(Text(f"\nWho may push in {clean_line(stack)}", style="bold"))
    cells = try_all(list(made.attempts()), judgements(service) if service else nobody, _Teller(console))
    return Matrix(stack, tuple(cells))


class _Teller:
    """Prints each cell, below the name of its namespace."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._namespaces: set[str] = set()

    def __call__(self, cell: Cell) -> None:
        if cell.namespace not in self._namespaces:
            self._namespaces.add(cell.namespace)
            self._console.print(Text(f"\n{clean_line(cell.namespace)}", style="bold"))
        mark, style = ("✓", "green") if cell.as_expected else ("✗", "bold red")
        line = Text(f" {mark} ", style=style)
        line.append(f"{cell.outcome:<8}", style="" if cell.as_expected else "bold red")
        line.append(clean_line(cell.what))
        if cell.reason:
            line.append(f"\n            {cell.by or '?'}: {clean_line(cell.reason)}", style="dim")
        self._console.print(line, soft_wrap=True)


def verdict(matrix: Matrix) -> str:
    """A matrix in one line."""
    if matrix.error:
        return clean_line(matrix.error)
    if matrix.ok:
        return f"{len(matrix.cells)} attempts, every cell is as expected"
    return f"{len(matrix.cells)} attempts, {matrix.unexpected} cells are not as expected"


def write_page(path: Path | None, matrices: list[Matrix]) -> None:
    """Write the page where one was asked for."""
    if path is not None:
        from rehearsal.prove.page import render

        path.write_text(render(matrices))

"""``rehearse prove``: bring a stack up, then show who may push and who may not, each refusal with its reason."""

from __future__ import annotations

import json as json_module
import os
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.text import Text

from rehearsal.access_matrix.matrix import Cell, Matrix, no_decisions
from rehearsal.access_matrix.matrix import carry_out as try_all
from rehearsal.cli.sandbox import opened, selected
from rehearsal.cli.terminal import errors, open_terminal
from rehearsal.cli.text import clean_line, duration
from rehearsal.cli.update import DONE, FAILED, Request, carry_out
from rehearsal.sandbox.project import Project, UsageError


def prove(stack: str | None, cwd: Path, *, json: bool, page: Path | None, began: float) -> int:
    """Exit status 0 where every cell of the matrix is as expected. Raises UsageError, and what ``up`` raises."""
    project, stack = selected(cwd, stack)
    output = sys.stderr if json else None
    status = carry_out(Request("up", stack, cwd, ("--yes",), output=output))
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
    """The matrix of a stack that is up, printed while it grows. Raises UsageError where there is none."""
    from rehearsal.access_matrix.decisions import decisions
    from rehearsal.access_matrix.stack import UnprovableError, prover
    from rehearsal.cluster import BuiltCluster

    with opened(project, stack, open_terminal(json=json)) as sandbox:
        cluster = sandbox.stage.cluster
        if not isinstance(cluster, BuiltCluster):
            raise UsageError("The matrix needs the rehearsal's own cluster: leave --context out.")
        try:
            made, service = prover(sandbox.stage.described, cluster, sandbox.stage.environment)
        except UnprovableError as error:
            raise UsageError(str(error)) from error
    console.print(Text(f"\nWho may push in {clean_line(stack)}", style="bold"))
    cells = try_all(list(made.attempts()), decisions(service) if service else no_decisions, _Teller(console))
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
        from rehearsal.access_matrix.page import render

        path.write_text(render(matrices))

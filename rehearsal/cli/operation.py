"""One update from command to exit status: set the stage, ask where asking is due, run the engine, say how it ended."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from rich.text import Text

from rehearsal.cli import outcome
from rehearsal.cli.digest import PreviewDigest
from rehearsal.cli.interrupts import run_interruptibly
from rehearsal.cli.live import LiveView
from rehearsal.cli.plain import PlainView
from rehearsal.cli.refusals import print_refusals
from rehearsal.cli.selection import UsageError, choose_packs, choose_stack, stage_configuration
from rehearsal.cli.staging import staged
from rehearsal.cli.terminal import Terminal, errors, invocation, open_terminal
from rehearsal.cli.text import clean_line
from rehearsal.cli.tree import Tree
from rehearsal.cli.wording import has_changes
from rehearsal.engine.events import Event, Finished

if TYPE_CHECKING:
    from rehearsal.engine.policies.pack import PolicyPackChoice
    from rehearsal.engine.project import Project
    from rehearsal.stage import Stage

Kind: TypeAlias = Literal["up", "preview", "refresh", "destroy"]

DONE, FAILED, WRONG_USE = 0, 1, 2

_QUESTIONS = {
    "up": "Make these changes to",
    "refresh": "Write this to the state of",
    "destroy": "Delete all of this from",
}
_TITLES = {"up": "Bringing up", "preview": "Previewing", "refresh": "Refreshing", "destroy": "Destroying"}


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for, as given on the command line."""

    kind: Kind
    stack: str | None
    cwd: Path
    diff: bool = False
    json: bool = False
    yes: bool = False
    parallel: int = 16
    context: str | None = None
    refresh: bool = False
    expect_no_changes: bool = False
    policy_packs: tuple[Path, ...] = ()
    policy_pack_configs: tuple[Path, ...] = ()


def carry_out(request: Request, began: float) -> int:
    """Carry out a request; the exit status. ``began`` is the monotonic time at which the command was given.

    Raises UsageError, and the errors of the rooms below for what went wrong before the engine took over.
    """
    from rehearsal.engine.project import load_project
    from rehearsal.stage import home_directory

    terminal = open_terminal(json=request.json)
    project = load_project(request.cwd)
    stack = choose_stack(request.stack, project.stacks(), os.environ)
    stack_file = project.stack_file(stack)
    sure = request.yes or request.kind == "preview" or os.environ.get("PULUMI_SKIP_CONFIRMATIONS") == "true"
    if not sure and not terminal.answers:
        raise UsageError(
            f"`{request.kind}` changes things and nobody is here to ask: this is not a terminal.\n"
            f"Look first with `rehearse preview --stack {clean_line(stack)}`, then give --yes."
        )
    packs = choose_packs(request.policy_packs, request.policy_pack_configs)
    home = home_directory(project.root, os.environ)
    config = stage_configuration(stack_file.path, project.name)
    stage = staged(terminal, home, config, context=request.context)
    run = _Run(request, terminal, project, stack, home, stage, packs, began)
    try:
        if not sure:
            if not run.agreed():
                return DONE
            # Thinking about the answer is not part of the update's time.
            run = replace(run, began=time.monotonic())
    except PreviewFailedError as failed:
        return failed.status
    return run.perform()


@dataclass(frozen=True, slots=True)
class _Run:
    request: Request
    terminal: Terminal
    project: Project
    stack: str
    home: Path
    stage: Stage
    packs: tuple[PolicyPackChoice, ...]
    began: float

    def perform(self) -> int:
        request, console = self.request, self.terminal.console
        tree, digest = Tree(), PreviewDigest()
        started = time.time()
        finished = self._update(tree, digest, dry_run=request.kind == "preview")
        seconds = time.monotonic() - self.began
        self._print(tree, finished, seconds, diff=request.diff, planned=request.kind == "preview")
        if request.kind == "up" and not finished.ok and not finished.refused:
            print_refusals(console, self.stage.environment, started)
        if request.kind == "up" and finished.ok:
            outcome.print_pushed(console, finished.outputs)
            outcome.print_outputs(console, finished.outputs)
            if has_changes(dict(finished.changes)):
                kubeconfig = str(self.stage.cluster.kubeconfig)
                outcome.print_next(console, command=invocation(), stack=self.stack, kubeconfig=kubeconfig)
        if request.json:
            print(self._document(finished, digest, tree, seconds), flush=True)
        return self._status(finished, tree)

    def agreed(self) -> bool:
        """Show what would happen and ask. Asked even on the sandbox's own cluster: other providers may be real.

        Raises PreviewFailedError where the preview failed; its reason has been printed.
        """
        from rich.prompt import Prompt

        console = self.terminal.console
        tree = Tree()
        finished = self._update(tree, PreviewDigest(), dry_run=True)
        self._print(tree, finished, time.monotonic() - self.began, diff=self.request.diff, planned=True)
        if not finished.ok:
            raise PreviewFailedError(WRONG_USE if finished.refused else FAILED)
        question = Text(f"\n{_QUESTIONS[self.request.kind]} {clean_line(self.stack)}? yes, no or details")
        while True:
            try:
                answer = Prompt.ask(question, console=console, default="no").strip().lower()
            except EOFError:
                answer = "no"
            if answer in {"y", "yes"}:
                return True
            if answer in {"d", "details"}:
                outcome.print_diff(console, tree)
            elif answer in {"n", "no"}:
                console.print(Text("Nothing was changed."))
                return False

    def _print(self, tree: Tree, finished: Finished, seconds: float, *, diff: bool, planned: bool) -> None:
        console = self.terminal.console
        if diff:
            outcome.print_diff(console, tree)
        elif self.terminal.live:
            outcome.print_picture(console, tree, planned=planned, width=console.width)
        if self.terminal.live:
            outcome.print_messages(console, tree)
        outcome.print_end(
            console,
            tree,
            finished,
            kind=self.request.kind,
            planned=planned,
            command=invocation(),
            stack=self.stack,
            seconds=seconds,
            refused=finished.refused,
        )

    def _grant(self) -> None:
        from rehearsal.cluster import ClusterError
        from rehearsal.engine.errors import EngineError

        try:
            self.stage.grant()
        except ClusterError as error:
            raise EngineError(str(error)) from error

    def _update(self, tree: Tree, digest: PreviewDigest, *, dry_run: bool) -> Finished:
        from rehearsal.engine import Update, run_update

        kind = self.request.kind
        title = f"{_TITLES['preview' if dry_run else kind]} {clean_line(self.stack)}"
        if self.terminal.live:
            view = LiveView(self.terminal.console, tree, title, planned=dry_run)
        else:
            view = PlainView(self.terminal.console, tree, planned=dry_run)

        def sink(event: Event) -> None:
            digest(event)
            view(event)

        update = Update(
            project=self.project,
            stack=self.stack,
            kind="preview" if dry_run and kind == "up" else kind,
            dry_run=dry_run,
            environment=self.stage.environment,
            parallel=self.request.parallel,
            stand_ins=self.stage.stand_ins,
            expected=self.stage.packages,
            refresh=self.request.refresh,
            home=self.home,
            policy_packs=self.packs,
            accepted=self._grant,
        )
        with view if isinstance(view, LiveView) else nullcontext():
            try:
                return run_interruptibly(run_update(update, sink), self._say_cancelling(tree), self._say_leaving)
            except asyncio.CancelledError:
                return Finished(
                    ok=False,
                    seconds=time.monotonic() - self.began,
                    changes={},
                    outputs={},
                    error="cancelled",
                    cancelled=True,
                )

    def _say_cancelling(self, tree: Tree) -> Callable[[], None]:
        def say() -> None:
            tree.cancelling = True
            if self.request.json and not self.terminal.live:
                errors().print(Text("Stopping: nothing new is started; what runs is being cancelled."))

        return say

    @staticmethod
    def _say_leaving() -> None:
        errors().print(
            Text("\nStopped at once. Unfinished steps are noted as pending in the state; the next `up` settles them.")
        )

    def _document(self, finished: Finished, digest: PreviewDigest, tree: Tree, seconds: float) -> str:
        if self.request.kind == "preview":
            return digest.text()
        return json.dumps(outcome.document(self.stack, finished, seconds, tree.messages), indent=4, ensure_ascii=False)

    def _status(self, finished: Finished, tree: Tree) -> int:
        if not finished.ok:
            return WRONG_USE if finished.refused else FAILED
        if self.request.expect_no_changes and has_changes(dict(finished.changes)):
            errors().print(Text("error: --expect-no-changes was given, and there are changes.", style="bold red"))
            return FAILED
        return DONE


class PreviewFailedError(Exception):
    """The preview before an update failed; its reason has been printed. ``status`` is the exit status it means."""

    def __init__(self, status: int) -> None:
        super().__init__()
        self.status = status

"""The commands and their options; what each does is in a separate module, imported when it is called."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rehearsal.cli.update import Verb

app = typer.Typer(
    name="rehearse",
    help="Runs Pulumi's CLI on a stack with no cloud account: real Kubernetes, real registry, emulated clouds.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

Stack = Annotated[
    str | None,
    typer.Option("--stack", "-s", metavar="NAME", help="Stack [default: $PULUMI_STACK, the only one, or local]."),
]
Cwd = Annotated[
    Path,
    typer.Option(
        "--cwd",
        "-C",
        metavar="DIR",
        exists=True,
        file_okay=False,
        help="Run as if started in this directory.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", "-j", help="Print one JSON object and nothing else.")]
KubeContext = Annotated[
    str | None,
    typer.Option(
        "--context", metavar="NAME", help="Use this context of your kubeconfig, not the rehearsal's own cluster."
    ),
]
_PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True}


@app.command(context_settings=_PASSED_ON)
def up(context: typer.Context, stack: Stack = None, kube_context: KubeContext = None, cwd: Cwd = Path()) -> None:
    """`pulumi up` in the sandbox: deploy the stack, prove a push.

    All other options go to `pulumi up` as they are, as does everything after --.
    """
    _update("up", stack, cwd, kube_context, context.args)


@app.command(context_settings=_PASSED_ON)
def preview(context: typer.Context, stack: Stack = None, kube_context: KubeContext = None, cwd: Cwd = Path()) -> None:
    """`pulumi preview` in the sandbox: show what `up` would do.

    All other options go to `pulumi preview` as they are, as does everything after --.
    """
    _update("preview", stack, cwd, kube_context, context.args)


@app.command(context_settings=_PASSED_ON)
def refresh(context: typer.Context, stack: Stack = None, kube_context: KubeContext = None, cwd: Cwd = Path()) -> None:
    """`pulumi refresh` in the sandbox: read what really exists into the state.

    All other options go to `pulumi refresh` as they are, as does everything after --.
    """
    _update("refresh", stack, cwd, kube_context, context.args)


@app.command(context_settings=_PASSED_ON)
def destroy(context: typer.Context, stack: Stack = None, kube_context: KubeContext = None, cwd: Cwd = Path()) -> None:
    """`pulumi destroy` in the sandbox: delete everything that the stack has created.

    All other options go to `pulumi destroy` as they are, as does everything after --.
    """
    _update("destroy", stack, cwd, kube_context, context.args)


@app.command()
def env(stack: Stack = None, kube_context: KubeContext = None, cwd: Cwd = Path()) -> None:
    """Print exports, so that any `pulumi` command works on the sandbox's stacks.

    Use it as: eval "$(rehearse env --stack NAME)"
    """
    from rehearsal.cli.environment import print_environment

    _leave(lambda: print_environment(cwd, stack, kube_context))


@app.command()
def build() -> None:
    """Find or build the programs that a rehearsal needs, and start nothing.

    The first `up` does it too; this fills the cache beforehand.
    """
    from rehearsal.cli.staging import build as build_all
    from rehearsal.cli.terminal import open_terminal

    _leave(lambda: build_all(open_terminal(json=False)))


@app.command()
def status(json: Json = False, cwd: Cwd = Path()) -> None:
    """Show what runs and where, and the stacks."""
    from rehearsal.cli.status import show_status

    _leave(lambda: show_status(cwd, json=json))


@app.command()
def down(
    json: Json = False,
    purge: Annotated[
        bool,
        typer.Option("--purge", help="Also delete the sandbox home: states and passphrases too."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Delete without a question.")] = False,
    cwd: Cwd = Path(),
) -> None:
    """End what the rehearsal started, and nothing else.

    States stay, so that `up` continues with them.
    """
    from rehearsal.cli.down import take_down

    _leave(lambda: take_down(cwd, json=json, purge=purge, yes=yes))


@app.command()
def doctor(json: Json = False, cwd: Cwd = Path()) -> None:
    """Check this machine for what a rehearsal needs.

    Exit 1 if something is in the way.
    """
    from rehearsal.cli.doctor import examine

    _leave(lambda: examine(cwd, json=json))


@app.command()
def prove(
    stack: Stack = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Prove every stack of the project, in a sandbox made for it.")
    ] = False,
    page: Annotated[
        Path | None,
        typer.Option("--page", metavar="FILE", help="Write the matrix as an HTML page.", show_default=False),
    ] = None,
    json: Json = False,
    cwd: Cwd = Path(),
) -> None:
    """Bring the stack up, then try who may push and who may not.

    Each refusal has to be the emulated cloud's decision.
    """
    began = time.monotonic()

    def command() -> int:
        from rehearsal.cli.prove import prove as prove_stack
        from rehearsal.cli.prove_all import prove_all
        from rehearsal.sandbox.project import UsageError

        if everything and stack is not None:
            raise UsageError("--all proves every stack: leave --stack out, or --all.")
        if everything:
            return prove_all(cwd, json=json, page=page, began=began)
        return prove_stack(stack, cwd, json=json, page=page, began=began)

    _leave(command)


def _update(verb: Verb, stack: str | None, cwd: Path, kube_context: str | None, arguments: list[str]) -> None:
    from rehearsal.cli.update import Request, carry_out

    _leave(lambda: carry_out(Request(verb, stack, cwd, tuple(arguments), kube_context)))


def _leave(command: Callable[[], int]) -> None:
    """Turn a command's end, good or bad, into an exit status."""
    try:
        raise typer.Exit(command())
    except KeyboardInterrupt:
        typer.echo("\nStopped before anything was changed.", err=True)
        raise typer.Exit(130) from None
    except Exception as error:
        if isinstance(error, typer.Exit):
            raise
        from rehearsal.cli.failure import explain

        raise typer.Exit(explain(error)) from None


def main() -> None:
    """Entry point of ``rehearse``."""
    try:
        app()
    except SystemExit as ended:
        if isinstance(ended.code, int):
            _end_at_once(ended.code)
        raise


def _end_at_once(status: int) -> None:
    """End the process without taking it down module by module, which takes a fifth of a second: who waits has read the result.

    Returns where not all could be written, as to a closed pipe; Python then ends with its own words for it.
    """
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        return
    os._exit(status)

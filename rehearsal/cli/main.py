"""The commands and their options; what each does lies in a module of its own, imported when it is called."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from rehearsal.providers.protocol import register_stub_namespaces

app = typer.Typer(
    name="rehearse",
    help="Brings a Pulumi stack up for real with no cloud account: own Kubernetes, own registry.",
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
Diff = Annotated[bool, typer.Option("--diff", help="Show each change property by property.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without preview and question.")]
Parallel = Annotated[
    int, typer.Option("--parallel", "-p", metavar="N", min=1, max=1024, help="Operations at the same time.")
]
KubeContext = Annotated[
    str | None,
    typer.Option(
        "--context", metavar="NAME", help="Use this context of your kubeconfig, not the rehearsal's own cluster."
    ),
]
Refresh = Annotated[bool, typer.Option("--refresh", "-r", help="First read what is really there.")]
ExpectNoChanges = Annotated[
    bool, typer.Option("--expect-no-changes", help="Exit 1 if there are changes to make, or were made.")
]
PolicyPacks = Annotated[
    list[Path] | None,
    typer.Option(
        "--policy-pack",
        metavar="DIR",
        exists=True,
        file_okay=False,
        help="Run this policy pack; may be given several times.",
    ),
]
PolicyPackConfigs = Annotated[
    list[Path] | None,
    typer.Option(
        "--policy-pack-config",
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="JSON configuration of the pack at the same position.",
    ),
]


@app.command()
def up(
    stack: Stack = None,
    yes: Yes = False,
    diff: Diff = False,
    json: Json = False,
    parallel: Parallel = 16,
    refresh: Refresh = False,
    expect_no_changes: ExpectNoChanges = False,
    context: KubeContext = None,
    policy_packs: PolicyPacks = None,
    policy_pack_configs: PolicyPackConfigs = None,
    cwd: Cwd = Path(),
) -> None:
    """Create or change what the stack says; prove a push."""
    packs = (policy_packs or [], policy_pack_configs or [])
    _update("up", stack, cwd, diff, json, yes, parallel, context, refresh, expect_no_changes, packs)


@app.command()
def preview(
    stack: Stack = None,
    diff: Diff = False,
    json: Json = False,
    parallel: Parallel = 16,
    refresh: Refresh = False,
    expect_no_changes: ExpectNoChanges = False,
    context: KubeContext = None,
    policy_packs: PolicyPacks = None,
    policy_pack_configs: PolicyPackConfigs = None,
    cwd: Cwd = Path(),
) -> None:
    """Show what `up` would do, and change nothing.

    With --json: the object that `pulumi preview --json` prints.
    """
    packs = (policy_packs or [], policy_pack_configs or [])
    _update("preview", stack, cwd, diff, json, True, parallel, context, refresh, expect_no_changes, packs)


@app.command("refresh")
def refresh_state(
    stack: Stack = None,
    yes: Yes = False,
    diff: Diff = False,
    json: Json = False,
    parallel: Parallel = 16,
    expect_no_changes: ExpectNoChanges = False,
    context: KubeContext = None,
    cwd: Cwd = Path(),
) -> None:
    """Bring the state in line with what is really there.

    Changes no resource.
    """
    _update("refresh", stack, cwd, diff, json, yes, parallel, context, False, expect_no_changes)


@app.command()
def destroy(
    stack: Stack = None,
    yes: Yes = False,
    json: Json = False,
    parallel: Parallel = 16,
    refresh: Refresh = False,
    context: KubeContext = None,
    cwd: Cwd = Path(),
) -> None:
    """Delete everything the stack has created.

    Its stack file and history stay.
    """
    _update("destroy", stack, cwd, False, json, yes, parallel, context, refresh, False)


@app.command()
def status(json: Json = False, cwd: Cwd = Path()) -> None:
    """Tell what runs and where; stacks, updates, locks."""
    from rehearsal.cli.status import show_status

    _leave(lambda: show_status(cwd, json=json))


@app.command()
def down(
    json: Json = False,
    purge: Annotated[
        bool,
        typer.Option("--purge", help="Also delete the sandbox home: states and passphrases too."),
    ] = False,
    yes: Yes = False,
    cwd: Cwd = Path(),
) -> None:
    """End what the rehearsal started, and nothing else.

    States stay, so that `up` goes on from them.
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
def encrypt(stack: Stack = None, cwd: Cwd = Path()) -> None:
    """Turn a value into a `secure:` line for the stack file.

    The value is read from standard input or a hidden prompt, never from the command line.
    """
    from rehearsal.cli.encrypt import encrypt_value

    _leave(lambda: encrypt_value(cwd, stack))


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

    Each refusal has to be the stand-in cloud's judgement.
    """
    began = time.monotonic()

    def command() -> int:
        from rehearsal.cli.prove import prove as prove_stack
        from rehearsal.cli.prove_all import prove_all
        from rehearsal.cli.selection import UsageError

        if everything and stack is not None:
            raise UsageError("--all proves every stack: leave --stack out, or --all.")
        if everything:
            return prove_all(cwd, json=json, page=page, began=began)
        return prove_stack(stack, cwd, json=json, page=page, began=began)

    _leave(command)


def _update(
    kind: str,
    stack: str | None,
    cwd: Path,
    diff: bool,
    json: bool,
    yes: bool,
    parallel: int,
    context: str | None,
    refresh: bool,
    expect_no_changes: bool,
    packs: tuple[list[Path], list[Path]] = ([], []),
) -> None:
    began = time.monotonic()
    from rehearsal.cli.operation import Kind, Request, carry_out

    kinds: dict[str, Kind] = {"up": "up", "preview": "preview", "refresh": "refresh", "destroy": "destroy"}
    request = Request(
        kind=kinds[kind],
        stack=stack,
        cwd=cwd,
        diff=diff,
        json=json,
        yes=yes,
        parallel=parallel,
        context=context,
        refresh=refresh,
        expect_no_changes=expect_no_changes,
        policy_packs=tuple(packs[0]),
        policy_pack_configs=tuple(packs[1]),
    )
    _leave(lambda: carry_out(request, began))


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
    # gRPC's core writes its own log to standard error, in the middle of whatever is drawn there.
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    # The engine needs Pulumi's messages only; the whole SDK is imported by the program, which is a process of its own.
    register_stub_namespaces()
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

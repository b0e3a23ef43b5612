"""The command ``mendix-registry-fleet``: a fleet file in; stack files, a plan, the operator's objects, the state's set-up out."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from fleet.fleet_file import Fleet
    from fleet.problems import FleetProblem
    from fleet.stacks import FleetStack

_WRONG_INPUT = 2

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help="Split a fleet of namespaces into stacks, plan its rollout against the clouds' quotas, and hand it to the Pulumi "
    "Kubernetes Operator. Exit status: 0 done, 2 wrong input (nothing is written).",
)

FleetFile = Annotated[Path, typer.Argument(metavar="FLEET", help="The fleet file; docs/fleet.md explains its keys.")]
Project = Annotated[
    Path,
    typer.Option("--project", metavar="DIRECTORY", help="Where Pulumi.yaml is; {file: …} values are looked up there."),
]


@dataclass(frozen=True, slots=True)
class _Loaded:
    fleet: Fleet
    stacks: tuple[FleetStack, ...]


@app.command()
def split(
    fleet_file: FleetFile,
    project: Project = Path(),
    directory: Annotated[
        Path | None,
        typer.Option("--stacks", metavar="DIRECTORY", help="Where the stack files go. Default: stacks/ there."),
    ] = None,
    allow_moves: Annotated[
        bool,
        typer.Option("--allow-moves", help="Let namespaces change their stack, after their resources have been moved."),
    ] = False,
) -> None:
    """Write one stack file for each stack: Pulumi.<name>-00.yaml, Pulumi.<name>-01.yaml and so on.

    A namespace's stack depends on its name and the number of stacks only, so one that comes or goes changes one file.
    """

    def run() -> None:
        from fleet.plan import make_plan
        from fleet.plan_text import duration
        from fleet.stack_files import write_stack_files

        loaded = _load(fleet_file, project)
        plan = make_plan(loaded.fleet, loaded.stacks, _progress)
        _refuse_if(plan.problems)
        changes = write_stack_files(
            loaded.fleet, loaded.stacks, directory or project / "stacks", allow_moves=allow_moves
        )
        _say(f"{len(changes.written)} stack files written, {len(changes.unchanged)} were right already.")
        for stack in changes.left:
            _say(
                f"{stack} has no namespace any more; its file is left. Run 'pulumi destroy --stack {stack}', then delete the file.",
                error=True,
            )
        _say(
            f"The first update of all takes about {duration(plan.estimate.seconds)}, limited by {plan.estimate.limit}; "
            f"'mendix-registry-fleet plan {fleet_file.name}' shows more."
        )

    _guarded(run)


@app.command()
def plan(fleet_file: FleetFile, project: Project = Path()) -> None:
    """Print what each stack creates, which of the clouds' quotas limits it, and how long it takes. Asks no cloud."""

    def run() -> None:
        from fleet.plan import make_plan
        from fleet.plan_text import plan_text

        loaded = _load(fleet_file, project)
        made = make_plan(loaded.fleet, loaded.stacks, _progress)
        sys.stdout.write(plan_text(made))
        _refuse_if(made.problems)

    _guarded(run)


@app.command()
def operator(
    fleet_file: FleetFile,
    project: Project = Path(),
    directory: Annotated[
        Path | None,
        typer.Option("--output", metavar="DIRECTORY", help="Where the objects go. Default: operator/<name>/ there."),
    ] = None,
) -> None:
    """Write the objects for the Pulumi Kubernetes Operator: what all stacks need, and a file for each stack."""

    def run() -> None:
        from fleet.operator import operator_problems, secret_keys
        from fleet.operator_files import write_operator_files
        from fleet.plan import make_plan

        loaded = _load(fleet_file, project)
        plan = make_plan(loaded.fleet, loaded.stacks, _progress)
        _refuse_if([*operator_problems(loaded.fleet), *plan.problems])
        settings = loaded.fleet.operator
        if settings is None:
            return
        target = directory or project / "operator" / loaded.fleet.name
        count = write_operator_files(loaded.fleet, settings, loaded.stacks, plan.registered, target)
        _say(f"{count} files written to {target}; apply them with 'kubectl apply --server-side -f {target}'.")
        keys = secret_keys(loaded.fleet, settings, loaded.stacks)
        if keys:
            _say(
                f"The Secret {settings.secret} in namespace {settings.namespace} must have the keys {', '.join(keys)}."
            )

    _guarded(run)


@app.command()
def state(fleet_file: FleetFile, project: Project = Path()) -> None:
    """Print the commands that prepare the remote state of every stack, and the permissions that it needs."""

    def run() -> None:
        from fleet.state_text import state_text

        loaded = _load(fleet_file, project)
        sys.stdout.write(state_text(loaded.fleet, loaded.stacks))

    _guarded(run)


def _load(fleet_file: Path, project: Path) -> _Loaded:
    from fleet.fleet_file import read_fleet
    from fleet.limits import limits_of, quota_problems
    from fleet.members import read_members
    from fleet.problems import FleetError
    from fleet.shared import shared_problems
    from fleet.stacks import make_stacks
    from fleet.state import state_problems

    fleet = read_fleet(fleet_file)
    problems = list(state_problems(fleet.state))
    try:
        members = read_members(fleet.namespaces, fleet_file.parent)
        stacks = make_stacks(fleet, members, os.environ, project)
    except FleetError as error:
        raise FleetError([*error.problems, *problems]) from None
    limits = limits_of([stack.settings for stack in stacks])
    _refuse_if([*shared_problems(fleet, stacks), *quota_problems(limits, fleet.quotas), *problems])
    return _Loaded(fleet, stacks)


def _refuse_if(problems: Sequence[FleetProblem]) -> None:
    from fleet.problems import FleetError

    if problems:
        raise FleetError(problems)


def _guarded(run: Callable[[], None]) -> None:
    from fleet.problems import FleetError

    try:
        run()
    except FleetError as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{error.filename or 'A file'} cannot be read or written: {error.strerror}.")


def _progress(done: int, of: int) -> None:
    """How far the counting is, on one line of a terminal."""
    if of > 1 and sys.stderr.isatty():
        end = "\r\033[K" if done == of else "\r"
        typer.echo(f"counting what the program creates: {done} of {of} stacks{end}", err=True, nl=False)


def _say(text: str, *, error: bool = False) -> None:
    typer.echo(_visible(text), err=error)


def _fail(message: str) -> NoReturn:
    typer.echo(f"error: {_visible(message)}", err=True)
    raise SystemExit(_WRONG_INPUT)


def _visible(text: str) -> str:
    """Names come from a file: nothing in them may move the cursor or colour the screen."""
    return "".join(
        character if character == "\n" or character.isprintable() else f"\\x{ord(character):02x}" for character in text
    )


def main() -> None:
    """Entry point of the script."""
    app()

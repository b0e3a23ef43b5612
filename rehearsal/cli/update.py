"""``rehearse up``, ``preview``, ``refresh``, ``destroy``: Pulumi's CLI in the sandbox, with the terminal handed to it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal, TypeAlias

from rehearsal.cli import closing
from rehearsal.cli.events import Course, read_course
from rehearsal.cli.recovered import print_recovery
from rehearsal.cli.sandbox import opened, selected
from rehearsal.cli.terminal import open_terminal
from rehearsal.sandbox.project import UsageError
from rehearsal.sandbox.recovery import recover

if TYPE_CHECKING:
    from rehearsal.sandbox.pulumi import Sandbox

Verb: TypeAlias = Literal["up", "preview", "refresh", "destroy"]

DONE, FAILED, WRONG_USE = 0, 1, 2
# Of the CLI's exit statuses (pkg/cmd/pulumi/cmd/exit_codes.go): configuration, and no such stack.
_CLI_WRONG_USE = (2, 6)
_CONFIRMED = ("--yes", "-y", "-f", "--skip-preview", "--preview-only")


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for. ``arguments`` go to the CLI as they are; ``output`` takes what it prints instead of the terminal."""

    verb: Verb
    stack: str | None
    cwd: Path
    arguments: Sequence[str] = ()
    context: str | None = None
    output: IO[str] | None = None

    @property
    def json(self) -> bool:
        """Whether standard output is the CLI's document."""
        return any(argument in ("--json", "-j") for argument in self.arguments)


def carry_out(request: Request) -> int:
    """Run the command; the exit status. Raises UsageError, and the errors of the modules below."""
    project, stack = selected(request.cwd, request.stack)
    _can_be_confirmed(request)
    quiet = request.output is not None
    terminal = open_terminal(json=request.json or quiet)
    creates = request.verb in ("up", "preview")
    with opened(project, stack, terminal, context=request.context, prerequisites=creates) as sandbox:
        if request.verb != "preview":
            print_recovery(terminal.console, recover(sandbox))
        started = time.time()
        status, course = run(sandbox, request)
        if not quiet:
            closing.print_closing(terminal.console, sandbox, request.verb, status, course, started)
    return _status(status, course)


def _can_be_confirmed(request: Request) -> None:
    """The CLI rejects a change without confirmation too, but only after the sandbox has been built."""
    answered = request.verb == "preview" or any(argument in _CONFIRMED for argument in request.arguments)
    if (
        answered
        or os.environ.get("PULUMI_SKIP_CONFIRMATIONS") == "true"
        or (sys.stdin.isatty() and sys.stdout.isatty())
    ):
        return
    raise UsageError(
        f"`{request.verb}` changes resources and this is not a terminal, so it cannot ask.\n"
        "Look first with `rehearse preview`, then give --yes."
    )


def run(sandbox: Sandbox, request: Request) -> tuple[int, Course]:
    """Run the CLI's command to its end; its own exit status and what it did.

    What a change that did not end well has done stays in the stack's event log: the next command recovers by it.
    """
    with _event_log(sandbox, request.verb) as log, _temporary_directory(sandbox.home) as temporary:
        command = sandbox.command(request.verb, "--event-log", str(log), *request.arguments)
        # The flag --event-log exists only with this variable, which changes nothing else.
        environment = {**sandbox.environment, "PULUMI_DEBUG_COMMANDS": "1", "TMPDIR": temporary}
        if request.verb == "preview":
            # A preview makes the whole state after each step as well, and throws it away.
            environment["PULUMI_SKIP_CHECKPOINTS"] = "true"
        process = subprocess.Popen(  # noqa: S603 - an argument list made here, no shell
            command,
            cwd=request.cwd,
            env=environment,
            stdout=request.output,
            stderr=subprocess.STDOUT if request.output is not None else None,
            stdin=subprocess.DEVNULL if request.output is not None else None,
        )
        with _interrupts_are_the_clis(process):
            status = process.wait()
        course = read_course(log)
        if status == DONE:
            log.unlink(missing_ok=True)
        return status, course


@contextmanager
def _event_log(sandbox: Sandbox, verb: Verb) -> Generator[Path]:
    """Where the CLI writes its events. A preview changes nothing, so it must not take the place of a change's log."""
    if verb == "preview":
        with _temporary_directory(sandbox.home) as directory:
            yield Path(directory) / "events.json"
        return
    sandbox.event_log.unlink(missing_ok=True)
    sandbox.state_file.keep()
    yield sandbox.event_log


def _temporary_directory(home: Path) -> tempfile.TemporaryDirectory[str]:
    """Of one command. pulumi-kubernetes leaves the kubeconfig there, with its credentials, each time that it is started."""
    parent = home / "temporary"
    parent.mkdir(exist_ok=True, mode=0o700)
    return tempfile.TemporaryDirectory(dir=parent, ignore_cleanup_errors=True)


@contextmanager
def _interrupts_are_the_clis(process: subprocess.Popen[bytes]) -> Generator[None]:
    """Ctrl-C reaches the CLI from the terminal, which then cancels in good order; SIGTERM is handed on as one."""

    def hand_on(number: int, _frame: object) -> None:
        process.send_signal(signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.SIG_IGN), signal.signal(signal.SIGTERM, hand_on)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before[0])
        signal.signal(signal.SIGTERM, before[1])


def _status(status: int, course: Course) -> int:
    if status == DONE:
        return DONE
    return WRONG_USE if course.rejected or status in _CLI_WRONG_USE else FAILED

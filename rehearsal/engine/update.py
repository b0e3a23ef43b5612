"""One update of a stack: what is asked for, and what is begun before anything else because it takes its time."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rehearsal.engine.events import Diagnostic, Finished, Severity, Sink
from rehearsal.engine.program.process import PreparedProgram
from rehearsal.engine.scheduling import batch
from rehearsal.engine.state import Backend, PassphraseSecrets, open_secrets

if TYPE_CHECKING:
    from rehearsal.engine.policies.pack import PolicyPackChoice
    from rehearsal.engine.project import Project, StackConfiguration

Kind = Literal["up", "preview", "refresh", "destroy"]


@dataclass(frozen=True, slots=True)
class Update:
    """What to do.

    ``environment`` is added to the environment of the program and the plugins. ``home`` is where the engine keeps what is its
    own (the state, where no backend is named; a generated passphrase). ``stand_ins`` maps a package to the executable that
    stands in for its plugin. With ``refresh`` the state is compared with the world first. ``dry_run`` turns a refresh or a
    destroy into its preview. ``policy_packs`` judge what an ``up`` or a ``preview`` wants to do. ``accepted`` is called once, in a
    thread, when the program asks for its first resource or function: it has accepted its configuration, and what it takes for
    granted in the world can be made. An EngineError that it raises ends the update.
    """

    project: Project
    stack: str
    kind: Kind
    home: Path
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    stand_ins: Mapping[str, Path] = field(default_factory=dict[str, Path])
    parallel: int = 16
    refresh: bool = False
    dry_run: bool = False
    message: str = ""
    policy_packs: Sequence[PolicyPackChoice] = ()
    accepted: Callable[[], None] | None = None
    expected: Sequence[str] = ()
    """Packages that the program will ask for, as far as the caller knows: their plugins are started beside the program."""


@dataclass(frozen=True, slots=True)
class OpenedStack:
    """What the stack's files say. ``environment`` is that of the program and the plugins; ``notices`` wait to be told."""

    environment: Mapping[str, str]
    backend: Backend
    secrets: PassphraseSecrets
    configuration: StackConfiguration
    notices: Sequence[str]


def _open(update: Update) -> OpenedStack:
    """Raises EngineError. Nearly all of its time goes into deriving the key of the secrets."""
    project = update.project
    environment = {**os.environ, **update.environment}
    notices: list[str] = []
    stack_file = project.stack_file(update.stack)
    backend = Backend.find(project.backend_url, home=update.home, project_root=project.root, environ=environment)
    secrets = open_secrets(
        stack_file,
        environ=environment,
        home=update.home,
        notice=notices.append,
        state_salt=backend.salt(project.name, update.stack),
    )
    return OpenedStack(environment, backend, secrets, stack_file.configuration(secrets), notices)


async def run_update(update: Update, sink: Sink) -> Finished:
    """Run an update, telling ``sink`` of it; the last event is returned too.

    Raises EngineError where the update could not even begin (no such stack, wrong passphrase, locked state). Cancelling the
    task winds the update down: no new step, the running ones are asked to give up, the state is written.
    """
    with batch():
        return await _run(update, sink)


async def _run(update: Update, sink: Sink) -> Finished:
    began = time.monotonic()
    # Three things that take a third of a second each and need nothing of each other: the key (on a thread, since deriving it
    # does not hold the interpreter), the program's interpreter with its SDK, and gRPC and the SDK's messages in this process.
    opening = asyncio.get_running_loop().run_in_executor(None, _open, update)
    program: PreparedProgram | None = None
    try:
        if update.kind in {"up", "preview"}:
            project = update.project
            program = await PreparedProgram.start(
                project.program_directory, project.root, {**os.environ, **update.environment}
            )
        from rehearsal.engine.runner import Runner

        opened = await opening
        for text in opened.notices:
            sink(Diagnostic(Severity.INFO, text))
        return await Runner(update, sink, program, began).run(opened)
    finally:
        if program is not None:
            await program.discard()

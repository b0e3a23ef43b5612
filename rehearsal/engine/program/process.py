"""Running the unmodified program against this engine's monitor."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rehearsal.engine.errors import EngineError
from rehearsal.engine.plugins.process import ChildProcess

RUNNER = Path(__file__).with_name("run_program.py")
PROGRAM_FAILED = 32
"""The program failed and has said why."""
PROGRAM_REFUSED = 33
"""The program ended itself with ``pulumi.RunError``, whose message is written for users."""


@dataclass(frozen=True, slots=True)
class ProgramSettings:
    """What the program is told. ``config`` maps ``namespace:key`` to strings, secrets in plain text."""

    directory: Path
    root: Path
    project: str
    stack: str
    config: Mapping[str, str]
    secret_keys: Iterable[str]
    environment: Mapping[str, str]
    parallel: int
    preview: bool


def interpreter(root: Path, environment: Mapping[str, str]) -> str:
    """The Python that runs the program: the project's own environment, as Pulumi's uv toolchain has it, else this one."""
    named = environment.get("UV_PROJECT_ENVIRONMENT")
    candidate = (root / named if named else root / ".venv") / "bin" / "python"
    if Path(sys.prefix) in candidate.parents:
        return sys.executable
    return str(candidate) if candidate.is_file() and not _is_own(root) else sys.executable


def _is_own(root: Path) -> bool:
    """Whether the program's project is the one the engine itself runs from: then one environment serves both."""
    return root in RUNNER.parents


class PreparedProgram:
    """The program's process before its beginning: it imports the SDK, and waits to be told what to run for.

    So that takes no time of its own: meanwhile the engine makes itself ready, or finds out that nothing may be run.
    """

    def __init__(self, process: ChildProcess | None, problem: EngineError | None) -> None:
        self._process = process
        self._problem = problem
        self._begun = False

    @classmethod
    async def start(cls, directory: Path, root: Path, environment: Mapping[str, str]) -> PreparedProgram:
        """Start the process; if that is not possible, ``begin`` says so."""
        command = [interpreter(root, environment), str(RUNNER), str(directory)]
        environment = {
            **os.environ,
            **environment,
            "PYTHONUNBUFFERED": "1",
            # The SDK warns about gRPC's fork handlers otherwise, in the middle of the user's output.
            "GRPC_ENABLE_FORK_SUPPORT": "0",
        }
        # The passphrase opens the state; the program has no use for it.
        for name in ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"):
            environment.pop(name, None)
        try:
            process = await ChildProcess.start(
                "the program", command, cwd=directory, environment=environment, listens=True
            )
        except OSError as error:
            problem = EngineError(
                f"the program cannot be started with {command[0]}: {error.strerror}. "
                "Install the project's environment (`uv sync`), or name it in UV_PROJECT_ENVIRONMENT."
            )
            problem.__cause__ = error
            return cls(None, problem)
        return cls(process, None)

    async def begin(self, settings: ProgramSettings, address: str, heard: Callable[[str, str], None]) -> ChildProcess:
        """Run the program; ``heard(line, stream)`` gets what it prints. Raises EngineError."""
        if self._process is None:
            assert self._problem is not None  # noqa: S101 - narrowing: it is the one or the other
            raise self._problem
        told = {
            "monitor": address,
            "engine": address,
            "project": settings.project,
            "stack": settings.stack,
            "root_directory": str(settings.root),
            "organization": "organization",
            "parallel": settings.parallel,
            "dry_run": settings.preview,
            "config": dict(settings.config),
            "secret_keys": sorted(settings.secret_keys),
        }
        self._begun = True
        self._process.listen(heard)
        await self._process.tell(json.dumps(told).encode())
        return self._process

    async def discard(self) -> None:
        """End it if it was not needed after all."""
        if self._process is not None and not self._begun:
            await self._process.end()


async def start(settings: ProgramSettings, address: str, heard: Callable[[str, str], None]) -> ChildProcess:
    """Start the program at once; ``heard(line, stream)`` gets what it prints. Raises EngineError."""
    program = await PreparedProgram.start(settings.directory, settings.root, settings.environment)
    return await program.begin(settings, address, heard)

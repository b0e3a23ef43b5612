"""A child process that lives no longer than the engine and whose output is heard line by line."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

LAST_WORDS = 20
GRACE_SECONDS = 5.0
LINE_LIMIT = 4 * 1024 * 1024


def tie_to_parent(command: Sequence[str]) -> list[str]:
    """The command, ended by the kernel when the engine dies, where the system has ``setpriv`` to ask for it.

    Without this a SIGKILL of the engine would leave the program and the plugins running and changing resources
    that nobody records any more.
    """
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--", *command] if setpriv else list(command)


class ChildProcess:
    """A running child. ``last_words`` keeps the end of its output for the message that tells of its death."""

    def __init__(self, process: asyncio.subprocess.Process, name: str) -> None:
        self.name = name
        self.pid = process.pid
        self.last_words: deque[str] = deque(maxlen=LAST_WORDS)
        self._process = process
        self._readers: list[asyncio.Task[None]] = []

    @classmethod
    async def start(
        cls, name: str, command: Sequence[str], *, cwd: Path, environment: Mapping[str, str], listens: bool = False
    ) -> ChildProcess:
        """``listens``: it waits for what ``tell`` says. Raises OSError where the command cannot be run."""
        process = await asyncio.create_subprocess_exec(
            *tie_to_parent(command),
            cwd=cwd,
            env=dict(environment),
            stdin=asyncio.subprocess.PIPE if listens else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=LINE_LIMIT,
            # A session of its own: Ctrl-C in the terminal reaches the engine only, which then winds down in order.
            start_new_session=True,
        )
        return cls(process, name)

    @property
    def returncode(self) -> int | None:
        return self._process.returncode

    async def tell(self, text: bytes) -> None:
        """Give it all that it will ever read on standard input. That it has ended already shows when it is waited for."""
        assert self._process.stdin is not None  # noqa: S101 - narrowing: it was opened as a pipe
        self._process.stdin.write(text)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            await self._process.stdin.drain()
        self._process.stdin.close()

    async def first_line(self, timeout: float) -> str:
        """The first line on standard output. Empty where the process ended first; raises TimeoutError."""
        assert self._process.stdout is not None  # noqa: S101 - narrowing: it was opened as a pipe
        line = await asyncio.wait_for(self._process.stdout.readline(), timeout)
        return line.decode(errors="replace").strip()

    def listen(self, heard: Callable[[str, str], None]) -> None:
        """Call ``heard(line, "stdout" or "stderr")`` for each line from now on."""
        for stream, label in ((self._process.stdout, "stdout"), (self._process.stderr, "stderr")):
            assert stream is not None  # noqa: S101 - narrowing
            self._readers.append(asyncio.create_task(self._read(stream, label, heard)))

    async def _read(self, stream: asyncio.StreamReader, label: str, heard: Callable[[str, str], None]) -> None:
        while True:
            try:
                raw = await stream.readline()
            except ValueError:  # a line beyond the limit: drop it rather than the process
                continue
            if not raw:
                return
            line = raw.decode(errors="replace").rstrip("\n")
            self.last_words.append(line)
            heard(line, label)

    async def wait(self) -> int:
        """Wait for its end and for the last of its output. Negative: the signal that ended it."""
        code = await self._process.wait()
        if self._readers:
            # A grandchild may hold the pipe open; its output is not waited for.
            await asyncio.wait(self._readers, timeout=1.0)
        return code

    async def end(self) -> None:
        """End it: asked first, then made to."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self._process.wait(), GRACE_SECONDS)
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()
                await self._process.wait()
        for reader in self._readers:
            reader.cancel()

    def obituary(self) -> str:
        """How it ended and its last words, for an error message."""
        code = self._process.returncode
        if code is None:
            how = "does not answer"
        elif code < 0:
            how = f"was ended by {signal.Signals(-code).name}"
        else:
            how = f"ended with status {code}"
        words = "\n".join(f"    {line}" for line in self.last_words if line.strip())
        return f"{self.name} {how}" + (f"; its last words:\n{words}" if words else "")

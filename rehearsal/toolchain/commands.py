"""Runs programs of the machine: argument lists only, never a shell, and never a proxy of the caller's terminal."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Result:
    """What a program left. ``words`` is what it printed last where it matters: its errors, else its output."""

    code: int
    output: str
    errors: str

    @property
    def ok(self) -> bool:
        return self.code == 0

    def words(self, lines: int = 6) -> str:
        text = self.errors.strip() or self.output.strip()
        return "\n".join(text.splitlines()[-lines:])


def run(
    command: Sequence[str | Path],
    *,
    text: str | None = None,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
    seconds: float | None = None,
) -> Result:
    """Run ``command`` to its end with ``text`` as its input; a failure is a result, not an exception.

    ``seconds`` limits it: the code is then 124, as with timeout(1). A program that does not exist gives 127.
    """
    try:
        done = subprocess.run(  # noqa: S603 - an argument list made by this package, no shell
            [str(part) for part in command],
            input=text if text is not None else "",
            capture_output=True,
            text=True,
            check=False,
            env=dict(environment) if environment is not None else None,
            cwd=directory,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        return Result(124, "", f"{command[0]} did not end within {seconds} s")
    except OSError as error:
        return Result(127, "", f"{command[0]}: {error.strerror}")
    return Result(done.returncode, done.stdout, done.stderr)

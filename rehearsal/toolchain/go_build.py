"""One run of ``go build``: its modules, its flags, how far it is, and why it failed."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from rehearsal.toolchain.commands import run
from rehearsal.toolchain.errors import Progress, Report, ToolchainError

_GC_PERCENT = "400"
"""Of the compiler itself. Go's default of 100 collects garbage so often that it costs a tenth of a build's time; without
any collection a build needs twice the memory and is hardly faster."""


class GoBuild:
    """A build of packages of the Go module in ``module`` by the Go at ``go``; ``described`` is what it makes."""

    def __init__(self, go: Path, module: Path, described: str, report: Report) -> None:
        self._go = str(go)
        self._module = module
        self._described = described
        self._report = report
        self._began = time.monotonic()

    def module_directory(self, module: str) -> Path:
        """Where the sources of a required module are, which are downloaded first if need be. Raises ToolchainError."""
        self._run(["mod", "download", module])
        return Path(self._run(["list", "-m", "-f", "{{.Dir}}", module]).strip())

    def download(self, packages: Sequence[str]) -> None:
        """Download the modules that ``packages`` are compiled from. Raises ToolchainError where one cannot be had."""
        # Packages that cannot be loaded for want of a file that the build makes are no reason to stop.
        self._run(["list", "-e", "-deps", *packages])

    def compile(self, packages: Sequence[str], flags: Sequence[str], output: Path, cpu_seconds: int) -> None:
        """Compile and link ``packages`` into ``output``, a file or a directory. Raises :class:`ToolchainError`."""
        self._tell(f"building {self._described}: loading Go modules")
        stale = "{{if .Stale}}{{.ImportPath}}{{end}}"
        listed = self._run(["list", "-deps", "-f", stale, *flags, *packages])
        total = len(listed.split())
        message = f"building {self._described}{usually(cpu_seconds)}"
        command = [self._go, "build", "-v", *flags, "-o", str(output), *packages]
        process = subprocess.Popen(  # noqa: S603 - an argument list made here, no shell
            command,
            cwd=self._module,
            env=_environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        compiled = 0
        last: deque[str] = deque(maxlen=30)
        finished = threading.Event()

        def tick() -> None:
            # Linking prints nothing for half a minute; the seconds show that it goes on.
            while not finished.wait(1.0):
                self._tell(message, compiled, max(total, compiled))

        ticker = threading.Thread(target=tick, daemon=True)
        ticker.start()
        try:
            for line in process.stderr or ():
                last.append(line.rstrip())
                # A module being fetched is printed too; packages have no space in their name.
                compiled += " " not in line.strip()
            code = process.wait()
        except BaseException:
            process.kill()
            process.wait()
            raise
        finally:
            finished.set()
            ticker.join()
        if code != 0:
            raise self._failure("\n".join(last))
        made = output.iterdir() if output.is_dir() else (output,)
        size = sum(path.stat().st_size for path in made)
        self._tell(f"built {self._described}, {size / 1e6:.0f} MB", total, total)

    def _tell(self, message: str, done: int | None = None, total: int | None = None) -> None:
        self._report(Progress("build", message, done, total, time.monotonic() - self._began))

    def _run(self, arguments: Sequence[str]) -> str:
        result = run([self._go, *arguments], directory=self._module, environment=_environment())
        if not result.ok:
            raise self._failure(result.errors.strip())
        return result.output

    def _failure(self, output: str) -> ToolchainError:
        words = "\n".join(output.splitlines()[-12:])
        offline = any(sign in output for sign in ("dial tcp", "no such host", "i/o timeout", "connection refused"))
        full = "no space left" in output
        remedy = (
            "Free disk space (the builds need about 8 GB for Go's own caches) and run it again."
            if full
            else "Set GOPROXY to a Go module proxy that this machine can reach, or copy the cache directory from a machine "
            "that has built it."
            if offline
            else f"The compiler's words are above. The sources are in {self._module}."
        )
        return ToolchainError(f"{self._described} could not be built from {self._module}:\n{words}", remedy)


def usually(cpu_seconds: int) -> str:
    """How long a build of ``cpu_seconds`` takes here, as the end of a message; nothing where it is too short to matter."""
    processors = os.cpu_count() or 1
    minutes = round(cpu_seconds / processors / 60)
    return f" (once; about {minutes} min on {processors} processor{'s'[: processors - 1]})" if minutes else ""


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("GOFLAGS", "GOOS", "GOARCH", "GOWORK")}
    return {
        "GOGC": _GC_PERCENT,
        **kept,
        # The image needs static executables, and the cache key only stands for what go.sum pins if nothing may change it.
        "CGO_ENABLED": "0",
        "GOFLAGS": "-mod=readonly -trimpath -buildvcs=false",
        "GOWORK": "off",
    }

"""Builds the project's Go modules into the cache, once per content."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from rehearsal.cluster.commands import run
from rehearsal.cluster.errors import ClusterError, Progress, Report
from rehearsal.cluster.lock import exclusive
from rehearsal.cluster.toolchain import Toolchain, ensure_toolchain, required_version

_ROOMS = Path(__file__).resolve().parent.parent
KUBERNETES_VERSION = "1.36.3"
_COMPONENT_VERSION = "k8s.io/component-base/version"


@dataclass(frozen=True, slots=True)
class GoProgram:
    """A Go main package of this project: a directory with ``go.mod``, ``go.sum`` and sources."""

    name: str
    module: Path
    ldflags: tuple[str, ...] = field(default=())
    described: str = ""

    def key(self) -> str:
        """Hash of everything that decides the executable: what go.sum pins, the sources, the flags, and the kind of machine,
        as a home directory may be on several."""
        digest = hashlib.sha256(" ".join((platform.machine(), *self.ldflags)).encode())
        for path in sorted(self.module.iterdir()):
            if path.suffix == ".go" or path.name in ("go.mod", "go.sum"):
                digest.update(f"\n{path.name}\n".encode())
                digest.update(path.read_bytes())
        return digest.hexdigest()[:16]

    def cached(self, cache: Path) -> Path:
        """Where the executable is once it has been built."""
        return cache / "go" / f"{self.name}-{self.key()}" / self.name


KUBERNETES = GoProgram(
    "rehearsal-kubernetes",
    _ROOMS / "cluster" / "kubernetes",
    # Without these kubelet and API server call themselves v0.0.0-master, and clients take that for a very old server.
    tuple(
        f"-X {_COMPONENT_VERSION}.{name}={value}"
        for name, value in (
            ("gitVersion", f"v{KUBERNETES_VERSION}"),
            ("gitMajor", "1"),
            ("gitMinor", KUBERNETES_VERSION.split(".")[1]),
        )
    ),
    f"Kubernetes {KUBERNETES_VERSION} (once; about five minutes on two cores)",
)
REGISTRY = GoProgram("registry", _ROOMS / "registry" / "distribution", described="the OCI registry")
CLIENT = GoProgram("krane", _ROOMS / "registry" / "client", described="the push client krane")
PAUSE = GoProgram("pause", _ROOMS / "cluster" / "pause", described="the pods' pause program")
PROGRAMS = (PAUSE, CLIENT, REGISTRY, KUBERNETES)


def missing(cache: Path, programs: tuple[GoProgram, ...] = PROGRAMS) -> list[GoProgram]:
    """The programs of which the cache has no executable."""
    return [program for program in programs if not program.cached(cache).is_file()]


def ensure_program(program: GoProgram, cache: Path, report: Report) -> Path:
    """The executable of ``program``, built now if the cache has none.

    Two rehearsals that need the same one build it once: the second waits for the first. Raises :class:`ClusterError`
    with the compiler's or the module proxy's last words.
    """
    target = program.cached(cache)
    if target.is_file():
        return target

    def waiting(seconds: float) -> None:
        report(Progress("build", f"waiting for another rehearsal to build {program.name}", seconds=seconds))

    with exclusive(cache / "go" / f"{target.parent.name}.lock", waiting):
        if target.is_file():
            return target
        toolchain = ensure_toolchain(required_version(program.module), cache, report)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f"{target.name}.partial")
        partial.unlink(missing_ok=True)
        _build(program, toolchain, partial, report)
        partial.replace(target)
        return target


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("GOFLAGS", "GOOS", "GOARCH", "GOWORK")}
    # The image needs static executables, and the cache key only stands for what go.sum pins if nothing may change it.
    return {**kept, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly -trimpath -buildvcs=false", "GOWORK": "off"}


def _build(program: GoProgram, toolchain: Toolchain, output: Path, report: Report) -> None:
    began = time.monotonic()

    def tell(message: str, done: int | None = None, total: int | None = None) -> None:
        report(Progress("build", message, done, total, time.monotonic() - began))

    go = str(toolchain.executable)
    tell(f"building {program.described or program.name}: loading Go modules")
    total = len(_run([go, "list", "-deps", "."], program).splitlines())
    flags = " ".join(("-s", "-w", *program.ldflags))
    command = [go, "build", "-v", "-ldflags", flags, "-o", str(output), "."]
    process = subprocess.Popen(  # noqa: S603 - an argument list made here, no shell
        command, cwd=program.module, env=_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    compiled = 0
    last: deque[str] = deque(maxlen=30)
    finished = threading.Event()

    def tick() -> None:
        # Linking prints nothing for half a minute; the seconds show that it goes on.
        while not finished.wait(1.0):
            tell(f"building {program.described or program.name}", compiled, max(total, compiled))

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
        raise _failure(program, "\n".join(last))
    tell(f"built {program.name} {output.stat().st_size / 1e6:.0f} MB", total, total)


def _run(command: list[str], program: GoProgram) -> str:
    result = run(command, directory=program.module, environment=_environment())
    if not result.ok:
        raise _failure(program, result.errors.strip())
    return result.output


def _failure(program: GoProgram, output: str) -> ClusterError:
    words = "\n".join(output.splitlines()[-12:])
    offline = any(sign in output for sign in ("dial tcp", "no such host", "i/o timeout", "connection refused"))
    full = "no space left" in output
    remedy = (
        "Free disk space (the build needs about 4 GB for Go's own caches) and run it again."
        if full
        else "Set GOPROXY to a Go module proxy that this machine can reach, or copy the cache directory from a machine that "
        "has built it."
        if offline
        else f"The compiler's words are above. The sources are in {program.module}."
    )
    return ClusterError(f"{program.name} could not be built from {program.module}:\n{words}", remedy)

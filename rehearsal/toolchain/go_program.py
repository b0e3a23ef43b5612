"""Builds programs from Go modules into the cache, once per content."""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

from rehearsal.toolchain.errors import Progress, Report, ToolchainError
from rehearsal.toolchain.go_build import GoBuild
from rehearsal.toolchain.go_toolchain import ensure_toolchain, required_version
from rehearsal.toolchain.lock import exclusive

_FLAGS = ("-gcflags=all=-dwarf=false",)
"""No debugger is ever attached, and the compiler spends a fifteenth of its time on what one would read."""


@dataclass(frozen=True, slots=True)
class ModuleFile:
    """A file of one of the modules that a program is made of, at the version of the program's go.mod.

    ``edit`` makes of its content what is used instead.
    """

    module: str
    path: str
    edit: Callable[[bytes], bytes] | None = None

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class GoProgram:
    """Main packages of a Go module of this project, of which the one called ``name`` is the program.

    ``module`` is a directory with ``go.mod``, ``go.sum`` and sources. ``packages`` are directories of it, or import paths
    of modules that it requires; the executables of all lie in one directory, with the files ``beside`` them. ``embedded``
    are files that ``go:embed`` finds beside the module's sources although they are not there. ``cpu_seconds`` is what a
    build without anything in Go's caches takes.
    """

    name: str
    module: Path
    packages: tuple[str, ...] = (".",)
    ldflags: tuple[str, ...] = ()
    embedded: tuple[ModuleFile, ...] = ()
    beside: tuple[ModuleFile, ...] = ()
    described: str = field(default="", compare=False)
    cpu_seconds: int = field(default=0, compare=False)

    def key(self) -> str:
        """Hash of everything that decides the executables: what go.sum pins, the sources, the flags, and the kind of
        machine, as a home directory may be on several."""
        decides = (platform.machine(), *_FLAGS, *self.ldflags, *self.packages)
        digest = hashlib.sha256(" ".join(decides).encode())
        for path in sorted(self._sources()):
            digest.update(f"\n{path.relative_to(self.module).as_posix()}\n".encode())
            digest.update(path.read_bytes())
        return digest.hexdigest()[:16]

    def cached(self, cache: Path) -> Path:
        """Where the executable is once it has been built."""
        return cache / "go" / f"{self.name}-{self.key()}" / self.name

    def _sources(self) -> Iterable[Path]:
        yield from (self.module / "go.mod", self.module / "go.sum")
        for package in self.packages:
            # What lies outside the module is pinned by go.sum.
            if package.startswith("."):
                directory = self.module / package
                yield from (path for path in directory.rglob("*") if path.suffix == ".go" or path.name == "go.mod")


def missing(cache: Path, programs: Iterable[GoProgram]) -> list[GoProgram]:
    """The programs of which the cache has no executable."""
    return [program for program in programs if not program.cached(cache).is_file()]


def ensure_program(program: GoProgram, cache: Path, report: Report) -> Path:
    """The executable of ``program``, built now if the cache has none.

    Two rehearsals that need the same one build it once: the second waits for the first. Raises :class:`ToolchainError`
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
        # Everything or nothing: whoever finds the directory finds all that belongs to the program.
        partial = target.parent.with_name(f"{target.parent.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        build = GoBuild(toolchain.executable, program.module, program.described or program.name, report)
        _build(program, build, partial)
        shutil.rmtree(target.parent, ignore_errors=True)
        partial.rename(target.parent)
        return target


def download_ahead(programs: Sequence[GoProgram], cache: Path, report: Report) -> Thread:
    """Download the modules of all ``programs`` that are missing, beside whatever else is done, such as the build of the first.

    A download that fails is tried again by the build that needs it, which reports it. The thread ends with the last download.
    """

    def download() -> None:
        with suppress(ToolchainError, OSError):
            for program in missing(cache, programs):
                toolchain = ensure_toolchain(required_version(program.module), cache, report)
                GoBuild(toolchain.executable, program.module, program.name, report).download(program.packages)

    thread = Thread(target=download, daemon=True)
    thread.start()
    return thread


def _build(program: GoProgram, build: GoBuild, directory: Path) -> None:
    flags = [*_FLAGS, "-ldflags", " ".join(("-s", "-w", *program.ldflags))]
    overlay = directory / "overlay"
    if program.embedded:
        overlay.mkdir()
        replaced: dict[str, str] = {}
        for file in program.embedded:
            replaced[str(program.module / file.name)] = str(_take(file, build, overlay))
        (overlay / "overlay.json").write_text(json.dumps({"Replace": replaced}), encoding="utf-8")
        flags += ["-overlay", str(overlay / "overlay.json")]
    # A directory for several executables, which are called as their packages are; one may be called otherwise.
    output = directory / program.name if len(program.packages) == 1 else directory
    build.compile(program.packages, flags, output, program.cpu_seconds)
    for file in program.beside:
        _take(file, build, directory).chmod(0o755)
    shutil.rmtree(overlay, ignore_errors=True)


def _take(file: ModuleFile, build: GoBuild, directory: Path) -> Path:
    content = (build.module_directory(file.module) / file.path).read_bytes()
    taken = directory / file.name
    taken.write_bytes(content if file.edit is None else file.edit(content))
    return taken

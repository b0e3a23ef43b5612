"""What is built once and kept: an entry of the cache stands for all that decides its content, and half an entry is none."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from rehearsal.toolchain import go_build
from rehearsal.toolchain.errors import Progress, ToolchainError
from rehearsal.toolchain.go_program import GoProgram, ModuleFile, download_ahead, ensure_program, missing
from rehearsal.toolchain.go_toolchain import find_toolchain, required_version
from rehearsal.toolchain.programs import KUBERNETES_PROVIDER, PAUSE, PROGRAMS, PULUMI, PULUMI_PROGRAMS

ALL = (*PROGRAMS, *PULUMI_PROGRAMS)
NEWEST = max(required_version(program.module) for program in ALL)
needs_go = pytest.mark.skipif(find_toolchain(NEWEST) is None, reason="no Go on PATH that is new enough")


def quiet(_: Progress) -> None:
    pass


def sources(directory: Path, go_mod: str = "module example.com/program\n\ngo 1.21\n") -> Path:
    directory.mkdir()
    (directory / "go.mod").write_text(go_mod)
    (directory / "go.sum").write_text("")
    (directory / "main.go").write_text("package main\n\nfunc main() {}\n")
    return directory


@pytest.fixture
def module(tmp_path: Path) -> Path:
    return sources(tmp_path / "module")


# -- the cache's key ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["go.mod", "go.sum", "main.go", "other.go", "inner/inner.go", "replaced/go.mod"])
def test_a_program_changes_with_every_file_that_decides_it(module: Path, name: str) -> None:
    before = GoProgram("program", module).key()
    file = module / name
    file.parent.mkdir(exist_ok=True)
    file.write_text((file.read_text() if file.exists() else "package main\n") + "// a change\n")
    assert GoProgram("program", module).key() != before


def test_renamed_files_and_other_flags_change_the_program(module: Path) -> None:
    before = GoProgram("program", module).key()
    (module / "README.md").write_text("words")
    assert GoProgram("program", module).key() == before
    assert GoProgram("program", module, cpu_seconds=9, described="words").key() == before
    assert GoProgram("program", module, ldflags=("-X a.b=c",)).key() != before
    assert GoProgram("program", module, ("example.com/other/command",)).key() != before
    (module / "main.go").rename(module / "program.go")
    assert GoProgram("program", module).key() != before


def test_another_kind_of_machine_gets_its_own_program(module: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = GoProgram("program", module).key()
    monkeypatch.setattr("platform.machine", lambda: "aarch64" if os.uname().machine != "aarch64" else "x86_64")
    assert GoProgram("program", module).key() != before


def test_a_program_ignores_other_programs_of_its_module(module: Path) -> None:
    for name in ("one", "other"):
        (module / name).mkdir()
        (module / name / "main.go").write_text("package main\n\nfunc main() {}\n")
    one, both = (GoProgram("one", module, packages) for packages in (("./one",), ("./one", "./other")))
    before = one.key(), both.key()
    (module / "other" / "main.go").write_text("package main\n\nfunc main() { println(1) }\n")
    assert one.key() == before[0]
    assert both.key() != before[1]
    (module / "go.sum").write_text("example.com/a v1.0.0 h1:x\n")
    assert one.key() != before[0]


def test_every_program_pins_what_it_is_made_of() -> None:
    assert len({program.cached(Path("/cache")) for program in ALL}) == len(ALL)
    for program in ALL:
        required = [line for line in (program.module / "go.mod").read_text().splitlines() if line.startswith("\t")]
        assert (program.module / "go.sum").is_file() or not required, program.name


# -- the cache ---------------------------------------------------------------------------------------------------------


def test_what_is_cached_is_not_built(module: Path, tmp_path: Path) -> None:
    program = GoProgram("program", module)
    target = program.cached(tmp_path)
    target.parent.mkdir(parents=True)
    target.write_text("built before")
    assert missing(tmp_path, (program,)) == []
    assert ensure_program(program, tmp_path, pytest.fail) == target


@needs_go
def test_a_failed_build_leaves_no_program_but_gos_words(module: Path, tmp_path: Path) -> None:
    """Nor does what an earlier one that was killed left count as one."""
    (module / "go.mod").write_text("modul example.com/program\n\ngo 1.21\n")
    program = GoProgram("program", module)
    target = program.cached(tmp_path)
    partial = target.parent.with_name(f"{target.parent.name}.partial")
    partial.mkdir(parents=True)
    (partial / "program").write_text("half a program")
    assert missing(tmp_path, (program,)) == [program]
    with pytest.raises(ToolchainError, match=r"unknown directive: modul(.|\n)*The sources are in"):
        ensure_program(program, tmp_path, quiet)
    assert not target.exists()


@needs_go
def test_an_unreachable_module_proxy_is_reported_with_goproxy(
    module: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (module / "go.mod").write_text("module example.com/program\n\ngo 1.21\n\nrequire example.com/absent v1.0.0\n")
    digest = "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    (module / "go.sum").write_text(
        f"example.com/absent v1.0.0 {digest}\nexample.com/absent v1.0.0/go.mod {digest}\n",
    )
    (module / "main.go").write_text('package main\n\nimport _ "example.com/absent"\n\nfunc main() {}\n')
    monkeypatch.setenv("GOPROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("GOFLAGS", "-mod=mod")
    with pytest.raises(ToolchainError, match=r"127\.0\.0\.1:1(.|\n)*Set GOPROXY to a Go module proxy") as caught:
        ensure_program(GoProgram("program", module), tmp_path, quiet)
    assert "copy the cache directory" in caught.value.remedy


def test_a_full_disk_is_reported_with_the_needed_space(
    module: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = tmp_path / "path" / "go"
    go.parent.mkdir()
    go.write_text(
        '#!/bin/sh\n[ "$1" = env ] && echo go1.99.0 && exit\n'
        '[ "$1" = list ] && exit\necho "write /tmp/x: no space left on device" >&2; exit 1\n'
    )
    go.chmod(0o755)
    monkeypatch.setenv("PATH", f"{go.parent}:/usr/bin:/bin")
    with pytest.raises(
        ToolchainError, match=r"no space left on device\nFree disk space \(the builds need about \d+ GB"
    ):
        ensure_program(GoProgram("program", module), tmp_path, quiet)


@needs_go
@pytest.mark.slow
def test_a_build_replaces_what_a_killed_build_left(tmp_path: Path) -> None:
    target = PAUSE.cached(tmp_path)
    partial = target.parent.with_name(f"{target.parent.name}.partial")
    partial.mkdir(parents=True)
    (partial / "pause").write_text("half a program")
    told: list[Progress] = []
    program = ensure_program(PAUSE, tmp_path, told.append)
    assert not partial.exists()
    assert os.access(program, os.X_OK)
    assert program.read_bytes()[:4] == b"\x7fELF"
    assert told[-1].message.startswith("built the pods' pause program")
    assert ensure_program(PAUSE, tmp_path, pytest.fail) == program


# -- what is done meanwhile --------------------------------------------------------------------------------------------


def test_missing_modules_are_downloaded_ahead_and_failures_left(
    module: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    go = tmp_path / "path" / "go"
    go.parent.mkdir()
    go.write_text(
        '#!/bin/sh\n[ "$1" = env ] && echo go1.99.0 && exit\n'
        f'echo "$PWD $*" >> {log}\n[ "${{PWD##*/}}" != offline ] || {{ echo "dial tcp" >&2; exit 1; }}\n'
    )
    go.chmod(0o755)
    monkeypatch.setenv("PATH", f"{go.parent}:/usr/bin:/bin")
    there, offline, never = (
        GoProgram(name, sources(tmp_path / name), ("./one", "./other")) for name in ("there", "offline", "never")
    )
    there.cached(tmp_path).parent.mkdir(parents=True)
    there.cached(tmp_path).write_text("built before")
    download_ahead((there, GoProgram("first", module), offline, never), tmp_path, pytest.fail).join(30)
    assert log.read_text().splitlines() == [
        f"{module} list -e -deps .",
        f"{offline.module} list -e -deps ./one ./other",
    ]


# -- what a program is made of -----------------------------------------------------------------------------------------


@needs_go
@pytest.mark.slow
def test_required_modules_files_are_embedded_outside_the_sources(module: Path, tmp_path: Path) -> None:
    """The module is one of the standard library's own neighbours, on disk: nothing is downloaded."""
    required = sources(tmp_path / "required", "module example.com/required\n\ngo 1.21\n")
    (required / "main.go").write_text("package required\n")
    (required / "data").mkdir()
    (required / "data" / "schema.json").write_text('{"name": "fruit"}')
    (required / "run-me").write_text("#!/bin/sh\necho beside\n")
    (module / "go.mod").write_text(
        "module example.com/program\n\ngo 1.21\n\nrequire example.com/required v0.0.0\n\n"
        f"replace example.com/required => {required}\n"
    )
    (module / "main.go").write_text(
        'package main\n\nimport (\n\t_ "embed"\n\n\t_ "example.com/required"\n)\n\n'
        "//go:embed schema.json\nvar schema string\n\nfunc main() { print(schema) }\n"
    )
    program = GoProgram(
        "program",
        module,
        embedded=(
            ModuleFile(
                "example.com/required",
                "data/schema.json",
                lambda content: json.dumps({**json.loads(content), "version": "1"}).encode(),
            ),
        ),
        beside=(ModuleFile("example.com/required", "run-me"),),
    )
    built = ensure_program(program, tmp_path / "cache", quiet)
    said = subprocess.run([built], capture_output=True, text=True, check=True).stderr
    assert json.loads(said) == {"name": "fruit", "version": "1"}
    beside = subprocess.run([built.with_name("run-me")], capture_output=True, text=True, check=True)
    assert beside.stdout == "beside\n"
    assert sorted(path.name for path in built.parent.iterdir()) == ["program", "run-me"]
    assert sorted(path.name for path in module.iterdir()) == ["go.mod", "go.sum", "main.go"]


@needs_go
@pytest.mark.slow
def test_progress_counts_the_packages_that_go_really_compiles(
    module: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (module / "main.go").write_text('package main\n\nimport "fmt"\n\nfunc main() { fmt.Println() }\n')
    monkeypatch.setenv("GOCACHE", str(tmp_path / "gocache"))
    totals: list[int | None] = []
    for text in ("", "// another\n"):
        with (module / "main.go").open("a") as file:
            file.write(text)
        told: list[Progress] = []
        ensure_program(GoProgram("program", module), tmp_path, told.append)
        assert told[-1].done == told[-1].total
        totals.append(told[-1].total)
    first, second = totals
    assert first is not None
    assert first > 20, "nothing was compiled before, so all of fmt's packages are"
    assert second == 1


@pytest.mark.parametrize(
    ("cpu_seconds", "processors", "told"),
    [(0, 2, ""), (480, 2, " (once; about 4 min on 2 processors)"), (480, None, " (once; about 8 min on 1 processor)")],
)
def test_a_long_build_reports_its_expected_time(
    cpu_seconds: int, processors: int | None, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: processors)
    assert go_build.usually(cpu_seconds) == told


def test_pulumis_programs_lie_where_the_cli_finds_them() -> None:
    """The CLI looks for the language host beside itself, the host for the script beside itself."""
    names = {package.rpartition("/")[2] for package in PULUMI.packages} | {file.name for file in PULUMI.beside}
    assert names == {"pulumi", "pulumi-language-python", "pulumi-language-python-exec"}
    assert PULUMI.cached(Path("/c")).name == "pulumi"
    assert {file.name for file in KUBERNETES_PROVIDER.embedded} == {"schema.json", "terraform-mapping.json"}

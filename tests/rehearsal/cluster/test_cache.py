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

from rehearsal.cluster import oci_image, packages
from rehearsal.cluster.errors import ClusterError, Progress
from rehearsal.cluster.images import ensure_images
from rehearsal.cluster.oci_image import File, ImageConfig, Link
from rehearsal.cluster.packages import TOOLS, Tool, ensure_packages, missing_packages
from rehearsal.toolchain.programs import CLIENT, PAUSE


def quiet(_: Progress) -> None:
    pass


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
def test_images_are_built_once_and_equal_on_every_machine(cache: Path, tmp_path: Path) -> None:
    first = ensure_images(cache, quiet)
    times = {image.archive: Path(image.archive).stat().st_mtime_ns for image in first.values()}
    assert ensure_images(cache, quiet) == first
    assert {archive: Path(archive).stat().st_mtime_ns for archive in times} == times
    shutil.rmtree(cache / "images")
    assert ensure_images(cache, quiet) == first


@needs_busybox
def test_a_cache_copied_from_another_machine_is_used_unchanged(cache: Path, tmp_path: Path) -> None:
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
def test_an_archive_is_an_oci_layout_with_correct_digests(cache: Path) -> None:
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
def test_a_layer_does_not_depend_on_the_file_order(entries: Mapping[str, File | Link], random: object) -> None:
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


# -- the distribution's packages ----------------------------------------------------------------------------------------


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


def test_a_missing_tool_is_reported_with_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
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

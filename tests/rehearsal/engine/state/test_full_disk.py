"""A disk that fills up: nothing recorded is lost, what runs can still be recorded, and the error says what to do."""

from __future__ import annotations

import multiprocessing
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rehearsal.engine.state import (
    Backend,
    PassphraseSecrets,
    ResourceState,
    StateError,
    StateWriteError,
    UpdateRecord,
)

FORK = multiprocessing.get_context("fork")
DONE = UpdateRecord("update", ok=True)


def state(name: str, **fields: Any) -> ResourceState:
    return ResourceState(urn=f"urn:pulumi:dev::shop::t:t:t::{name}", type="t:t:t", **fields)


def fill(directory: Path) -> Path:
    """Use up all the space there is."""
    ballast = directory / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (65536, 4096, 512, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    return ballast


def on_a_small_disk(home: str) -> None:
    """Run by a process of its own in a mount namespace of its own, with a disk of 4 MB at ``home``."""
    secrets = PassphraseSecrets.create("pw", source="test")
    backend = Backend(Path(home) / "state")
    notices: list[str] = []
    session = backend.open("shop", "dev", secrets, notice=notices.append)
    session.end(session.begin("create", new=state("before")), new=state("before", id="before-1"))
    running = [session.begin("create", new=state(f"running{n}", inputs={"n": "x" * 1000})) for n in range(8)]
    ballast = fill(Path(home))

    # What is under way when the disk fills up is recorded all the same: its space was reserved when it began.
    outputs = {"managed": "y" * 4000}
    for number, token in enumerate(running):
        session.end(token, new=state(f"running{number}", id=f"running{number}-1", outputs=outputs))

    # Nothing new is begun once the space for its end cannot be reserved.
    begun = 0
    try:
        for begun in range(10_000):
            session.begin("create", new=state(f"more{begun}"))
    except StateWriteError as error:
        message = str(error)
        assert "No space left on device" in message, message
        assert "Free some space" in message, message
        assert "next step was not begun" in message, message
        assert error.unrecorded == ()
    else:
        raise AssertionError("steps are begun without space to record their end")

    checkpoint = backend.files("shop", "dev").checkpoint
    old = checkpoint.read_bytes()
    try:
        session.close(DONE)
    except StateWriteError as error:
        assert "Every step is safe in the journal" in str(error), str(error)
        assert error.unrecorded == ()
    else:
        raise AssertionError("a full disk went unnoticed")
    assert checkpoint.read_bytes() == old
    assert not list(backend.files("shop", "dev").directory.glob(".*")), "half a file was left"

    # Still full: the next run cannot start, and loses nothing either.
    try:
        backend.open("shop", "dev", secrets, notice=notices.append)
    except StateWriteError as error:
        assert "Free some space" in str(error), str(error)
    else:
        raise AssertionError("a full disk went unnoticed")
    assert len(backend.load("shop", "dev", secrets).resources) == 9

    ballast.unlink()
    session = backend.open("shop", "dev", secrets, notice=notices.append)
    found = {each.id: each.outputs for each in session.snapshot.resources}
    assert found == {"before-1": {}, **{f"running{n}-1": outputs for n in range(8)}}, found
    assert len(session.snapshot.pending_operations) == begun
    session.close(DONE)


@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None,
    reason="needs root and unshare to make a small disk of its own",
)
def test_a_disk_that_fills_up(tmp_path: Path) -> None:
    mount = f"mount -t tmpfs -o size=4m,mode=700 none {tmp_path} && exec {sys.executable} {__file__} {tmp_path}"
    done = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", mount],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def _limited(work: Callable[[], None], results: Any) -> None:
    try:
        work()
        results.put("")
    except BaseException as error:
        results.put(repr(error))


def in_a_child(work: Callable[[], None]) -> None:
    results = FORK.Queue()
    child = FORK.Process(target=_limited, args=(work, results))
    child.start()
    failure = results.get(timeout=30)
    child.join()
    assert failure == ""


def test_a_limit_on_file_sizes(backend: Backend, secrets: PassphraseSecrets) -> None:
    """Even an end that is larger than the space reserved for it: the error names what is not recorded, and close saves it."""

    def work() -> None:
        session = backend.open("shop", "dev", secrets, notice=lambda text: None)
        token = session.begin("create", new=state("large"))
        size = backend.files("shop", "dev").journal.stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        with pytest.raises(StateWriteError, match="ulimit -f") as caught:
            session.end(token, new=state("large", id="large-1", outputs={"x": "y" * size}))
        assert caught.value.unrecorded == ((state("large").urn, "large-1"),)
        assert "large id large-1" in str(caught.value)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        small = session.begin("create", new=state("small"))
        session.end(small, new=state("small", id="small-1"))
        session.close(DONE)

    in_a_child(work)
    assert {each.id for each in backend.load("shop", "dev", secrets).resources} == {"large-1", "small-1"}


def test_a_file_where_the_backend_should_be(backend: Backend, secrets: PassphraseSecrets) -> None:
    backend.root.write_text("a file stands where the directory should")
    with pytest.raises(StateError, match=r"Not a directory.*Nothing was changed"):
        backend.open("shop", "dev", secrets, notice=lambda text: None)


if __name__ == "__main__":
    on_a_small_disk(sys.argv[1])

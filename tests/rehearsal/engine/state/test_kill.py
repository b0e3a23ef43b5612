"""SIGKILL at every moment: between any two calls that change a file, in the middle of a write, at any byte of a record."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rehearsal.engine.properties import secret
from rehearsal.engine.state import Backend, PassphraseSecrets, ResourceState, UpdateRecord, session
from rehearsal.engine.state.deployment import problem

pytestmark = pytest.mark.slow

FORK = multiprocessing.get_context("fork")
DONE = UpdateRecord("update", ok=True)
CANARY = "c4n4ry-1n-th3-j0urn4l"


def state(name: str, **fields: Any) -> ResourceState:
    return ResourceState(urn=f"urn:pulumi:dev::shop::t:t:t::{name}", type="t:t:t", **fields)


def an_update(backend: Backend, secrets: PassphraseSecrets, tell: Callable[[str], None]) -> None:
    """Every kind of step; ``tell`` is called with what is promised when a call has returned."""
    held = backend.open("shop", "dev", secrets, notice=lambda text: None)
    by_name = {each.urn.rsplit("::")[-1]: each for each in held.resources() if not each.delete}

    def create(name: str, op: str = "create", old: ResourceState | None = None) -> ResourceState:
        new = state(name, inputs={"p": secret(CANARY)})
        token = held.begin(op, new=new, old=old)
        tell(f"begun {name}")
        made = replace(new, id=f"{name}-2" if old else f"{name}-1")
        held.end(token, new=made)
        tell(f"has {name} {made.id}")
        return made

    if "old" in by_name:
        held.end(held.begin("delete", old=by_name["old"]))
        tell("gone old")
    one = create("one") if "one" not in by_name else by_name["one"]
    held.checkpoint()
    if one.id == "one-1":
        create("one", "create-replacement", one)
    held.abandon(held.begin("create", new=state("failed")))
    if "two" not in by_name:
        create("two")
    held.close(DONE)
    tell("closed")


def _child(backend: Backend, secrets: PassphraseSecrets, fatal: int, half: bool, pipe: Any) -> None:
    """Do the update, and die at the ``fatal``-th call that changes a file (with ``half``: after half of a write)."""
    session.CHECKPOINT_SHARE = 1.0  # the checkpoint is rewritten in between as well
    calls = 0

    def deadly(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == fatal:
                if half and function is pwrite:
                    descriptor, data, offset = arguments
                    pwrite(descriptor, bytes(data)[: len(data) // 2], offset)
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **options)

        return call

    pwrite = os.pwrite
    for module, names in (
        (os, ("pwrite", "fsync", "posix_fallocate", "replace", "link", "rename", "unlink", "mkdir", "write", "open")),
        (Path, ("replace", "rename", "unlink", "hardlink_to", "mkdir")),
    ):
        for name in names:
            setattr(module, name, deadly(getattr(module, name)))
    send = pwrite  # keeps a reference, so that the report below is not counted
    del send
    an_update(backend, secrets, lambda text: pipe.send_bytes(text.encode()))
    os._exit(0)


def _run(backend: Backend, secrets: PassphraseSecrets, fatal: int, half: bool) -> tuple[list[str], bool]:
    receiving, sending = FORK.Pipe(duplex=False)
    child = FORK.Process(target=_child, args=(backend, secrets, fatal, half, sending))
    child.start()
    sending.close()
    told: list[str] = []
    with contextlib.suppress(EOFError):
        while True:
            told.append(receiving.recv_bytes().decode())
    child.join()
    return told, child.exitcode == -signal.SIGKILL


@pytest.fixture
def before(backend: Backend, secrets: PassphraseSecrets, tmp_path: Path) -> Path:
    """A backend whose stack holds the resource ``old``."""
    held = backend.open("shop", "dev", secrets, notice=lambda text: None)
    held.end(held.begin("create", new=state("old", id="old-1")))
    held.close(DONE)
    shutil.copytree(backend.root, tmp_path / "before")
    return tmp_path / "before"


def _again(backend: Backend, before: Path) -> None:
    shutil.rmtree(backend.root)
    shutil.copytree(before, backend.root)


@pytest.mark.slow
@pytest.mark.parametrize("half", [False, True], ids=["between", "in a write"])
def test_killed_at_every_call_that_changes_a_file(
    half: bool, backend: Backend, secrets: PassphraseSecrets, before: Path
) -> None:
    deaths = 0
    for fatal in range(1, 1000):
        _again(backend, before)
        told, killed = _run(backend, secrets, fatal, half)
        if not killed:
            break
        deaths += 1
        _check_promises(backend, secrets, told)
        an_update(backend, secrets, lambda text: None)
        _check_converged(backend, secrets)
    assert deaths > 40
    assert "closed" in told


def _check_promises(backend: Backend, secrets: PassphraseSecrets, told: list[str]) -> None:
    snapshot = backend.load("shop", "dev", secrets)
    assert problem(snapshot.resources) is None
    ids = {each.id for each in snapshot.resources}
    pending = {each.resource.urn.rsplit("::")[-1] for each in snapshot.pending_operations}
    begun: set[str] = set()
    for line in told:
        promise, _, rest = line.partition(" ")
        if promise == "begun":
            begun.add(rest)
        elif promise == "has":
            name, identifier = rest.split()
            begun.discard(name)
            assert identifier in ids
        elif promise == "gone":
            assert "old-1" not in ids
    for name in begun:  # its end was not confirmed: it is pending, or its end was just written
        assert name in pending or any(each.startswith(f"{name}-") for each in ids)
    for path in backend.root.rglob("*"):
        assert path.is_dir() or CANARY.encode() not in path.read_bytes()


def _check_converged(backend: Backend, secrets: PassphraseSecrets) -> None:
    snapshot = backend.load("shop", "dev", secrets)
    live = sorted(each.id for each in snapshot.resources if not each.delete)
    assert live == ["one-2", "two-1"]
    files = backend.files("shop", "dev")
    assert sorted(path.name for path in files.directory.iterdir()) == ["dev.json", "dev.json.bak"]
    assert not list(files.locks.glob("*.json"))


def test_cut_off_at_every_byte_of_the_last_record(backend: Backend, secrets: PassphraseSecrets, before: Path) -> None:
    """However much of the last record reached the file, all before it counts, and it counts only as a whole."""
    held = backend.open("shop", "dev", secrets, notice=lambda text: None)
    token = held.begin("create", new=state("one", inputs={"p": secret(CANARY)}))
    files = backend.files("shop", "dev")
    length = len(files.journal.read_bytes().rstrip(b"\0"))
    held.end(token, new=state("one", id="one-1"))
    whole = files.journal.read_bytes()
    end = len(whole.rstrip(b"\0"))
    held._journal.close()  # pyright: ignore[reportPrivateUsage]
    for cut in range(length, end + 1):
        for rest in (b"", b"\0" * (len(whole) - cut)):
            files.journal.write_bytes(whole[:cut] + rest)
            snapshot = backend.load("shop", "dev", secrets)
            complete = cut == end
            assert {each.id for each in snapshot.resources} == ({"old-1", "one-1"} if complete else {"old-1"})
            assert len(snapshot.pending_operations) == (0 if complete else 1)


def _journal(backend: Backend) -> Iterator[bytes]:
    for line in backend.files("shop", "dev").journal.read_bytes().split(b"\n"):
        if line.strip(b"\0"):
            yield line


def test_a_gap_that_the_death_of_a_machine_leaves(
    backend: Backend, secrets: PassphraseSecrets, notices: list[str]
) -> None:
    """The disk may have kept a later record and not an earlier one: what is there is used, and the user is told."""
    held = backend.open("shop", "dev", secrets, notice=notices.append)
    for name in ("one", "two", "three"):
        held.end(held.begin("create", new=state(name)), new=state(name, id=f"{name}-1"))
    held._journal.close()  # pyright: ignore[reportPrivateUsage]
    held._lock.release()  # pyright: ignore[reportPrivateUsage]
    lines = list(_journal(backend))
    damaged = next(index for index, line in enumerate(lines) if b'"id":"two-1"' in line)
    lines[damaged] = b"\0" * len(lines[damaged])
    backend.files("shop", "dev").journal.write_bytes(b"\n".join(lines) + b"\n")
    held = backend.open("shop", "dev", secrets, notice=notices.append)
    assert {each.id for each in held.snapshot.resources} == {"one-1", "three-1"}
    assert [each.resource.urn.rsplit("::")[-1] for each in held.snapshot.pending_operations] == ["two"]
    assert "unreadable places" in notices[-1]
    assert "refresh" in notices[-1]
    held.close(DONE)


def test_what_was_taken_over_is_told(backend: Backend, secrets: PassphraseSecrets, notices: list[str]) -> None:
    held = backend.open("shop", "dev", secrets, notice=notices.append)
    held.end(held.begin("create", new=state("one")), new=state("one", id="one-1"))
    held.begin("create", new=state("two"))
    held._journal.close()  # pyright: ignore[reportPrivateUsage]
    held._lock.release()  # pyright: ignore[reportPrivateUsage]
    header = json.loads(next(_journal(backend)).split(b" ", 1)[1])
    assert header["pid"] == os.getpid()
    backend.open("shop", "dev", secrets, notice=notices.append).close(DONE)
    [notice] = notices
    assert f"process {os.getpid()}" in notice
    assert "1 recorded steps" in notice
    assert "1 operation has an unknown outcome" in notice

"""Finding a backend, its layout, and who may work on a stack."""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rehearsal.engine.state import (
    Backend,
    JournalMismatchError,
    PassphraseSecrets,
    ResourceState,
    Session,
    StackLockedError,
    StateError,
    UpdateRecord,
)

Start = Callable[[], Session]
Make = Callable[..., ResourceState]
DONE = UpdateRecord("update", ok=True)
FORK = multiprocessing.get_context("fork")


def find(environ: dict[str, str], url: str = "", root: Path = Path("/project")) -> Path:
    return Backend.find(url, home=Path("/home/me/.rehearsal"), project_root=root, environ=environ).root


def test_where_the_backend_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/you")
    assert find({}) == Path("/home/me/.rehearsal/state")
    assert find({}, "file://./here") == Path("/project/here")
    assert find({"PULUMI_BACKEND_URL": "file:///a/b%20c?x=1"}, "file://./here") == Path("/a/b c")
    assert find({"PULUMI_BACKEND_URL": "file://~/state"}) == Path("/home/you/state")
    assert find({"PULUMI_BACKEND_URL": "file://sub"}) == tmp_path / "sub"


@pytest.mark.parametrize("url", ["s3://bucket", "https://api.pulumi.com", "/a/path"])
def test_other_backends_are_refused(url: str) -> None:
    with pytest.raises(StateError, match=r"PULUMI_BACKEND_URL names the backend .*PULUMI_BACKEND_URL=file://"):
        find({"PULUMI_BACKEND_URL": url})


def test_a_new_backend_is_one_the_cli_knows(start: Start, backend: Backend, pulumi: Any) -> None:
    assert backend.stacks() == []
    session = start()
    assert (backend.root / ".pulumi" / "meta.yaml").read_text() == "version: 1\n"
    written = json.loads((backend.root / ".pulumi/stacks/shop/dev.json").read_bytes())
    assert written["checkpoint"]["stack"] == "organization/shop/dev"
    pulumi.ask("checkpoint", checkpoint=written)
    session.close(DONE)
    [summary] = backend.stacks()
    assert (summary.project, summary.stack, summary.unfinished) == ("shop", "dev", False)
    assert backend.stacks("other") == []
    assert [path.name for path in (backend.root / ".pulumi/stacks/shop").iterdir()] == ["dev.json"]


@pytest.mark.parametrize("name", ["", "..", "a/b", "a b", "x" * 101, "ü"])
def test_names_that_are_no_file_names(name: str, backend: Backend) -> None:
    with pytest.raises(StateError, match="cannot be the name of a stack"):
        backend.files("shop", name)


def test_other_layouts_are_refused(start: Start, backend: Backend, secrets: PassphraseSecrets) -> None:
    stacks = backend.root / ".pulumi" / "stacks"
    stacks.mkdir(parents=True)
    (stacks / "dev.json").write_text("{}")
    with pytest.raises(StateError, match=r"layout 0.*pulumi state upgrade"):
        start()
    meta = backend.root / ".pulumi" / "meta.yaml"
    meta.write_text("version: 2\n")
    with pytest.raises(StateError, match="layout 2"):
        backend.load("shop", "dev", secrets)
    meta.write_text("nonsense")
    with pytest.raises(StateError, match=r"meta\.yaml should say"):
        start()


def test_compressed_state_is_refused(start: Start, backend: Backend) -> None:
    files = backend.files("shop", "dev")
    files.directory.mkdir(parents=True)
    (files.directory / "dev.json.gz").write_bytes(b"x")
    with pytest.raises(StateError, match="compressed"):
        start()
    assert not list(files.locks.glob("*"))


def test_looking_takes_no_lock(start: Start, backend: Backend, secrets: PassphraseSecrets, make: Make) -> None:
    assert backend.load("shop", "dev", secrets).resources == []
    assert not backend.root.exists()
    session = start()
    session.end(session.begin("create", new=make("a")))
    assert len(backend.load("shop", "dev", secrets).resources) == 1
    session.close(DONE)
    assert len(backend.load("shop", "dev", secrets).resources) == 1


def test_a_second_update_is_told_who_is_at_work(start: Start, backend: Backend, notices: list[str]) -> None:
    session = start()
    with pytest.raises(StackLockedError) as caught:
        start()
    message = str(caught.value)
    [lock] = backend.files("shop", "dev").locks.glob("*.json")
    for part in (f"process {os.getpid()} ", socket.gethostname(), str(lock), "since 20", "pulumi cancel"):
        assert part in message
    content = json.loads(lock.read_bytes())
    assert set(content) == {"pid", "username", "hostname", "timestamp"}
    session.close(DONE)
    start().discard()
    assert notices == []


def write_lock(backend: Backend, **content: Any) -> Path:
    files = backend.files("shop", "dev")
    files.locks.mkdir(parents=True, exist_ok=True)
    path = files.locks / "7a9f.json"
    defaults = {
        "pid": 1,
        "username": "me",
        "hostname": socket.gethostname(),
        "timestamp": "2026-01-02T03:04:05.123456789+01:00",
    }
    path.write_text(json.dumps({**defaults, **content}))
    return path


def dead_process() -> int:
    child = FORK.Process(target=int)
    child.start()
    child.join()
    assert child.pid is not None
    return child.pid


def test_the_lock_of_a_dead_process_is_taken_over(start: Start, backend: Backend, notices: list[str]) -> None:
    pid = dead_process()
    path = write_lock(backend, pid=pid)
    start().close(DONE)
    assert not path.exists()
    [notice] = notices
    assert f"process {pid} of me" in notice


def test_a_number_that_another_process_has_now_is_no_holder(start: Start, backend: Backend, notices: list[str]) -> None:
    write_lock(backend, pid=os.getpid(), timestamp="2001-01-01T00:00:00Z")
    start().close(DONE)
    assert len(notices) == 1


@pytest.mark.parametrize("content", [{"hostname": "elsewhere", "pid": 4194305}, {"pid": "?"}, {"pid": os.getpid()}])
def test_a_lock_that_may_be_held_is_respected(content: dict[str, Any], start: Start, backend: Backend) -> None:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 60))
    path = write_lock(backend, **{"timestamp": now, **content})
    with pytest.raises(StackLockedError, match=r"7a9f\.json"):
        start()
    assert path.exists()
    assert [text.split(",")[0][-5:] for text in backend.break_locks("shop", "dev")]
    start().close(DONE)


def test_a_lock_held_from_another_pid_namespace_is_respected(start: Start, backend: Backend) -> None:
    """There a pid says nothing; the kernel's lock on the file does."""
    path = write_lock(backend, pid=dead_process())
    with path.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(StackLockedError):
            start()


def _race(backend: Backend, secrets: PassphraseSecrets, gate: Any, results: Any) -> None:
    gate.wait()
    try:
        session = backend.open("shop", "dev", secrets, notice=lambda text: None)
    except StackLockedError:
        results.put("locked")
        return
    results.put("open")
    time.sleep(0.3)
    session.close(DONE)
    results.put("closed")


def test_of_many_at_once_at_most_one_works(backend: Backend, secrets: PassphraseSecrets, start: Start) -> None:
    start().close(DONE)
    gate, results = FORK.Barrier(6), FORK.Queue()
    racers = [FORK.Process(target=_race, args=(backend, secrets, gate, results)) for _ in range(6)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(30)
    log = [results.get(timeout=5) for _ in range(6)]
    while not results.empty():
        log.append(results.get())
    holders = 0
    for entry in log:
        holders += {"open": 1, "closed": -1}.get(entry, 0)
        assert holders <= 1
    assert "open" in log
    start().close(DONE)


def test_a_journal_of_another_checkpoint_is_not_used(
    start: Start, backend: Backend, make: Make, secrets: PassphraseSecrets
) -> None:
    """The CLI went on after ``pulumi cancel``: its checkpoint does not hold what the journal does."""
    session = start()
    session.end(session.begin("create", new=make("a", id="i-77")))
    files = backend.files("shop", "dev")
    other = files.checkpoint.read_bytes().replace(b'"time":"20', b'"time":"19', 1)
    journal = files.journal.read_bytes()
    backend.break_locks("shop", "dev")
    session._journal.close()  # pyright: ignore[reportPrivateUsage]
    files.checkpoint.write_bytes(other)
    for look in (start, lambda: backend.load("shop", "dev", secrets)):
        with pytest.raises(JournalMismatchError, match=r"::a id i-77[\s\S]*delete the journal"):
            look()
    assert (files.checkpoint.read_bytes(), files.journal.read_bytes()) == (other, journal)


def test_removing_a_stack(start: Start, backend: Backend, notices: list[str]) -> None:
    session = start()
    with pytest.raises(StackLockedError):
        backend.remove("shop", "dev", notice=notices.append)
    session.close(DONE)
    backend.remove("shop", "dev", notice=notices.append)
    assert backend.stacks() == []
    assert not backend.exists("shop", "dev")
    assert start().snapshot.resources == []

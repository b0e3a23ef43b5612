"""Files that others read and locks that others wait for, with processes that are killed in the middle."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rehearsal.cluster.errors import ClusterError
from rehearsal.cluster.paths import INSIDE, NodeDirectory, cache_directory, write_atomically
from rehearsal.toolchain.lock import exclusive

ROOT = Path(__file__).parents[3]


@contextmanager
def program(text: str, *arguments: Path) -> Iterator[subprocess.Popen[str]]:
    """A Python program, after it has said its first line; killed at the end."""
    command = [sys.executable, "-c", text, *map(str, arguments)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        yield process
        process.kill()


def test_readers_see_a_whole_file_when_writers_are_killed(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    writes = (
        "import sys, pathlib\n"
        "from rehearsal.cluster.paths import write_atomically\n"
        "file = pathlib.Path(sys.argv[1])\n"
        "write_atomically(file, 'a' * 300_000)\n"
        "print('go', flush=True)\n"
        "while True:\n"
        "    for letter in 'ba':\n"
        "        write_atomically(file, letter * 300_000)\n"
    )
    contents = {letter * 300_000 for letter in (b"a", b"b")}
    for _ in range(5):
        seen: set[bytes] = set()
        with program(writes, file) as process:
            while seen != contents:
                seen.add(file.read_bytes())
                assert seen <= contents
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert file.read_bytes() in contents


def test_a_failed_write_leaves_only_the_old_content(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    file = tmp_path / "file"
    write_atomically(file, "old")
    with pytest.raises(OSError, match="directory"):
        write_atomically(tmp_path / "taken", "content")
    assert file.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "taken"]


def test_an_unchanged_file_stays_but_its_mode_is_corrected(tmp_path: Path) -> None:
    """A registry reads its password file again when its time changes."""
    file = tmp_path / "new" / "htpasswd"
    assert write_atomically(file, "a")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    before = file.stat()
    assert not write_atomically(file, b"a")
    assert file.stat().st_ino == before.st_ino
    assert write_atomically(file, "a", 0o644)
    assert stat.S_IMODE(file.stat().st_mode) == 0o644


def test_a_lock_is_free_once_its_holder_is_killed(tmp_path: Path) -> None:
    """Also where the holder has started a process that lives on, as every start of a node does."""
    lock = tmp_path / "locks" / "node.lock"
    holds = (
        "import subprocess, sys, time, pathlib\n"
        "from rehearsal.toolchain.lock import exclusive\n"
        "with exclusive(pathlib.Path(sys.argv[1])):\n"
        "    child = subprocess.Popen(['sleep', '60'])\n"
        "    pathlib.Path(sys.argv[2]).write_text(str(child.pid))\n"
        "    print('held', flush=True)\n"
        "    time.sleep(60)\n"
    )
    waited: list[float] = []
    with program(holds, lock, tmp_path / "pid") as holder:
        child = int((tmp_path / "pid").read_text())
        try:

            def waiting(seconds: float) -> None:
                waited.append(seconds)
                holder.kill()

            with exclusive(lock, waiting):
                assert holder.wait() == -signal.SIGKILL
        finally:
            os.kill(child, signal.SIGKILL)
    assert waited
    assert waited == sorted(waited)
    assert lock.is_file(), "removed, it would let another process lock a new file of that name"


def test_threads_of_one_process_hold_a_lock_in_turn(tmp_path: Path) -> None:
    inside: list[str] = []

    def work(name: str) -> None:
        with exclusive(tmp_path / "lock"):
            inside.append(name)
            time.sleep(0.01)
            inside.append(name)

    threads = [threading.Thread(target=work, args=(str(number),)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert inside[::2] == inside[1::2]


def test_the_cache_is_where_configured_and_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REHEARSAL_CACHE", str(tmp_path / "cache"))
    assert cache_directory() == tmp_path / "cache"
    assert stat.S_IMODE((tmp_path / "cache").stat().st_mode) == 0o700


def test_a_cache_that_cannot_be_created_shows_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REHEARSAL_CACHE", "/proc/nowhere/cache")
    with pytest.raises(ClusterError, match=r"/proc/nowhere/cache.*cannot be made") as caught:
        cache_directory()
    assert "REHEARSAL_CACHE" in caught.value.remedy


def test_a_node_lies_in_its_home_with_short_names(tmp_path: Path) -> None:
    """The kernel limits a Unix socket's name to 108 bytes, however long the home's is."""
    home = tmp_path / ("x" * 120)
    node = NodeDirectory.of(home)
    node.create()
    assert {stat.S_IMODE(path.stat().st_mode) for path in (node.root, *node.root.iterdir())} == {0o700}
    assert node.inside(node.pki / "ca.crt") == f"{INSIDE}/pki/ca.crt"
    assert not node.lock.is_relative_to(node.root), "which is removed under the lock"
    with pytest.raises(ValueError, match="not in the subpath"):
        node.inside(home / "elsewhere")

"""SIGKILL of the engine, the provider or the program with the real provider: the next ``up`` converges, nothing twice.

Every record boundary of the engine is met in ``tests/rehearsal/engine/test_kill.py``; here the cluster is real.
"""

from __future__ import annotations

import os
import signal
import subprocess

import kr8s
import psutil
import pytest

from tests.end_to_end.conftest import Project

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


def kill_when(process: subprocess.Popen[str], words: str, victim: str) -> None:
    """Kills the engine, or its child whose command line has ``victim`` in it, when a line with ``words`` is printed."""
    assert process.stdout is not None
    for line in process.stdout:
        if words in line:
            break
    else:
        raise AssertionError(f"no line had {words!r} in it")
    if victim == "engine":
        os.kill(process.pid, signal.SIGKILL)
    else:
        children = psutil.Process(process.pid).children(recursive=True)
        (found,) = [child for child in children if victim in " ".join(child.cmdline())][:1]
        found.kill()
    process.communicate(timeout=60)


@pytest.mark.parametrize(
    ("words", "victim"),
    [
        ("orders Namespace created", "engine"),
        ("orders-pull-secret Secret", "engine"),
        ("orders-proof ConfigMap", "engine"),
        ("orders-push Job", "engine"),
        ("orders Namespace created", "rehearsal.providers.kubernetes"),
        ("orders-proof ConfigMap", "rehearsal.providers.kubernetes"),
        ("orders-proof ConfigMap", "run_program.py"),
    ],
)
def test_the_next_up_converges(project: Project, api: kr8s.Api, words: str, victim: str) -> None:
    process = project.start("up", "--yes")
    kill_when(process, words, victim)
    assert process.returncode != 0
    done = project.up()
    assert done["pushed"][0]["digest"]
    jobs = [job.name for job in kr8s.get("jobs", namespace="orders", api=api)]
    assert sorted(name.rsplit("-", 1)[0] for name in jobs) == ["orders-pull", "orders-push"], "something exists twice"
    maps = [item.name for item in kr8s.get("configmaps", namespace="orders", api=api) if "proof" in item.name]
    assert len(maps) == 1, maps
    assert not project.state().get("pending_operations")
    assert set(project.up()["changes"]) == {"same"}

"""For all tests: one real cluster for the session (the rehearsal's own, started by the first test that asks for it), and no
time limits for properties."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from rehearsal.cluster import Cluster

ROOT = Path(__file__).parents[1]
REHEARSE = Path(sys.executable).with_name("rehearse")
STACKS = sorted(["local", *(path.name.split(".")[1] for path in (ROOT / "stacks").glob("Pulumi.example-*.yaml"))])
"""The project's own stacks; whoever works here may have stack files beside them."""

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


LONG = (
    "end_to_end/test_all_stacks.py",
    "end_to_end/test_prove_all.py",
    "end_to_end/test_no_hang.py",
    "rehearsal/access_matrix/test_broken_stacks.py",
    "end_to_end/test_faults.py",
    "rehearsal/emulators/openshift/test_stacks_cluster.py",
    "rehearsal/access_matrix/test_google_cluster.py",
    "rehearsal/access_matrix/test_azure_cluster.py",
    "end_to_end/test_mirror_faults.py",
    "end_to_end/test_bad_input.py",
)
"""Files that take a minute and more, begun first: a worker runs whole files, and a long one begun last keeps all waiting."""


def _place(item: pytest.Item) -> int:
    name = item.path.relative_to(Path(__file__).parent).as_posix()
    return LONG.index(name) if name in LONG else len(LONG)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first."""
    items.sort(key=_place)


@pytest.fixture(scope="session")
def home() -> Iterator[Path]:
    """The sandbox home of the session, ended with it; ``$REHEARSAL_HOME`` is used where it is set, and left running. Each of
    several workers has one of its own."""
    if (given := os.environ.get("REHEARSAL_HOME")) and "PYTEST_XDIST_WORKER" not in os.environ:
        yield Path(given)
        return
    # Short, because the names of Unix sockets are.
    directory = Path(tempfile.mkdtemp(prefix="rh-", dir="/tmp"))
    yield directory
    subprocess.run(
        [str(REHEARSE), "down", "--purge", "--yes", "--cwd", str(ROOT)],
        env={**os.environ, "REHEARSAL_HOME": str(directory)},
        check=True,
    )
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def cluster(home: Path) -> Cluster:
    """The cluster of that home, which runs pods."""
    # Here, because quick tests need nothing of it.
    from rehearsal.cluster import open_cluster

    return open_cluster(home)


@pytest.fixture(scope="session")
def kubeconfig(cluster: Cluster) -> Path:
    """Path of its kubeconfig, whose current context is an administrator's."""
    return cluster.kubeconfig

"""The provider as a process, unconfigured or configured for the session's cluster, and another client's view of that cluster."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from anyio.from_thread import start_blocking_portal

from rehearsal.cluster import Cluster
from rehearsal.registry import RegistrySpec
from tests.rehearsal.providers.api_server import ApiServer, new_namespace
from tests.rehearsal.providers.driver import Plugin


@pytest.fixture
def plugin_without_cluster(tmp_path: Path) -> Iterator[Plugin]:
    """A plugin for which no cluster is configured at all."""
    plugin = Plugin({"KUBECONFIG": str(tmp_path / "missing"), "HOME": str(tmp_path)})
    yield plugin
    plugin.close()


@pytest.fixture(scope="session")
def process(kubeconfig: Path) -> Iterator[Plugin]:
    """A plugin configured for the cluster, for all tests: an engine uses one process for a whole update too."""
    plugin = Plugin({"KUBECONFIG": str(kubeconfig)})
    plugin.configure()
    yield plugin
    plugin.close()


@pytest.fixture
def plugin(process: Plugin) -> Plugin:
    """That plugin, with nothing said yet."""
    process.engine.messages.clear()
    return process


@pytest.fixture(scope="module")
def background(kubeconfig: Path) -> Iterator[Plugin]:
    """A process for what runs beside a module's tests, so that what it says is not taken for theirs."""
    plugin = Plugin({"KUBECONFIG": str(kubeconfig)})
    plugin.configure()
    yield plugin
    plugin.close()


@pytest.fixture
def own_plugin(kubeconfig: Path) -> Iterator[Plugin]:
    """A process of the test's own, to be configured or cancelled."""
    plugin = Plugin({"KUBECONFIG": str(kubeconfig)})
    plugin.configure()
    yield plugin
    plugin.close()


@pytest.fixture(scope="session")
def api_server(kubeconfig: Path) -> Iterator[ApiServer]:
    with start_blocking_portal() as portal:
        yield ApiServer(str(kubeconfig), portal)


@pytest.fixture
def namespace(api_server: ApiServer) -> Iterator[str]:
    """A namespace of the test's own."""
    with new_namespace(api_server) as name:
        yield name


@pytest.fixture(scope="session")
def image(cluster: Cluster) -> str:
    """The client image of the builder Job: it is on the node, and holds busybox."""
    return cluster.registry(RegistrySpec("providers.example.test:5002", "localhost:32002")).client_image

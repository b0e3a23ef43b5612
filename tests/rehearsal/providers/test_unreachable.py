"""An API server that cannot be used: no kubeconfig, nobody there, gone for a while, credentials that it refuses."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from tests.rehearsal.providers.api_server import config_map, config_maps
from tests.rehearsal.providers.driver import Plugin, Result, refused

pytestmark = pytest.mark.slow

CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
OLD = Result("there/old", {"metadata": {"name": "old", "namespace": "there", "uid": "u"}}, config_map("there", "old"))


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port on which nobody listens, and nobody else will."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield reserved.getsockname()[1]


@pytest.fixture
def nobody(plugin_without_cluster: Plugin, closed_port: int) -> tuple[Plugin, dict[str, Any]]:
    """A plugin, and settings of a cluster that does not answer."""
    document = {
        "current-context": "gone",
        "contexts": [{"name": "gone", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": f"https://127.0.0.1:{closed_port}"}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
    }
    return plugin_without_cluster, {"kubeconfig": yaml.safe_dump(document)}


def test_without_any_kubeconfig_the_error_says_where_it_was_looked_for(plugin_without_cluster: Plugin) -> None:
    plugin_without_cluster.configure()
    error = refused(lambda: plugin_without_cluster.create(CONFIG_MAP, config_map("n", "x")))
    assert "missing" in error.message and "KUBECONFIG" in error.message and error.partial is None


@pytest.mark.slow
def test_nobody_there_is_told_with_server_context_and_remedy(nobody: tuple[Plugin, dict[str, Any]]) -> None:
    plugin, settings = nobody
    plugin.configure(**settings)
    for call in (
        lambda: plugin.create(CONFIG_MAP, config_map("n", "x")),
        lambda: plugin.update(CONFIG_MAP, OLD, config_map("there", "old", a="2")),
    ):
        error = refused(call)
        for word in ("https://127.0.0.1:", "'gone'", "cannot be reached", "kubectl --context gone version"):
            assert word in error.message
        assert error.partial is None, "nothing was made"


@pytest.mark.slow
def test_a_preview_without_the_cluster_shows_the_inputs_and_warns_once(nobody: tuple[Plugin, dict[str, Any]]) -> None:
    plugin, settings = nobody
    plugin.configure(**settings)
    for name in ("x", "y"):
        shown = plugin.create(CONFIG_MAP, config_map("n", name, a="1"), preview=True)
        assert shown.state["data"] == {"a": "1"}
    [warning] = plugin.engine.texts(ephemeral=False)
    assert "inputs only" in warning


@pytest.mark.slow
def test_a_lost_cluster_is_dropped_from_the_state_only_on_request(nobody: tuple[Plugin, dict[str, Any]]) -> None:
    """A refresh in the minute of an upgrade must not empty the state, and the next up make everything anew."""
    plugin, settings = nobody
    plugin.configure(**settings)
    for error in (
        refused(lambda: plugin.read(CONFIG_MAP, OLD.id, OLD)),
        refused(lambda: plugin.delete(CONFIG_MAP, OLD)),
    ):
        assert "PULUMI_K8S_DELETE_UNREACHABLE=true" in error.message
    plugin.configure(**settings, deleteUnreachable=True)
    assert plugin.read(CONFIG_MAP, OLD.id, OLD).id == ""
    plugin.delete(CONFIG_MAP, OLD)
    assert any("dropped from the state" in text for text in plugin.engine.texts(ephemeral=False))


@pytest.mark.slow
def test_what_cannot_be_reached_is_left_as_it_is_on_request(nobody: tuple[Plugin, dict[str, Any]]) -> None:
    plugin, settings = nobody
    plugin.configure(**settings, skipUpdateUnreachable=True)
    kept = plugin.read(CONFIG_MAP, OLD.id, OLD)
    assert (kept.id, kept.inputs) == (OLD.id, OLD.inputs)
    assert plugin.checked(CONFIG_MAP, config_map("there", "old", a="2"), OLD.inputs) == OLD.inputs
    assert any("left as it is" in text for text in plugin.engine.texts(ephemeral=False))


class Link:
    """The way to the API server: passes bytes on while it is up, and drops every connection when it goes down."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._open: list[socket.socket] = []
        self._server: socket.socket | None = None
        self.port = 0

    def up(self) -> None:
        self._server = socket.create_server(("127.0.0.1", self.port), reuse_port=True)
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._server,), daemon=True).start()

    def down(self) -> int:
        """Cut it; returns how many connections were cut."""
        cut = len(self._open) // 2
        for connection in (self._server, *self._open):
            if connection is not None:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
                connection.close()
        self._server, self._open = None, []
        return cut

    def _accept(self, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = server.accept()
                far = socket.create_connection(self._target)
                self._open += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._pass, args=(source, sink), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)


@pytest.fixture
def linked(kubeconfig: Path, plugin_without_cluster: Plugin) -> Iterator[tuple[Plugin, Link, dict[str, Any]]]:
    """A plugin that reaches the real API server over a link, and the kubeconfig it was given."""
    document = yaml.safe_load(kubeconfig.read_text())
    [entry] = document["clusters"]
    address = urlsplit(entry["cluster"]["server"])
    assert address.hostname is not None and address.port is not None
    link = Link(address.hostname, address.port)
    link.up()
    entry["cluster"] |= {"server": f"https://127.0.0.1:{link.port}", "tls-server-name": address.hostname}
    plugin_without_cluster.configure(kubeconfig=yaml.safe_dump(document))
    yield plugin_without_cluster, link, document
    link.down()


@pytest.mark.cluster
def test_an_api_server_that_restarts_is_waited_for(
    linked: tuple[Plugin, Link, dict[str, Any]], api_server: Any, namespace: str
) -> None:
    plugin, link, _ = linked
    made = plugin.create(CONFIG_MAP, config_map(namespace, "x", a="1"))
    link.down()
    back = threading.Timer(3, link.up)
    back.start()
    plugin.update(CONFIG_MAP, made, config_map(namespace, "x", a="2"))
    back.join()
    assert api_server.get(config_maps(namespace, "x"))["data"] == {"a": "2"}


@pytest.mark.cluster
def test_a_wait_survives_a_cut_watch(
    linked: tuple[Plugin, Link, dict[str, Any]], api_server: Any, namespace: str, image: str
) -> None:
    """The watch of a build of ten minutes is cut by every load balancer between here and the API server."""
    plugin, link, _ = linked
    container = {"name": "c", "image": image, "command": ["/busybox/sh", "-c", "sleep 6; exit 5"]}
    pod = {"restartPolicy": "Never", "containers": [container | {"imagePullPolicy": "IfNotPresent"}]}
    inputs = {
        "metadata": {"name": "j", "namespace": namespace},
        "spec": {"backoffLimit": 0, "template": {"spec": pod}},
    }

    cuts: list[int] = []

    def cut() -> None:
        cuts.append(link.down())
        link.up()

    timer = threading.Timer(3, cut)
    timer.start()
    error = refused(lambda: plugin.create("kubernetes:batch/v1:Job", inputs, timeout=60))
    timer.join()
    assert cuts[0] > 0, "no connection was there to be cut"
    assert "exit code 5" in error.message and error.partial is not None


@pytest.mark.cluster
def test_a_certificate_of_somebody_else_is_not_accepted(linked: tuple[Plugin, Link, dict[str, Any]]) -> None:
    plugin, _, document = linked
    document["clusters"][0]["cluster"].pop("tls-server-name")
    document["clusters"][0]["cluster"].pop("certificate-authority-data", None)
    document["clusters"][0]["cluster"].pop("certificate-authority", None)
    plugin.configure(kubeconfig=yaml.safe_dump(document))
    error = refused(lambda: plugin.create(CONFIG_MAP, config_map("default", "x")))
    assert "certificate-authority is not the one of this server" in error.message


@pytest.mark.cluster
def test_refused_credentials_are_told_and_not_shown(linked: tuple[Plugin, Link, dict[str, Any]]) -> None:
    plugin, _, document = linked
    document["users"][0]["user"] = {"token": "canary-not-a-token"}
    plugin.configure(kubeconfig=yaml.safe_dump(document))
    error = refused(lambda: plugin.create(CONFIG_MAP, config_map("default", "x")))
    assert "refuses the credentials of context" in error.message and "canary" not in error.message

"""A plugin as a process, installed and started as the CLI does: what it prints, and when it ends."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import empty_pb2

from rehearsal.provider_plugins.installation import PACKAGES, install_plugins
from tests.rehearsal.provider_plugins.driver import plugin_process

pytestmark = pytest.mark.slow

ACCOUNT = "gcp:serviceaccount/account:Account"
SETTINGS: dict[str, dict[str, Any]] = {
    "aws": {"region": "eu-west-1"},
    "azure-native": {"subscriptionId": "00000000-0000-0000-0000-000000000001"},
    "gcp": {"project": "example-mendix"},
}


class SlowCloud(ThreadingHTTPServer):
    """Answers, with "not found", only when it is told to."""

    def __init__(self) -> None:
        self.asked, self.answers = threading.Event(), threading.Event()
        cloud = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                cloud.asked.set()
                cloud.answers.wait(60)
                self.send_error(404)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A plugin that has ended reads no answer."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@pytest.fixture
def slow_cloud() -> Iterator[SlowCloud]:
    with SlowCloud() as cloud:
        thread = threading.Thread(target=cloud.serve_forever)
        thread.start()
        yield cloud
        cloud.answers.set()
        cloud.shutdown()
        thread.join()


@pytest.mark.parametrize("package", PACKAGES)
def test_a_plugin_prints_its_port_and_has_a_version(package: str, tmp_path: Path) -> None:
    with plugin_process(package, tmp_path, {}) as (process, plugin):
        version = plugin.call("GetPluginInfo", empty_pb2.Empty()).version
        assert (tmp_path / f"resource-{package}-v{version}").is_dir()
        plugin.configure(**SETTINGS[package])
        assert plugin.call("Cancel", empty_pb2.Empty()) == empty_pb2.Empty()
        process.send_signal(signal.SIGINT)  # as the CLI ends its plugins
        assert process.communicate(timeout=15)[0] == ""


def _interrupt_another_thread(pid: int) -> None:
    """As the kernel may choose to: a signal to a process is given to any of its threads."""
    thread = max(int(path.name) for path in Path(f"/proc/{pid}/task").iterdir())
    assert thread != pid
    assert ctypes.CDLL(None, use_errno=True).tgkill(pid, thread, signal.SIGINT) == 0


@pytest.mark.parametrize("end", ["signal", "signal to another thread", "the CLI is gone"])
def test_a_running_call_finishes_before_the_plugin_ends(end: str, slow_cloud: SlowCloud, tmp_path: Path) -> None:
    """What a call did in the cloud would otherwise be in no state."""
    environment = {"REHEARSAL_GCP_ENDPOINT": slow_cloud.url}
    with plugin_process("gcp", tmp_path, environment) as (process, plugin), ThreadPoolExecutor() as executor:
        plugin.configure(project="example-mendix")
        call = executor.submit(plugin.read, ACCOUNT, "projects/p/serviceAccounts/a")
        assert slow_cloud.asked.wait(30)
        if end == "signal":
            process.send_signal(signal.SIGINT)
        elif end == "signal to another thread":
            _interrupt_another_thread(process.pid)
        else:
            assert process.stdin is not None
            process.stdin.close()
        while plugin.accepts():  # from then on it is to end
            time.sleep(0.01)
        slow_cloud.answers.set()
        assert call.result(30).id == ""
        assert process.wait(15) == 0


def test_an_endless_call_delays_the_plugin_by_seconds_only(slow_cloud: SlowCloud, tmp_path: Path) -> None:
    """The CLI kills a plugin after five, with a warning."""
    environment = {"REHEARSAL_GCP_ENDPOINT": slow_cloud.url}
    with plugin_process("gcp", tmp_path, environment) as (process, plugin), ThreadPoolExecutor() as executor:
        plugin.configure(project="example-mendix")
        call = executor.submit(plugin.read, ACCOUNT, "projects/p/serviceAccounts/a")
        assert slow_cloud.asked.wait(30)
        process.send_signal(signal.SIGINT)
        assert process.wait(5) == 0
        assert call.exception(15)


def test_a_plugin_ends_if_its_cli_disappears_before_listening(tmp_path: Path) -> None:
    install_plugins(tmp_path, ["gcp"])
    (launcher,) = tmp_path.glob("*/pulumi-resource-gcp")
    process = subprocess.Popen(
        [launcher], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, process_group=0
    )
    for pipe in (process.stdin, process.stdout, process.stderr):
        assert pipe is not None
        pipe.close()
    process.wait(15)

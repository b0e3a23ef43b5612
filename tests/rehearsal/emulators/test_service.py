"""The clouds' process takes over changed settings without a restart."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from rehearsal.cluster import pki
from rehearsal.cluster.answers import UNREACHABLE, status
from rehearsal.emulators.clouds import Clouds
from rehearsal.emulators.service import DECISIONS_HOST, HEALTH_HOST
from rehearsal.emulators.settings import Settings

ROOT = Path(__file__).parents[3]
ADDRESS = f"127.{os.getpid() % 251 + 1}.{os.getpid() // 251 % 251}.77"
"""Each test process has its own: the ports are those of the clouds."""
AZURE = {
    "tenant": "11111111-2222-3333-4444-555555555555",
    "authority_host": "login.microsoftonline.com",
    "management_host": "management.azure.com",
    "registry_suffix": "azurecr.io",
    "registry_hosts": ["one.azurecr.io"],
}
AWS = {
    "account": "400000000001",
    "region": "eu-west-1",
    "partition": "aws",
    "suffix": "amazonaws.com",
    "registry_hosts": ["400000000001.dkr.ecr.eu-west-1.amazonaws.com"],
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    authority = pki.ensure_authority(tmp_path, "ca", "clouds")
    client = pki.ensure_client(tmp_path, "client", authority, "clouds")
    return Settings(
        address=ADDRESS,
        data=str(tmp_path / "data"),
        authority=str(authority.certificate),
        authority_key=str(authority.key),
        api_server="https://127.0.0.1:1",
        api_server_authority=str(authority.certificate),
        client_certificate=str(client.certificate),
        client_key=str(client.key),
        issuer="https://kubernetes.default.svc.cluster.local",
        backend="http://127.0.0.1:1",
        backend_user="",
        backend_password="",
        node_token="node",
        clouds={"azure": AZURE},
    )


class Process:
    """The clouds' process by itself, without a node."""

    def __init__(self, settings: Settings, directory: Path) -> None:
        self._file = directory / "settings.json"
        self._trust = ssl.create_default_context(cafile=settings.authority)
        self._trust.check_hostname = False
        self.write(settings)
        log = (directory / "log").open("w")
        command = [sys.executable, "-m", "rehearsal.emulators", str(self._file)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)

    def write(self, settings: Settings) -> None:
        self._file.write_text(json.dumps(asdict(settings)))

    def health(self) -> int:
        """The answer for the file as it is."""
        return self.status(HEALTH_HOST, f"/{hashlib.sha256(self._file.read_bytes()).hexdigest()}")

    def status(self, host: str, path: str) -> int:
        return status(ADDRESS, path, self._trust, {"Host": host})

    def await_health(self) -> None:
        for _ in range(1500):
            assert self.process.poll() is None
            try:
                if self.health() == HTTPStatus.OK:
                    return
            except UNREACHABLE:
                pass
            time.sleep(0.02)
        raise AssertionError("no answer by the present settings")


@pytest.fixture
def process(settings: Settings, tmp_path: Path) -> Iterator[Process]:
    process = Process(settings, tmp_path)
    yield process
    process.process.terminate()
    assert process.process.wait(10) == 0


def test_changed_settings_are_served_without_a_restart(settings: Settings, process: Process) -> None:
    process.await_health()
    more: dict[str, Any] = {**AZURE, "registry_hosts": ["one.azurecr.io", "two.azurecr.io"]}
    process.write(replace(settings, clouds={"azure": more}))
    assert process.health() == HTTPStatus.NOT_FOUND
    assert process.status("two.azurecr.io", "/v2/") == HTTPStatus.MISDIRECTED_REQUEST
    for _ in range(3):
        process.process.send_signal(signal.SIGHUP)
    process.await_health()
    for host in ("one.azurecr.io", "two.azurecr.io"):
        # A registry that nothing has created yet, not a name that is not served.
        assert process.status(host, "/v2/") == HTTPStatus.NOT_FOUND
    assert process.status(DECISIONS_HOST, "/") == HTTPStatus.OK


def test_only_a_cloud_with_other_settings_is_built_again(settings: Settings) -> None:
    first = Clouds(replace(settings, clouds={"aws": AWS, "azure": AZURE}))
    other = {**AWS, "node_role": "another"}
    second = Clouds(replace(settings, clouds={"aws": other, "azure": AZURE}), first)
    assert second.by_name["azure"] is first.by_name["azure"]
    assert second.by_name["aws"] is not first.by_name["aws"]
    assert second.around is first.around


def test_every_cloud_is_built_again_for_other_surroundings(settings: Settings) -> None:
    first = Clouds(settings)
    second = Clouds(replace(settings, propagation=5.0), first)
    assert second.by_name["azure"] is not first.by_name["azure"]
    assert second.around is not first.around

"""What `rehearse doctor` finds, on this machine and on poorer ones."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from rehearsal.cluster.diagnosis import Check, doctor
from tests.conftest import ROOT


@contextmanager
def proxy(status: int) -> Iterator[str]:
    """The host and port of a module proxy that answers so to everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine on which nothing has been built; its home."""
    monkeypatch.setenv("REHEARSAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return tmp_path / "home"


def found(home: Path) -> dict[str, Check]:
    checks = doctor(home)
    assert len({check.name for check in checks}) == len(checks)
    return {check.name: check for check in checks}


def test_an_empty_machine_lists_what_will_be_built(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with proxy(200) as address:
        monkeypatch.setenv("GOPROXY", f"http://{address},direct")
        checks = found(bare)
    assert checks["Go module proxy"].ok
    assert checks["Go module proxy"].detail == f"http://{address} answers"
    assert "rehearsal-kubernetes" in checks["build cache"].detail
    assert "198.18." in checks["network"].detail or "198.19." in checks["network"].detail
    assert not bare.exists() and not Path(os.environ["REHEARSAL_CACHE"]).exists(), "a diagnosis changes nothing"


@pytest.mark.parametrize(("version", "built"), [("v3.999.0", False), ("v3.1.0", True)])
def test_what_is_built_depends_on_the_pulumi_on_path(
    bare: Path, monkeypatch: pytest.MonkeyPatch, version: str, built: bool
) -> None:
    programs = bare.parent / "path"
    programs.mkdir()
    for name, text in (("pulumi", f"echo {version}"), ("pulumi-language-python", "")):
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    monkeypatch.setenv("GOPROXY", "off")
    detail = found(bare)["build cache"].detail
    assert ("pulumi," in detail, "pulumi-resource-kubernetes" in detail) == (built, built)


@pytest.mark.parametrize(
    ("status", "scheme", "problem"),
    [
        (401, "http", "401 Unauthorized"),
        (503, "http", "503 Service Unavailable"),
        (200, "https", ""),
        (401, " HTTP", "401"),
    ],
)
def test_a_module_proxys_password_is_not_shown(
    bare: Path, monkeypatch: pytest.MonkeyPatch, status: int, scheme: str, problem: str
) -> None:
    """Companies put a user and a password into GOPROXY, and people put what `doctor` says into tickets."""
    with proxy(status) as address:
        monkeypatch.setenv("GOPROXY", f"{scheme}://builder:canary-7f3a@{address}/go|direct")
        check = found(bare)["Go module proxy"]
    assert not check.ok
    assert check.remedy
    assert check.detail.startswith(f"{scheme.strip().lower()}://{address}/go: ")
    assert problem in check.detail
    assert "canary" not in check.detail


@pytest.mark.parametrize("setting", ["https://builder:canary-7f3a@[broken/go", "http://builder:canary-7f3a@host:port/"])
def test_an_address_that_is_none_is_not_repeated(bare: Path, monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    monkeypatch.setenv("GOPROXY", setting)
    check = found(bare)["Go module proxy"]
    assert not check.ok
    assert "canary" not in check.detail


@pytest.mark.parametrize("setting", ["off", "direct", "file:///srv/modules"])
def test_go_proxy_settings_without_a_server_are_accepted(
    bare: Path, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    monkeypatch.setenv("GOPROXY", setting)
    check = found(bare)["Go module proxy"]
    assert check.ok
    assert setting in check.detail


def test_missing_tools_are_reported_with_what_to_install(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(bare))
    monkeypatch.setenv("GOPROXY", "off")
    checks = found(bare)
    assert not checks["namespaces"].ok
    assert checks["network"].remedy == "Install iproute2."
    for check in checks.values():
        assert check.ok or check.remedy, check


def test_a_full_disk_is_reported_with_the_needed_space(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOPROXY", "off")
    monkeypatch.setenv("REHEARSAL_CACHE", "/proc/nowhere")
    check = found(bare)["disk space of the cache"]
    assert not check.ok
    assert check.detail == "0.0 GB free at /proc/nowhere"
    assert "8 GB are needed" in check.remedy


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_users_without_root_see_the_other_ways(tmp_path: Path) -> None:
    code = """
import os, sys
from pathlib import Path
from rehearsal.cluster.diagnosis import doctor
os.setgid(65534)
os.setuid(65534)
for check in doctor(Path("/tmp/nobody-has-this")):
    print(check.name, check.ok, check.remedy, sep="|")
"""
    environment = {**os.environ, "REHEARSAL_CACHE": str(tmp_path / "cache"), "GOPROXY": "off", "HOME": "/nonexistent"}
    output = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, env=environment, text=True)
    checks = {name: (ok == "True", remedy) for name, ok, remedy in (line.split("|") for line in output.splitlines())}
    assert checks["root"] == (
        False,
        "Run with sudo, or use an existing cluster with --context (or kind and a container engine).",
    )
    assert checks["namespaces"] == (False, "Run as root; in a container, run it privileged.")
    assert checks["disk space of the cache"] == (False, "Name a directory that you may write in REHEARSAL_CACHE.")

"""CNCF distribution on the loopback address, configured as a rehearsal's node configures it."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from rehearsal.cluster.paths import cache_directory
from rehearsal.registry import RegistrySpec
from rehearsal.registry.configuration import distribution_configuration, htpasswd
from rehearsal.toolchain.go_program import ensure_program
from rehearsal.toolchain.programs import REGISTRY


@contextlib.contextmanager
def serving(
    directory: Path, username: str = "", password: str = "", certified: tuple[Path, Path] | None = None
) -> Iterator[str]:
    """A registry's ``host:port``, which answers; open to everyone where there is no user, plain http where there is no
    certificate with its key. Built where the cache has it not."""
    program = ensure_program(REGISTRY, cache_directory(), lambda _: None)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address: tuple[str, int] = probe.getsockname()
    host = f"{address[0]}:{address[1]}"
    spec = RegistrySpec(host, host, username, password, tls=certified is not None)
    certificate, key = certified or (directory / "absent", directory / "absent")
    (directory / "htpasswd").write_text(htpasswd(spec, ""))
    text = distribution_configuration(
        spec,
        host,
        storage=directory / "storage",
        htpasswd=directory / "htpasswd",
        certificate=certificate,
        key=key,
        secret="sandbox",
    )
    (directory / "config.yml").write_text(text)
    with (directory / "log").open("w") as log:
        process = subprocess.Popen(
            [program, "serve", directory / "config.yml"], env={"OTEL_TRACES_EXPORTER": "none"}, stdout=log, stderr=log
        )
    try:
        _await_answer(address, process, directory / "log", tls=spec.tls)
        yield host
    finally:
        process.terminate()
        process.wait(10)


def _await_answer(address: tuple[str, int], process: subprocess.Popen[bytes], log: Path, *, tls: bool) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    for _ in range(200):
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(OSError), socket.create_connection(address) as plain:
            if tls:
                context.wrap_socket(plain).close()
            return
        time.sleep(0.05)
    raise AssertionError(f"the registry does not answer: {log.read_text()}")

"""A real registry on loopback, and the builder Job's scripts run with the very client and shell of its image."""

from __future__ import annotations

import base64
import contextlib
import ipaddress
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import platformdirs
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from rehearsal.cluster.packages import locate
from rehearsal.toolchain.go_program import ensure_program
from rehearsal.toolchain.programs import CLIENT
from tests.rehearsal.registry.serving import serving

SCRIPTS = Path(__file__).parents[3] / "components" / "mendix_registry" / "kubernetes" / "scripts"
USER, PASSWORD = "serviceaccount", "canary-of-a-projected-token"


@dataclass(frozen=True)
class Registry:
    """A running registry: its ``host:port`` and the authority's certificate."""

    host: str
    authority: Path


@contextlib.contextmanager
def own_authority(directory: Path, username: str = "", password: str = "") -> Iterator[Registry]:
    """A registry on loopback whose certificate is its own authority; open to everyone where there is no user."""
    certified = certify(directory, "127.0.0.1")
    with serving(directory, username, password, certified) as host:
        yield Registry(host, certified[0])


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with own_authority(tmp_path_factory.mktemp("registry"), USER, PASSWORD) as served:
        yield served


def certify(directory: Path, address: str) -> tuple[Path, Path]:
    """A certificate for ``address`` that is its own authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "registry of the tests")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = directory / "tls.crt", directory / "tls.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths


@dataclass(frozen=True)
class Image:
    """The client image's programs: krane, and a directory of busybox's applets, the only PATH of the scripts."""

    krane: Path
    busybox: Path
    applets: Path


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    cache = Path(os.environ.get("REHEARSAL_CACHE") or platformdirs.user_cache_path("mendix-registry"))
    busybox = locate("busybox")
    applets = tmp_path_factory.mktemp("busybox")
    for name in subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split():
        (applets / name).symlink_to(busybox)
    return Image(ensure_program(CLIENT, cache, lambda _: None), busybox, applets)


@dataclass(frozen=True)
class Pod:
    """Where a script ran: what it left in its directories, how it ended, what it said."""

    work: Path
    login: Path
    code: int
    log: str
    message: str


@dataclass(frozen=True)
class Running:
    """A script at work, and where it is."""

    place: Path
    process: subprocess.Popen[bytes]

    def log(self) -> str:
        return (self.place / "log").read_text()

    def message(self) -> str:
        path = self.place / "message"
        return path.read_text() if path.exists() else ""


@pytest.fixture
def start_script(registry: Registry, image: Image, tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Starts a script as the Job's container does; ``environment`` is added to what every mode gets."""
    started: list[Running] = []

    def start(script: str, **environment: str) -> Running:
        place = tmp_path / f"pod-{len(started)}"
        work, login = place / "work", place / "login"
        work.mkdir(parents=True)
        login.mkdir()
        (place / "token").write_text(PASSWORD)
        variables = {
            "PATH": str(image.applets),
            "KRANE": str(image.krane),
            "MESSAGE": str(place / "message"),
            "PUSH_HOST": registry.host,
            "REPOSITORY": "apps/orders",
            "CREDENTIALS": "token",
            "LOGIN_USER": USER,
            "LOGIN_TOKEN": str(place / "token"),
            "DOCKER_CONFIG": str(login),
            "INSECURE": "false",
            "ATTEMPTS": "1",
            "HOME": str(work),
            "SSL_CERT_FILE": str(registry.authority),
            **environment,
        }
        with (place / "log").open("wb") as log:
            process = subprocess.Popen(
                [image.busybox, "sh", SCRIPTS / script], env=variables, stdout=log, stderr=subprocess.STDOUT
            )
        started.append(Running(place, process))
        return started[-1]

    yield start
    for running in started:
        running.process.kill()
        running.process.wait()


@pytest.fixture
def run_script(start_script: Callable[..., Running]) -> Callable[..., Pod]:
    """Runs a script to its end."""

    def run(script: str, **environment: str) -> Pod:
        running = start_script(script, **environment)
        code = running.process.wait(120)
        return Pod(running.place / "work", running.place / "login", code, running.log(), running.message())

    return run


@pytest.fixture
def krane(registry: Registry, image: Image, tmp_path: Path) -> Callable[..., str]:
    """The stock client beside the scripts, logged in: the oracle of what is in the registry."""
    login = tmp_path / "oracle"
    login.mkdir()
    auth = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    (login / "config.json").write_text(json.dumps({"auths": {registry.host: {"auth": auth}}}))

    def run(*arguments: str) -> str:
        environment = {"DOCKER_CONFIG": str(login), "SSL_CERT_FILE": str(registry.authority), "HOME": str(tmp_path)}
        done = subprocess.run([image.krane, *arguments], env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run

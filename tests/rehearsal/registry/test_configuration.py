"""The files of a distribution registry, checked by the libraries and the program that read them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path, PurePosixPath
from typing import Any

import bcrypt
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from rehearsal.cluster.paths import cache_directory
from rehearsal.registry import RegistrySpec
from rehearsal.registry.configuration import directory_name, distribution_configuration, htpasswd
from rehearsal.toolchain.go_program import ensure_program
from rehearsal.toolchain.programs import REGISTRY

USERS = st.text(min_size=1, max_size=12).filter(lambda text: text.encode(errors="ignore").decode() == text)
PASSWORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=18)


def spec(username: str = "", password: str = "", *, tls: bool = True) -> RegistrySpec:
    return RegistrySpec("registry.example.com:5000", "localhost:32000", username, password, tls=tls)


@settings(max_examples=25)
@given(USERS, PASSWORDS, PASSWORDS)
def test_the_password_file_accepts_exactly_this_user_and_password(username: str, password: str, other: str) -> None:
    """Read as distribution reads it (registry/auth/htpasswd): lines trimmed, comments left out, cut at the first colon."""
    try:
        wanted = spec(username, password)
    except ValueError:
        return
    lines = [line.strip() for line in htpasswd(wanted, "").split("\n")]
    entries = dict(line.split(":", 1) for line in lines if line and not line.startswith("#"))
    assert set(entries) == {username}
    assert bcrypt.checkpw(password.encode(), entries[username].encode())
    assert bcrypt.checkpw(other.encode(), entries[username].encode()) == (password == other)


def test_the_password_file_changes_only_with_user_or_password() -> None:
    """A hash is salted: a new one of the same password would be another file."""
    present = htpasswd(spec("builder", "first"), "")
    assert htpasswd(spec("builder", "first"), present) == present
    for other in (spec("builder", "second"), spec("robot", "first")):
        assert htpasswd(other, present).splitlines() != present.splitlines()
    assert htpasswd(spec(), present) == ""
    assert htpasswd(spec("builder", "first"), "builder:cut sho").startswith("builder:$2b$")


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_directory_is_named_after_its_registry_alone(one: str, other: str) -> None:
    name = directory_name(one)
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert len(name) <= 50
    assert (name == directory_name(other)) == (one == other)


def configuration(wanted: RegistrySpec, place: str = "/r") -> str:
    directory = PurePosixPath(place)
    return distribution_configuration(
        wanted,
        "127.0.0.1:0",
        storage=directory / "data",
        htpasswd=directory / "htpasswd",
        certificate=directory / "tls.crt",
        key=directory / "tls.key",
        secret="canary",
    )


@pytest.mark.parametrize(
    ("wanted", "auth", "tls"),
    [
        (spec(), False, True),
        (spec("builder", "first"), True, True),
        (spec("builder", "first", tls=False), True, False),
    ],
)
def test_registries_require_a_password_or_a_certificate_as_configured(
    wanted: RegistrySpec, auth: bool, tls: bool
) -> None:
    document: dict[str, Any] = yaml.safe_load(configuration(wanted))
    assert ("auth" in document, "tls" in document["http"]) == (auth, tls)
    assert "first" not in configuration(wanted)
    # Without it images could not be deleted, and a repository not be emptied.
    assert document["storage"]["delete"]["enabled"] is True


def test_the_registry_reads_its_configuration(tmp_path: Path) -> None:
    """Distribution parses it by its own types; it then ends for want of the certificate."""
    (tmp_path / "htpasswd").write_text(htpasswd(spec("builder", "first"), ""))
    (tmp_path / "config.yml").write_text(configuration(spec("builder", "first"), str(tmp_path)))
    environment = {"OTEL_TRACES_EXPORTER": "none", "PATH": os.defpath}
    program = ensure_program(REGISTRY, cache_directory(), lambda _: None)
    command = [str(program), "serve", str(tmp_path / "config.yml")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)
    assert "configuration error" not in done.stderr
    assert f"open {tmp_path}/tls.crt: no such file" in done.stdout + done.stderr

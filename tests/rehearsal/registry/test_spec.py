"""Registry hosts: what image references spell, and what a registry can be served under."""

from __future__ import annotations

import ssl
import string
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rehearsal.cluster import pki
from rehearsal.registry import RegistrySpec
from rehearsal.registry.spec import HostPort, is_host

ALPHANUMERIC = string.ascii_lowercase + string.digits
LABEL = st.text(ALPHANUMERIC + "-", min_size=1, max_size=63).map(lambda text: text.strip("-") or "x")
NAME = st.lists(LABEL, min_size=1, max_size=3).map(".".join)


@given(NAME, st.one_of(st.none(), st.integers(1, 65535)))
def test_a_hosts_parts_join_to_the_same_host(name: str, port: int | None) -> None:
    text = name if port is None else f"{name}:{port}"
    assert HostPort.parse(text, "pushHost") == HostPort(name, port)


@given(st.text(string.ascii_letters + string.digits + ".-:/_@ \n\t[]*#", max_size=80))
@example("registry.example.com\n")
@example("registry..example.com")
@example("registry.-x.example.com")
@example(f"{'x' * 64}.example.com")
@example("example.com:0")
@example("example.com:65536")
@example(".".join(["x" * 60] * 5))
def test_an_accepted_host_is_valid_for_dns_and_certificates(text: str) -> None:
    """RFC 1035 2.3.1 (as RFC 1123 loosens it), and Python's own encoder of names."""
    if not is_host(text):
        return
    name, _, port = text.partition(":")
    assert len(name) <= 253
    assert all(0 < len(label) <= 63 and label.strip("-") == label for label in name.split("."))
    assert set(text) <= set(ALPHANUMERIC + ".-:")
    assert name.encode("idna").decode() == name
    assert not port or 0 < int(port) < 65536


@pytest.mark.parametrize(
    "text",
    ["", "https://registry", "registry/x", "Registry", "registry:", "registry:x", "a b", "[::1]:5000", "x\n", "a..b"],
)
def test_a_rejection_names_the_path_and_what_to_give(text: str) -> None:
    with pytest.raises(ValueError, match=r"^registry\.pushHost: .* is not a registry host\. Give host or host:port"):
        HostPort.parse(text, "registry.pushHost")


@pytest.mark.parametrize(
    ("given_", "words"),
    [
        ({"username": "robot"}, "username, password"),
        ({"password": "secret"}, "username, password"),
        ({"username": "a:b", "password": "x"}, "colon"),
        ({"username": "a\nroot", "password": "x"}, "RFC 7617"),
        ({"username": "#robot", "password": "x"}, "comment"),
        ({"username": " robot", "password": "x"}, "space"),
        ({"username": "robot", "password": "é" * 37}, "72 bytes"),
    ],
)
def test_credentials_that_the_registry_could_not_check_are_rejected(given_: dict[str, str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        RegistrySpec("registry.example.com", "registry.example.com", **given_)


def test_a_password_is_not_shown() -> None:
    assert "hunter2" not in repr(RegistrySpec("r.example.com", "r.example.com", "robot", "hunter2"))


@pytest.mark.parametrize(
    ("push", "pull", "tls", "port", "hosts", "dns"),
    [
        ("r.example.com", "r.example.com", True, 443, ["r.example.com"], ["r.example.com"]),
        ("r.example.com", "localhost:32000", False, 80, ["r.example.com", "localhost"], ["r.example.com"]),
        ("r.example.com:5000", "10.1.2.3:5000", True, 5000, ["r.example.com", "10.1.2.3"], ["r.example.com"]),
        ("r.example.com:5000", "p.example.com", True, 5000, ["r.example.com", "p.example.com"], ["r.example.com", "p.example.com"]),
    ],
)  # fmt: skip
def test_a_registry_has_a_port_a_certificate_and_names(
    push: str, pull: str, tls: bool, port: int, hosts: list[str], dns: list[str], tmp_path: Path
) -> None:
    spec = RegistrySpec(push, pull, tls=tls)
    assert (spec.port, spec.host_names, spec.dns_names) == (port, hosts, dns)
    authority = pki.ensure_authority(tmp_path, "ca", "sandbox")
    pair = pki.ensure_server(tmp_path, "server", authority, spec.host_names)
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(pair.certificate, pair.key)

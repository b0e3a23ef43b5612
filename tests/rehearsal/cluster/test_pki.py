"""The sandbox's certificates, checked by OpenSSL, by pyca's verifier and by a handshake."""

from __future__ import annotations

import datetime
import ipaddress
import shutil
import ssl
import stat
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from rehearsal.cluster import pki
from rehearsal.cluster.pki import Pair

HOSTS = ("registry.mendix-rehearsal.svc.cluster.local", "*.azurecr.io", "198.18.0.129")


@pytest.fixture
def authority(tmp_path: Path) -> Pair:
    return pki.ensure_authority(tmp_path, "ca", "sandbox")


def certificate(pair: Pair) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pair.certificate.read_bytes())


def greeted(server: Pair, authority: Pair, name: str, client: Pair | None = None) -> str:
    """What a strict TLS client says of ``server`` when it asks for ``name``; empty when it is content. With ``client``, what the
    server says of that."""
    outside = ssl.create_default_context(cafile=str(authority.certificate))
    # Python's default from 3.13 on.
    outside.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    inside = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority.certificate))
    inside.load_cert_chain(server.certificate, server.key)
    if client is not None:
        inside.verify_mode = ssl.CERT_REQUIRED
        outside.load_cert_chain(client.certificate, client.key)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        outside.wrap_bio(to_client, to_server, server_hostname=name),
        inside.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(4):
        for side in sides:
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError as error:
                return error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else str(error)
    return ""


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_openssl_finds_nothing_wrong_in_a_chain(authority: Pair, tmp_path: Path) -> None:
    server = pki.ensure_server(tmp_path, "server", authority, HOSTS)
    client = pki.ensure_client(tmp_path, "client", authority, "rehearsal-admin", ["system:masters"])
    for pair, purpose in ((server, "sslserver"), (client, "sslclient")):
        command = ["openssl", "verify", "-x509_strict", "-purpose", purpose, "-CAfile", authority.certificate]
        done = subprocess.run([*command, pair.certificate], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("host", ["registry.mendix-rehearsal.svc.cluster.local", "company.azurecr.io", "198.18.0.129"])
def test_a_server_is_believed_under_its_names(authority: Pair, tmp_path: Path, host: str) -> None:
    server = pki.ensure_server(tmp_path, "server", authority, HOSTS)
    try:
        subject: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        subject = x509.DNSName(host)
    verifier = PolicyBuilder().store(Store([certificate(authority)])).build_server_verifier(subject)
    verifier.verify(certificate(server), [])
    assert greeted(server, authority, host) == ""


@pytest.mark.parametrize("host", ["azurecr.io", "a.b.azurecr.io", "registry.example.com", "198.18.0.130"])
def test_and_under_no_other(authority: Pair, tmp_path: Path, host: str) -> None:
    server = pki.ensure_server(tmp_path, "server", authority, HOSTS)
    assert "mismatch" in greeted(server, authority, host)


def test_a_client_certificate_has_user_and_groups_only(authority: Pair, tmp_path: Path) -> None:
    """User and groups are common name and organisations: kubernetes.io/docs/reference/access-authn-authz/authentication."""
    server = pki.ensure_server(tmp_path, "server", authority, ["api.example.com"])
    client = pki.ensure_client(tmp_path, "client", authority, "system:node:n1", ["system:nodes", "others"])
    assert greeted(server, authority, "api.example.com", client) == ""
    assert greeted(server, authority, "api.example.com", server) != ""
    subject = certificate(client).subject
    assert [a.value for a in subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)] == ["system:node:n1"]
    assert [a.value for a in subject.get_attributes_for_oid(x509.NameOID.ORGANIZATION_NAME)] == [
        "system:nodes",
        "others",
    ]
    assert greeted(client, authority, "system:node:n1") != ""


def test_what_one_authority_issues_the_other_does_not_believe(authority: Pair, tmp_path: Path) -> None:
    """Whoever may make a registry's certificate must not become an administrator of the cluster by it."""
    other = pki.ensure_authority(tmp_path, "cluster-ca", "sandbox")
    client = pki.ensure_client(tmp_path, "client", other, "rehearsal-admin", ["system:masters"])
    server = pki.ensure_server(tmp_path, "server", authority, ["api.example.com"])
    assert greeted(server, authority, "api.example.com", client) != ""
    assert greeted(server, other, "api.example.com") != ""
    verifier = PolicyBuilder().store(Store([certificate(other)])).build_server_verifier(x509.DNSName("api.example.com"))
    with pytest.raises(VerificationError):
        verifier.verify(certificate(server), [])


def test_a_leaf_issues_nothing(authority: Pair, tmp_path: Path) -> None:
    server = pki.ensure_server(tmp_path, "server", authority, ["api.example.com"])
    forged = pki.ensure_server(tmp_path, "forged", server, ["bank.example.com"])
    verifier = (
        PolicyBuilder().store(Store([certificate(authority)])).build_server_verifier(x509.DNSName("bank.example.com"))
    )
    with pytest.raises(VerificationError):
        verifier.verify(certificate(forged), [certificate(server)])


def test_usages_are_those_of_elliptic_curve_keys(authority: Pair, tmp_path: Path) -> None:
    """RFC 8813, 3: such a key encrypts no key and no data."""
    usage = certificate(pki.ensure_server(tmp_path, "server", authority, HOSTS)).extensions
    found = usage.get_extension_for_class(x509.KeyUsage).value
    assert (found.digital_signature, found.key_encipherment, found.data_encipherment) == (True, False, False)


def test_keys_are_for_their_owner_only(authority: Pair, tmp_path: Path) -> None:
    server = pki.ensure_server(tmp_path, "server", authority, HOSTS)
    signing = pki.ensure_signing_key(tmp_path / "service-account.key")
    assert {stat.S_IMODE(path.stat().st_mode) for path in (authority.key, server.key, signing)} == {0o600}
    key = serialization.load_pem_private_key(signing.read_bytes(), None)
    assert (type(key).__name__, pki.ensure_signing_key(signing).read_bytes()) == ("RSAPrivateKey", signing.read_bytes())


def test_a_certificate_is_kept_while_it_serves(authority: Pair, tmp_path: Path) -> None:
    first = pki.ensure_server(tmp_path, "server", authority, HOSTS).certificate.read_bytes()
    assert (
        pki.ensure_authority(tmp_path, "ca", "sandbox").certificate.read_bytes() == authority.certificate.read_bytes()
    )
    assert pki.ensure_server(tmp_path, "server", authority, HOSTS[::-1]).certificate.read_bytes() != first
    again = pki.ensure_server(tmp_path, "server", authority, HOSTS).certificate.read_bytes()
    assert pki.ensure_server(tmp_path, "server", authority, HOSTS).certificate.read_bytes() == again


def test_new_names_authorities_and_near_expiry_renew_a_certificate(
    authority: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pki.ensure_server(tmp_path, "server", authority, ["a.example.com"])
    renamed = pki.ensure_server(tmp_path, "server", authority, ["b.example.com"])
    assert greeted(renamed, authority, "b.example.com") == ""
    other = pki.ensure_authority(tmp_path, "other", "sandbox")
    assert greeted(pki.ensure_server(tmp_path, "server", other, ["b.example.com"]), other, "b.example.com") == ""
    monkeypatch.setattr(pki, "_LIFETIME", datetime.timedelta(days=29))
    short = certificate(pki.ensure_server(tmp_path, "short", authority, ["c.example.com"]))
    monkeypatch.undo()
    assert (
        certificate(pki.ensure_server(tmp_path, "short", authority, ["c.example.com"])).not_valid_after_utc
        > short.not_valid_after_utc
    )


@pytest.mark.parametrize("broken", ["key of another", "certificate cut short", "key cut short"])
def test_a_mismatched_pair_is_created_again(authority: Pair, tmp_path: Path, broken: str) -> None:
    """Killed between the two files of a renewal, a server was left with a key that its certificate does not have, and stayed so."""
    server = pki.ensure_server(tmp_path, "server", authority, ["a.example.com"])
    if broken == "key of another":
        shutil.copy(pki.ensure_server(tmp_path, "next", authority, ["a.example.com"]).key, server.key)
    else:
        path = server.certificate if broken.startswith("certificate") else server.key
        path.write_bytes(path.read_bytes()[:100])
    pki.ensure_server(tmp_path, "server", authority, ["a.example.com"])
    assert greeted(server, authority, "a.example.com") == ""

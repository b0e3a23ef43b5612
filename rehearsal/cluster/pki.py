"""The sandbox's certificate authorities and the certificates they issue.

Two authorities, never one: the cluster's makes client certificates that the API server believes, and the sandbox's is
handed to pods and programs so that they trust the emulated registries. Whoever may issue the second must not be
able to issue the first.
"""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from rehearsal.cluster.paths import write_atomically

_LIFETIME = datetime.timedelta(days=825)
_RENEW_BEFORE = datetime.timedelta(days=30)
_BACKDATE = datetime.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key, as PEM files (key mode 0600)."""

    certificate: Path
    key: Path

    @classmethod
    def named(cls, directory: Path, name: str) -> Pair:
        return cls(directory / f"{name}.crt", directory / f"{name}.key")


def ensure_authority(directory: Path, name: str, common_name: str) -> Pair:
    """The authority ``name`` in ``directory``; made when missing or about to expire."""
    pair = Pair.named(directory, name)
    if _current(pair):
        return pair
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    builder = (
        _builder(subject, subject, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    _write(pair, builder.sign(key, hashes.SHA256()), key)
    return pair


def ensure_server(directory: Path, name: str, authority: Pair, hosts: Sequence[str]) -> Pair:
    """A server certificate for exactly ``hosts`` (DNS names, ``*.`` wildcards, IP addresses)."""
    return _ensure_leaf(directory, name, authority, hosts[0][:64], [], list(hosts), ExtendedKeyUsageOID.SERVER_AUTH)


def ensure_client(directory: Path, name: str, authority: Pair, user: str, groups: Sequence[str] = ()) -> Pair:
    """A client certificate for a Kubernetes user: common name is the user, organisations are the groups."""
    return _ensure_leaf(directory, name, authority, user, list(groups), [], ExtendedKeyUsageOID.CLIENT_AUTH)


def ensure_signing_key(path: Path) -> Path:
    """The key that signs ServiceAccount tokens: RSA, because cloud token services accept only RS256."""
    if not path.is_file():
        write_atomically(path, _key_pem(rsa.generate_private_key(public_exponent=65537, key_size=2048)))
    return path


def _ensure_leaf(
    directory: Path,
    name: str,
    authority: Pair,
    common_name: str,
    organisations: list[str],
    hosts: list[str],
    usage: x509.ObjectIdentifier,
) -> Pair:
    pair = Pair.named(directory, name)
    names = [_general_name(host) for host in hosts]
    subject = x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation) for organisation in organisations]
        + [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    )
    issuer = x509.load_pem_x509_certificate(authority.certificate.read_bytes())
    if _current(pair, issuer, subject, names):
        return pair
    issuer_key = serialization.load_pem_private_key(authority.key.read_bytes(), None)
    if not isinstance(issuer_key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{authority.key} holds another kind of key than this package writes")
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        _builder(subject, issuer.subject, key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    _write(pair, builder.sign(issuer_key, hashes.SHA256()), key)
    return pair


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATE)
        .not_valid_after(now + _LIFETIME)
    )


def _current(
    pair: Pair,
    issuer: x509.Certificate | None = None,
    subject: x509.Name | None = None,
    names: list[x509.GeneralName] | None = None,
) -> bool:
    certificate = _read(pair)
    if certificate is None:
        return False
    if certificate.not_valid_after_utc < datetime.datetime.now(datetime.UTC) + _RENEW_BEFORE:
        return False
    if subject is not None and certificate.subject != subject:
        return False
    if issuer is not None:
        try:
            certificate.verify_directly_issued_by(issuer)
        except Exception:
            return False
    try:
        present = list(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        present = []
    return names is None or set(present) == set(names)


def _read(pair: Pair) -> x509.Certificate | None:
    """The certificate of ``pair``; None where the files hold no certificate with its key: a renewal that was killed leaves the
    old certificate beside the new key, a full disk a part of either."""
    try:
        certificate = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
        key = serialization.load_pem_private_key(pair.key.read_bytes(), None)
    except (FileNotFoundError, ValueError):
        return None
    return certificate if key.public_key() == certificate.public_key() else None


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        # Never with an elliptic curve's key (RFC 8813, 3).
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _key_pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )


def _write(pair: Pair, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
    # The key first: what a new pair is killed at is a key without a certificate.
    write_atomically(pair.key, _key_pem(key))
    write_atomically(pair.certificate, certificate.public_bytes(serialization.Encoding.PEM), 0o644)

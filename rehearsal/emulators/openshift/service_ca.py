"""The service CA: the authority that signs the certificates of OpenShift's own services.

It is not the emulated clouds' authority, which the rehearsal puts into every container: trust in the registry has to come from the
ConfigMap that OpenShift fills, or from the stack file. Source: docs.openshift.com, "Securing service traffic using service
serving certificate secrets".
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_LIFETIME = datetime.timedelta(days=26 * 30)
_RENEW_BEFORE = datetime.timedelta(days=30)
_BACKDATE = datetime.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class ServiceCa:
    """The files of the authority: certificate and key, PEM."""

    certificate: Path
    key: Path

    @property
    def pem(self) -> str:
        return self.certificate.read_text()


def ensure_service_ca(directory: Path) -> ServiceCa:
    """The authority in ``directory``; made when it is missing or about to expire."""
    authority = ServiceCa(directory / "service-ca.crt", directory / "service-ca.key")
    if _current(authority):
        return authority
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    name = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, f"openshift-service-serving-signer@{int(now.timestamp())}")]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATE)
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    # The key first: a certificate on disk always has its key. The process makes files for its owner only.
    authority.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
    )
    authority.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return authority


def _current(authority: ServiceCa) -> bool:
    if not (authority.certificate.is_file() and authority.key.is_file()):
        return False
    certificate = x509.load_pem_x509_certificate(authority.certificate.read_bytes())
    return certificate.not_valid_after_utc > datetime.datetime.now(datetime.UTC) + _RENEW_BEFORE

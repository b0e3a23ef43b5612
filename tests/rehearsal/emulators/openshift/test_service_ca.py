"""Who trusts the registry's certificate: the service CA's bundle, and not the bundle that every container has."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest

from rehearsal.emulators.certificates import Certificates
from rehearsal.emulators.openshift.service_ca import ServiceCa, ensure_service_ca

REGISTRY, CLOUD = "image-registry.openshift-image-registry.svc", "sts.amazonaws.com"


async def trusted(certificates: Certificates, name: str, authority: ServiceCa) -> bool:
    """Whether a client that knows one authority finishes the handshake with ``name``."""
    server = await asyncio.start_server(
        lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=certificates.context("127.0.0.1")
    )
    context = ssl.create_default_context(cafile=str(authority.certificate))
    async with server:
        port = server.sockets[0].getsockname()[1]
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name)
        except ssl.SSLCertVerificationError:
            return False
        writer.close()
        return True


@pytest.fixture
def authorities(tmp_path: Path) -> tuple[ServiceCa, ServiceCa]:
    return ensure_service_ca(tmp_path / "cloud"), ensure_service_ca(tmp_path / "service")


async def test_only_the_service_ca_makes_the_registry_trusted(authorities: tuple[ServiceCa, ServiceCa]) -> None:
    cloud, service = authorities
    others = {REGISTRY: (service.certificate, service.key)}
    certificates = Certificates(cloud.certificate, cloud.key, lambda _: True, others)
    assert await trusted(certificates, REGISTRY, service)
    assert not await trusted(certificates, REGISTRY, cloud)
    assert await trusted(certificates, CLOUD, cloud)
    assert not await trusted(certificates, CLOUD, service)


def test_the_authority_survives_a_restart_with_a_private_key(tmp_path: Path) -> None:
    first = ensure_service_ca(tmp_path / "ca").pem
    assert ensure_service_ca(tmp_path / "ca").pem == first

"""Joins the clouds of a stack to what the process serves: by host name, by link-local address, as admission webhook."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp

from rehearsal.emulators.admission import AdmissionWebhook
from rehearsal.emulators.certificates import Certificates
from rehearsal.emulators.cloud import Cloud, Platform
from rehearsal.emulators.cluster import ClusterApi
from rehearsal.emulators.decisions import DecisionLog
from rehearsal.emulators.faults import HOST as FAULTS_HOST
from rehearsal.emulators.faults import Faults
from rehearsal.emulators.hosts import Hosts
from rehearsal.emulators.nodes import Nodes
from rehearsal.emulators.settings import Settings
from rehearsal.emulators.tokens import ClusterTokens
from rehearsal.registry.proxy import RegistryProxy

ADMISSION_PORT = 8443
API_PORTS: Mapping[str, int] = {"aws": 9001, "azure": 9002, "gcp": 9003, "openshift": 9004}
NODES_HOST = "nodes.mendix-rehearsal.internal"
HEALTH_HOST = "health.mendix-rehearsal.internal"
DECISIONS_HOST = "decisions.mendix-rehearsal.internal"


# A cloud is imported only where it is used: moto alone costs a start more than all the rest.


def _aws(document: Mapping[str, Any], settings: Settings, cluster: ClusterApi, decisions: DecisionLog) -> Cloud:
    from rehearsal.emulators.aws.cloud import AwsCloud, AwsSettings

    aws = AwsSettings.of(document)
    tokens = ClusterTokens(settings.issuer, aws.issuer, cluster.keys)
    return AwsCloud(aws, tokens, Path(settings.data), propagation=settings.propagation, decisions=decisions)


def _azure(document: Mapping[str, Any], settings: Settings, cluster: ClusterApi, decisions: DecisionLog) -> Cloud:
    from rehearsal.emulators.azure.cloud import AzureCloud, AzureSettings

    azure = AzureSettings.of(document)
    tokens = ClusterTokens(settings.issuer, azure.issuer, cluster.keys)
    return AzureCloud(azure, tokens, Path(settings.data), propagation=settings.propagation, decisions=decisions)


def _gcp(document: Mapping[str, Any], settings: Settings, cluster: ClusterApi, decisions: DecisionLog) -> Cloud:
    from rehearsal.emulators.gcp.cloud import GcpCloud, GcpSettings

    gcp = GcpSettings.of(document)
    tokens = ClusterTokens(settings.issuer, gcp.cluster, cluster.keys)
    return GcpCloud(gcp, tokens, cluster, Path(settings.data), propagation=settings.propagation, decisions=decisions)


def _openshift(document: Mapping[str, Any], settings: Settings, cluster: ClusterApi, decisions: DecisionLog) -> Cloud:
    from rehearsal.emulators.openshift.api import PlatformApi
    from rehearsal.emulators.openshift.cloud import OpenShiftCloud, OpenShiftSettings

    del cluster
    return OpenShiftCloud(OpenShiftSettings.of(document), PlatformApi(settings), Path(settings.data), decisions)


CLOUDS: Mapping[str, Callable[[Mapping[str, Any], Settings, ClusterApi, DecisionLog], Cloud]] = {
    "aws": _aws,
    "azure": _azure,
    "gcp": _gcp,
    "openshift": _openshift,
}
"""By the name under which ``Settings.clouds`` has a cloud's settings. Another cloud adds its line here."""


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM."""
    cluster = ClusterApi(settings)
    decisions = DecisionLog()
    clouds = [CLOUDS[name](document, settings, cluster, decisions) for name, document in settings.clouds.items()]
    authorities = {host: authority for cloud in clouds for host, authority in cloud.registries.items()}
    credentials = (settings.backend_user, settings.backend_password) if settings.backend_user else None
    realms = {place: realm for cloud in clouds for place, realm in cloud.realms.items()}
    registry = RegistryProxy(authorities, settings.backend, credentials, realms)
    applications: dict[str, ASGIApp] = {HEALTH_HOST: PlainTextResponse("ok\n"), DECISIONS_HOST: decisions}
    applications[NODES_HOST] = Nodes([cloud.nodes for cloud in clouds], settings.node_token)
    for cloud in clouds:
        applications |= cloud.apis
    applications |= dict.fromkeys(authorities, registry)
    faults = Faults(settings.node_token)
    applications[FAULTS_HOST] = faults
    hosts = Hosts(applications)
    reached = faults.around(hosts)
    webhook = AdmissionWebhook([mutator for cloud in clouds for mutator in cloud.mutators], cluster.service_account)
    platforms = [cloud for cloud in clouds if isinstance(cloud, Platform)]
    certificates = Certificates(
        Path(settings.authority),
        Path(settings.authority_key),
        lambda name: hosts.find(name) is not None,
        {name: pair for platform in platforms for name, pair in platform.authorities.items()},
    )
    servers = [
        _server(reached, settings.address, 443, certificates),
        _server(webhook, settings.address, ADMISSION_PORT, certificates),
    ]
    # Provider plugins run outside of the cluster's DNS: they reach each cloud's API by its own port.
    servers += [
        _server(faults.around(cloud.api, name), settings.address, API_PORTS[name], certificates)
        for name, cloud in zip(settings.clouds, clouds, strict=True)
    ]
    for cloud in clouds:
        servers += [_server(application, address, 80) for address, application in cloud.local.items()]
    ports = sorted({port for platform in platforms for port in platform.ports})
    servers += [_server(reached, settings.address, port, certificates) for port in ports]
    await _run(servers, [platform.run for platform in platforms])


def _server(application: ASGIApp, address: str, port: int, certificates: Certificates | None = None) -> uvicorn.Server:
    config = uvicorn.Config(
        application,
        host=address,
        port=port,
        log_level="info",
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=2,
        timeout_keep_alive=75,
    )
    config.load()
    if certificates is not None:
        config.ssl = certificates.context(address)
    return uvicorn.Server(config)


async def _run(servers: list[uvicorn.Server], controllers: Sequence[Callable[[], Coroutine[Any, Any, None]]]) -> None:
    def stop() -> None:
        for server in servers:
            server.should_exit = True

    loop = asyncio.get_running_loop()
    tasks = [asyncio.create_task(server._serve()) for server in servers]  # pyright: ignore[reportPrivateUsage]
    running = [asyncio.create_task(run()) for run in controllers]
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    done, _ = await asyncio.wait([*tasks, *running], return_when=asyncio.FIRST_COMPLETED)
    # One that cannot listen ends them all: half a cloud would fail in ways that are hard to read.
    stop()
    for task in running:
        task.cancel()
    await asyncio.gather(*tasks)
    for task in done:
        task.result()

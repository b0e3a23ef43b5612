"""Joins the clouds of a stack to what the process serves: by host name, by link-local address, as admission webhook."""

from __future__ import annotations

import asyncio
import hashlib
import signal
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from rehearsal.emulators.admission import AdmissionWebhook
from rehearsal.emulators.certificates import Certificates
from rehearsal.emulators.cloud import Cloud, Platform
from rehearsal.emulators.clouds import Clouds, Surroundings
from rehearsal.emulators.faults import HOST as FAULTS_HOST
from rehearsal.emulators.hosts import Hosts
from rehearsal.emulators.nodes import Nodes
from rehearsal.emulators.settings import Settings
from rehearsal.registry.proxy import RegistryProxy

ADMISSION_PORT = 8443
API_PORTS: Mapping[str, int] = {"aws": 9001, "azure": 9002, "gcp": 9003, "openshift": 9004}
NODES_HOST = "nodes.mendix-rehearsal.internal"
HEALTH_HOST = "health.mendix-rehearsal.internal"
DECISIONS_HOST = "decisions.mendix-rehearsal.internal"


async def serve(path: Path) -> None:
    """Serve by the settings file until SIGTERM; at SIGHUP, read it again.

    A stack with another account or registry comes every minute or so: to read the settings again takes a tenth of a start, and what
    other clouds have in memory stays.
    """
    orders: asyncio.Queue[signal.Signals] = asyncio.Queue()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, orders.put_nowait, number)
    clouds: Clouds | None = None
    while True:
        text = path.read_bytes()
        clouds = Clouds(Settings.of(text), clouds)
        if await _serve(clouds.around, clouds.by_name, _health(text), orders) != signal.SIGHUP:
            return


async def _serve(
    around: Surroundings, by_name: Mapping[str, Cloud], health: ASGIApp, orders: asyncio.Queue[signal.Signals]
) -> signal.Signals | None:
    """Until an order comes, which it gives."""
    settings, clouds = around.settings, list(by_name.values())
    authorities = {host: authority for cloud in clouds for host, authority in cloud.registries.items()}
    credentials = (settings.backend_user, settings.backend_password) if settings.backend_user else None
    realms = {place: realm for cloud in clouds for place, realm in cloud.realms.items()}
    registry = RegistryProxy(authorities, settings.backend, credentials, realms)
    applications: dict[str, ASGIApp] = {HEALTH_HOST: health, DECISIONS_HOST: around.decisions}
    applications[NODES_HOST] = Nodes([cloud.nodes for cloud in clouds], settings.node_token)
    for cloud in clouds:
        applications |= cloud.apis
    applications |= dict.fromkeys(authorities, registry)
    applications[FAULTS_HOST] = around.faults
    hosts = Hosts(applications)
    reached = around.faults.around(hosts)
    mutators = [mutator for cloud in clouds for mutator in cloud.mutators]
    webhook = AdmissionWebhook(mutators, around.cluster.service_account)
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
        _server(around.faults.around(cloud.api, name), settings.address, API_PORTS[name], certificates)
        for name, cloud in by_name.items()
    ]
    for cloud in clouds:
        servers += [_server(application, address, 80) for address, application in cloud.local.items()]
    ports = sorted({port for platform in platforms for port in platform.ports})
    servers += [_server(reached, settings.address, port, certificates) for port in ports]
    order = await _run(servers, [platform.run for platform in platforms], orders)
    await registry.close()
    return order


def _health(settings: bytes) -> ASGIApp:
    """Answers 200 at the path of the digest of the settings that are served."""
    served = f"/{hashlib.sha256(settings).hexdigest()}"

    async def health(scope: Scope, receive: Receive, send: Send) -> None:
        found = Request(scope).url.path == served
        await PlainTextResponse("ok\n" if found else "other settings\n", 200 if found else 404)(scope, receive, send)

    return health


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


async def _run(
    servers: list[uvicorn.Server],
    controllers: Sequence[Callable[[], Coroutine[Any, Any, None]]],
    orders: asyncio.Queue[signal.Signals],
) -> signal.Signals | None:
    """Until an order comes, which it gives. Raises what a server or a controller ends with."""
    tasks = [asyncio.create_task(server._serve()) for server in servers]  # pyright: ignore[reportPrivateUsage]
    running = [asyncio.create_task(run()) for run in controllers]
    order = asyncio.create_task(orders.get())
    done, _ = await asyncio.wait([order, *tasks, *running], return_when=asyncio.FIRST_COMPLETED)
    # One that cannot listen ends them all: half a cloud would fail in ways that are hard to read.
    for server, task in zip(servers, tasks, strict=True):
        # One that is ended while it begins would leave its port taken.
        while not (server.started or task.done()):
            await asyncio.sleep(0.01)
        server.should_exit = True
    for task in (order, *running):
        task.cancel()
    await asyncio.gather(*tasks)
    for task in done:
        task.result()
    return order.result() if order in done else None

"""The HTTP connection to an API server: credentials, TLS, reuse, and a fresh start when credentials expire."""

from __future__ import annotations

import asyncio
import importlib
import ipaddress
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urlsplit

from .errors import ClusterUnavailableError
from .kubeconfig import Selection

if TYPE_CHECKING:
    import ssl

    import httpx

USER_AGENT: Final = "mendix-registry-rehearsal"
# Enough that an engine with its usual parallelism (16) and as many waits with two watches each never queue.
_MAX_CONNECTIONS: Final = 128


class _Credentials(Protocol):
    """What this module uses of kr8s's ``KubeAuth``."""

    server: str
    token: str | None
    tls_server_name: str | None
    client_cert_file: Any
    client_key_file: Any
    server_ca_file: Any

    @property
    def proxy(self) -> str | None: ...
    async def reauthenticate(self) -> None: ...
    async def ssl_context(self) -> ssl.SSLContext | bool: ...


class Connection:
    """A pool of connections with the selected credentials. ``renew`` replaces both when a token has expired."""

    def __init__(self, choose: Callable[[], Selection]) -> None:
        """``choose`` reads the kubeconfig; it is called again on ``renew``, since files may have been rewritten."""
        self._choose = choose
        self._lock = asyncio.Lock()
        self._client: httpx.AsyncClient | None = None
        self._retired: list[httpx.AsyncClient] = []
        self._extensions: dict[str, Any] = {}
        self._generation = 0

    @property
    def generation(self) -> int:
        """Counts renewals, so that of many requests that fail together only one renews."""
        return self._generation

    @property
    def extensions(self) -> dict[str, Any]:
        """httpx request extensions (the TLS server name where the kubeconfig sets one)."""
        return self._extensions

    async def client(self) -> httpx.AsyncClient:
        """The HTTP client, made on first use. Raises ClusterUnavailableError."""
        if self._client is None:
            async with self._lock:
                if self._client is None:
                    self._client = await self._open()
        return self._client

    async def renew(self, generation: int) -> None:
        """Read credentials again unless another request has done so since ``generation``."""
        async with self._lock:
            if self._generation == generation:
                fresh = await self._open()
                # The old client may still carry other requests and watches; it is closed with the connection.
                if self._client is not None:
                    self._retired.append(self._client)
                self._client = fresh
                self._generation += 1

    async def close(self) -> None:
        for client in (self._client, *self._retired):
            if client is not None:
                await client.aclose()

    async def _open(self) -> httpx.AsyncClient:
        selection = self._choose()
        # Imports of half a second must not stop the event loop, which answers other calls meanwhile.
        auth_module = await asyncio.to_thread(importlib.import_module, "kr8s._auth")
        httpx_module = await asyncio.to_thread(importlib.import_module, "httpx")
        credentials: _Credentials = auth_module.KubeAuth(
            kubeconfig=selection.document,
            namespace=selection.namespace,
            context=selection.context if selection.document is not None else None,
        )
        try:
            await credentials.reauthenticate()
            verify = await credentials.ssl_context()
        except Exception as error:
            # kr8s and ssl raise whatever their parts raise; each means that these credentials cannot be used. The
            # text of an exec plugin's failure is kept, its output is not part of it.
            raise ClusterUnavailableError(
                f"the credentials of context {selection.context!r} in {selection.source} cannot be used: "
                f"{type(error).__name__}: {error}. Check that `kubectl --context {selection.context} version` "
                "works here."
            ) from error
        finally:
            _remove_temporary_files(credentials, selection)
        self._extensions = {"sni_hostname": credentials.tls_server_name} if credentials.tls_server_name else {}
        headers = {"User-Agent": USER_AGENT, "Accept": "application/json"}
        if credentials.token:
            headers["Authorization"] = f"Bearer {credentials.token.strip()}"
        loopback = _is_loopback(selection.server)
        return httpx_module.AsyncClient(
            base_url=selection.server,
            headers=headers,
            verify=verify,
            proxy=credentials.proxy,
            # As client-go: a proxy of the environment is never used for the machine itself.
            trust_env=not loopback,
            limits=httpx_module.Limits(max_connections=_MAX_CONNECTIONS, max_keepalive_connections=_MAX_CONNECTIONS),
            timeout=httpx_module.Timeout(30.0, connect=5.0, pool=None),
        )


def _remove_temporary_files(credentials: _Credentials, selection: Selection) -> None:
    """kr8s writes keys and certificates that a kubeconfig holds inline to files for OpenSSL and leaves them behind."""
    document = selection.document
    if document is None:
        return
    user, cluster = document["users"][0]["user"], document["clusters"][0]["cluster"]
    for path, given in (
        (credentials.client_key_file, user.get("client-key")),
        (credentials.client_cert_file, user.get("client-certificate")),
        (credentials.server_ca_file, cluster.get("certificate-authority")),
    ):
        if path and str(path) != str(given or ""):
            Path(str(path)).unlink(missing_ok=True)


def _is_loopback(server: str) -> bool:
    host = urlsplit(server).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

"""The oracle: what the API server says to another client."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import kr8s
import kr8s.asyncio
from anyio.from_thread import BlockingPortal


class ApiServer:
    """kr8s on an event loop of its own, with paths as in the API reference."""

    def __init__(self, kubeconfig: str, portal: BlockingPortal) -> None:
        self._portal = portal
        self._api = portal.call(partial(kr8s.asyncio.api, kubeconfig=kubeconfig))

    def call(
        self, method: str, path: str, body: Any = None, content_type: str = "application/json", **parameters: str
    ) -> Any:
        """One request to an absolute path; raises kr8s.ServerError."""
        extra = {"content": json.dumps(body), "headers": {"Content-Type": content_type}} if body is not None else {}

        async def send() -> Any:
            async with self._api.call_api(method, version="", base=path, params=parameters, **extra) as response:
                return response.json()

        return self._portal.call(send)

    def get(self, path: str) -> Any:
        """The object at the path, or None."""
        try:
            return self.call("GET", path)
        except kr8s.ServerError as error:
            if error.response is not None and error.response.status_code == 404:
                return None
            raise

    def post(self, path: str, body: Any) -> Any:
        return self.call("POST", path, body, fieldManager="somebody-else")

    def merge(self, path: str, patch: Any) -> Any:
        return self.call("PATCH", path, patch, "application/merge-patch+json", fieldManager="somebody-else")

    def apply(self, path: str, body: Any, manager: str, force: bool = False) -> Any:
        force_text = "true" if force else "false"
        return self.call("PATCH", path, body, "application/apply-patch+yaml", fieldManager=manager, force=force_text)

    def delete(self, path: str) -> Any:
        return self.call("DELETE", path)


@contextmanager
def new_namespace(api_server: ApiServer) -> Iterator[str]:
    """A namespace that nobody else uses."""
    name = f"provider-{secrets.token_hex(4)}"
    api_server.post("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    if api_server.get(f"/api/v1/namespaces/{name}") is not None:
        api_server.delete(f"/api/v1/namespaces/{name}")


def config_map(namespace: str, name: str | None = None, **data: Any) -> dict[str, Any]:
    metadata = {"namespace": namespace} | ({"name": name} if name else {})
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def config_maps(namespace: str, name: str = "") -> str:
    return f"/api/v1/namespaces/{namespace}/configmaps" + (f"/{name}" if name else "")


def service_account(namespace: str, name: str = "") -> str:
    return f"/api/v1/namespaces/{namespace}/serviceaccounts" + (f"/{name}" if name else "")

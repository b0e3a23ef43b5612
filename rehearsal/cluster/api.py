"""The few calls to a Kubernetes API server that bringing a cluster up needs."""

from __future__ import annotations

import contextlib
import json
import ssl
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import httpx
import yaml

from rehearsal.cluster.errors import ClusterError
from rehearsal.cluster.pki import Pair

FIELD_MANAGER = "mendix-registry-rehearsal"
_POLL_SECONDS = 0.05
_CUSTOM_RESOURCES = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
OPERATOR_CONFIGURATION = Path(__file__).with_name("operatorconfiguration.yaml")


class Api(Protocol):
    """What installing the definition needs of a connection to an API server."""

    def get(self, path: str) -> dict[str, Any] | None: ...

    def apply(self, path: str, document: dict[str, Any]) -> dict[str, Any]: ...


class ApiServer:
    """A connection to one API server. Raises :class:`ClusterError` when it cannot be reached or refuses."""

    def __init__(self, server: str, context: ssl.SSLContext, headers: dict[str, str] | None = None) -> None:
        self.server = server
        # Proxies of the environment are for the outside; the API server of a rehearsal is on this machine.
        self._client = httpx.Client(base_url=server, verify=context, headers=headers, timeout=10, trust_env=False)

    @classmethod
    def with_certificates(cls, server: str, authority: Path, client: Pair) -> ApiServer:
        context = ssl.create_default_context(cafile=str(authority))
        context.load_cert_chain(client.certificate, client.key)
        return cls(server, context)

    def __enter__(self) -> ApiServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def get(self, path: str) -> dict[str, Any] | None:
        """The object at ``path``; None when there is none."""
        response = self._request("GET", path)
        return None if response.status_code == HTTPStatus.NOT_FOUND else response.json()

    def ready(self) -> bool:
        """Whether the server reports that it is; False also when nothing listens yet."""
        try:
            return self._client.get("/readyz", timeout=2).status_code == HTTPStatus.OK
        except httpx.HTTPError:
            return False

    def apply(self, path: str, document: dict[str, Any], manager: str = FIELD_MANAGER) -> dict[str, Any]:
        """Server-side apply of ``document`` at ``path`` (the object's own path) as a field manager."""
        return self._request(
            "PATCH",
            path,
            params={"fieldManager": manager, "force": "true"},
            headers={"Content-Type": "application/apply-patch+yaml"},
            # JSON is YAML, and takes no time.
            content=json.dumps(document),
        ).json()

    def create(self, path: str, document: dict[str, Any]) -> dict[str, Any]:
        """POST of ``document`` to a collection or a subresource."""
        return self._request("POST", path, json=document).json()

    def _request(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            response = self._client.request(method, path, **options)
        except httpx.HTTPError as error:
            raise ClusterError(
                f"The API server {self.server} could not be reached: {error}",
                "See `rehearse status`; `rehearse down` and `rehearse up` start the built cluster again.",
            ) from error
        if response.is_error and response.status_code != HTTPStatus.NOT_FOUND:
            with contextlib.suppress(ValueError):
                message = response.json().get("message", "")
                raise ClusterError(f"The API server {self.server} refused {method} {path}: {message}")
            raise ClusterError(f"The API server {self.server} answered {response.status_code} to {method} {path}.")
        return response


def operator_configuration_definition() -> dict[str, Any]:
    """The rehearsal's own form of Mendix's CustomResourceDefinition."""
    return yaml.safe_load(OPERATOR_CONFIGURATION.read_text())


def install_operator_configuration(api: Api) -> None:
    """Install the rehearsal's CustomResourceDefinition unless the cluster has one by that name.

    One that is there may be Mendix's own: it is never touched.
    """
    document = operator_configuration_definition()
    path = f"{_CUSTOM_RESOURCES}/{document['metadata']['name']}"
    present = api.get(path)
    if present is None:
        api.apply(path, document)


def operator_configuration_served(api: Api) -> bool:
    """Whether OperatorConfiguration objects can be used: the definition is established some time after it is made."""
    name = operator_configuration_definition()["metadata"]["name"]
    present = api.get(f"{_CUSTOM_RESOURCES}/{name}") or {}
    conditions = present.get("status", {}).get("conditions", [])
    return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)


def node_schedulable(node: dict[str, Any] | None) -> bool:
    """Whether a Node object is Ready and has no taint that keeps pods away."""
    if node is None:
        return False
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in node.get("status", {}).get("conditions", []))
    taints = [taint for taint in node["spec"].get("taints", []) if taint["effect"] != "PreferNoSchedule"]
    return ready and not taints


def polled(condition: Callable[[], bool], seconds: float) -> Iterator[float]:
    """Yield the seconds passed each time ``condition`` is still false; end when it is true.

    Raises TimeoutError after ``seconds``.
    """
    began = time.monotonic()
    while not condition():
        passed = time.monotonic() - began
        if passed > seconds:
            raise TimeoutError
        yield passed
        time.sleep(_POLL_SECONDS)

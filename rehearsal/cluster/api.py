"""The few calls to a Kubernetes API server that bringing a cluster up needs."""

from __future__ import annotations

import contextlib
import http.client
import json
import ssl
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit

import yaml

from rehearsal.cluster.answers import UNREACHABLE, status
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
    """A connection to one API server. Raises :class:`ClusterError` when it cannot be reached or refuses.

    By the standard library: every command of `rehearse` calls the API server, and to import a client such as httpx takes longer
    than its calls.
    """

    def __init__(self, server: str, context: ssl.SSLContext) -> None:
        self.server = server
        self._context = context
        self._connection = http.client.HTTPSConnection(self._address, context=context, timeout=10)

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
        self._connection.close()

    def get(self, path: str) -> dict[str, Any] | None:
        """The object at ``path``; None when there is none."""
        return self._request("GET", path)

    def ready(self) -> bool:
        """Whether the server reports that it is; False also when nothing listens yet."""
        try:
            return status(self._address, "/readyz", self._context, {}) == HTTPStatus.OK
        except UNREACHABLE:
            return False

    def apply(self, path: str, document: dict[str, Any], manager: str = FIELD_MANAGER) -> dict[str, Any]:
        """Server-side apply of ``document`` at ``path`` (the object's own path) as a field manager."""
        query = urlencode({"fieldManager": manager, "force": "true"})
        # JSON is YAML, and takes no time.
        return self._request("PATCH", f"{path}?{query}", document, "application/apply-patch+yaml") or {}

    def create(self, path: str, document: dict[str, Any]) -> dict[str, Any]:
        """POST of ``document`` to a collection or a subresource."""
        return self._request("POST", path, document) or {}

    @property
    def _address(self) -> str:
        return urlsplit(self.server).netloc

    def _request(
        self, method: str, path: str, document: dict[str, Any] | None = None, content_type: str = "application/json"
    ) -> dict[str, Any] | None:
        """What is answered; None where there is no such object."""
        body = None if document is None else json.dumps(document)
        try:
            self._connection.request(method, path, body, {"Content-Type": content_type} if body else {})
            response = self._connection.getresponse()
            code, text = response.status, response.read()
        except UNREACHABLE as error:
            # The next request connects again.
            self._connection.close()
            raise ClusterError(
                f"The API server {self.server} could not be reached: {error}",
                "See `rehearse status`; `rehearse down` and `rehearse up` start the built cluster again.",
            ) from error
        if code == HTTPStatus.NOT_FOUND:
            return None
        if code >= HTTPStatus.BAD_REQUEST:
            with contextlib.suppress(ValueError):
                message = json.loads(text).get("message", "")
                raise ClusterError(f"The API server {self.server} refused {method} {path}: {message}")
            raise ClusterError(f"The API server {self.server} answered {code} to {method} {path}.")
        return json.loads(text)


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

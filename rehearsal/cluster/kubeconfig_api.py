"""Calls to a cluster that is known only by its kubeconfig, whatever way it has to authenticate."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
import warnings
from collections.abc import Coroutine
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar, cast

from rehearsal.cluster.api import FIELD_MANAGER
from rehearsal.cluster.errors import ClusterError

T = TypeVar("T")
_REMEDY = "Check that the cluster runs and that `kubectl --context {context} version` answers, then try again."


class KubeconfigApi:
    """kr8s behind the few calls of :class:`rehearsal.cluster.api.Api`: it knows tokens, plugins and certificates.

    Raises :class:`ClusterError` when the cluster cannot be reached or refuses.
    """

    def __init__(self, kubeconfig: Path, context: str) -> None:
        # Imported here: it takes most of a second, and only clusters that are not our own need it.
        import kr8s.asyncio

        self._context = context
        # kr8s keeps a connection for each event loop and remembers it by the kubeconfig's path, whatever that holds by then.
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="kubeconfig-api", daemon=True).start()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                self._api = self._wait(kr8s.asyncio.api(kubeconfig=str(kubeconfig), context=context))
            except Exception as error:
                raise self._unreachable(error) from error

    def version(self) -> str:
        """The server's version, such as ``v1.33.1``; asking is how reachability is found out."""
        return str((self.get("/version") or {}).get("gitVersion", ""))

    def get(self, path: str) -> dict[str, Any] | None:
        """The object at ``path``; None when there is none."""
        status, body = self._call("GET", path)
        return None if status == HTTPStatus.NOT_FOUND else body

    def apply(self, path: str, document: dict[str, Any]) -> dict[str, Any]:
        """Server-side apply of ``document`` at ``path`` (the object's own path)."""
        return self._call(
            "PATCH",
            path,
            params={"fieldManager": FIELD_MANAGER, "force": "true"},
            headers={"Content-Type": "application/apply-patch+yaml"},
            # JSON is YAML, and takes no time.
            content=json.dumps(document),
        )[1]

    def delete(self, path: str) -> bool:
        """Delete the object at ``path``; False when there was none."""
        return self._call("DELETE", path)[0] != HTTPStatus.NOT_FOUND

    def _call(self, method: str, path: str, **options: Any) -> tuple[int, dict[str, Any]]:
        import httpx
        from kr8s import APITimeoutError

        # kr8s puts a slash between the two, and "//version" would name a host.
        base, _, last = path.rpartition("/") if path.count("/") > 1 else (path, "", "")

        async def send() -> tuple[int, str]:
            # The one call of kr8s that its synchronous API does not have.
            call = cast("Any", self._api).call_api
            async with call(
                method, version="", base=base, url=last, raise_for_status=False, timeout=10, **options
            ) as answer:
                return int(answer.status_code), str(answer.text)

        try:
            status, text = self._wait(send())
        except (httpx.HTTPError, ssl.SSLError, OSError, APITimeoutError) as error:
            raise self._unreachable(error) from error
        body: dict[str, Any] = json.loads(text) if text.startswith("{") else {}
        if status >= HTTPStatus.BAD_REQUEST and status != HTTPStatus.NOT_FOUND:
            raise ClusterError(
                f"The cluster {self._context} refused {method} {path}: {body.get('message') or text[:300] or status}",
                "The rehearsal needs a user who may create namespaces, custom resource definitions and workloads.",
            )
        return status, body

    def _wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def _unreachable(self, error: Exception) -> ClusterError:
        return ClusterError(
            f"The cluster {self._context} could not be reached: {error or type(error).__name__}",
            _REMEDY.format(context=self._context),
        )

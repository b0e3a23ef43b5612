"""Requests to the API server: bounded retries, errors as values, watches, and one clear message when it is out of
reach."""

from __future__ import annotations

import asyncio
import json
import random
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, cast

from .connection import Connection
from .errors import ApiError, CancelledOperationError, ClusterUnavailableError
from .kubeconfig import Selection, select

if TYPE_CHECKING:
    import httpx

APPLY: Final = "application/apply-patch+yaml"
JSON: Final = "application/json"
# The statuses with which an API server, or a load balancer before it, says "not now".
_NOT_NOW: Final = frozenset({429, 502, 503, 504})
# How long requests are retried, in seconds: a server that has answered before is restarting, another one may never
# have existed.
PATIENCE: Final = 30.0
FIRST_PATIENCE: Final = 3.0
_INTERNAL_ERROR_ATTEMPTS: Final = 3
_WARNING: Final = re.compile(r'299 \S+ "((?:[^"\\]|\\.)*)"')

Parameters = Mapping[str, str]


class Api:
    """One API server for the life of the plugin. Safe for concurrent use on one event loop."""

    def __init__(self, kubeconfig: str | None, context: str | None, cluster: str | None) -> None:
        self._settings = (kubeconfig, context, cluster)
        self._selection: Selection | None = None
        self._connection = Connection(self._select_again)
        self._reached = False
        self._cancelled = asyncio.Event()

    @property
    def selection(self) -> Selection:
        """The cluster in use. Raises ClusterUnavailableError where the configuration names none."""
        if self._selection is None:
            self._selection = select(*self._settings)
        return self._selection

    @property
    def cancelled(self) -> bool:
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """End every wait and refuse further work."""
        self._cancelled.set()

    async def pause(self, seconds: float) -> None:
        """Sleep; raises CancelledOperationError as soon as the engine cancels."""
        try:
            await asyncio.wait_for(self._cancelled.wait(), seconds)
        except TimeoutError:
            return
        raise CancelledOperationError("the operation was cancelled")

    async def wait_cancelled(self) -> None:
        await self._cancelled.wait()

    async def close(self) -> None:
        await self._connection.close()

    async def get(self, path: str, parameters: Parameters | None = None) -> dict[str, Any]:
        """A GET; raises ApiError, ClusterUnavailableError or CancelledOperationError, as every request does."""
        return await self.request("GET", path, parameters)

    async def find(self, path: str) -> dict[str, Any] | None:
        """The object at the path, or None if there is none."""
        try:
            return await self.get(path)
        except ApiError as error:
            if error.not_found:
                return None
            raise

    async def request(
        self,
        method: str,
        path: str,
        parameters: Parameters | None = None,
        body: Any = None,
        content_type: str = JSON,
        on_warning: Callable[[str], None] | None = None,
    ) -> dict[str, Any]:
        """Send a request and return the object that comes back; ``on_warning`` gets the API server's warnings.

        Every method used here may be repeated: apply and delete have the same result twice. Transient failures are
        retried with backoff for ``PATIENCE`` seconds, or the server's Retry-After.
        """
        response = await self._send(method, path, parameters, body, content_type)
        if on_warning is not None:
            for header in response.headers.get_list("warning"):
                for match in _WARNING.finditer(header):
                    on_warning(match.group(1).replace('\\"', '"'))
        return cast("dict[str, Any]", response.json())

    async def text(self, path: str, parameters: Parameters | None = None) -> str:
        """A GET whose answer is text, such as a container's log."""
        return (await self._send("GET", path, parameters, None, JSON)).text

    async def _send(
        self, method: str, path: str, parameters: Parameters | None, body: Any, content_type: str
    ) -> httpx.Response:
        import httpx

        content = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        started = time.monotonic()
        attempt = 0
        renewed = False
        while True:
            if self.cancelled:
                raise CancelledOperationError("the operation was cancelled before it was sent")
            attempt += 1
            generation = self._connection.generation
            asked: float | None = None
            try:
                client = await self._connection.client()
                response = await client.request(
                    method,
                    path,
                    params=parameters,
                    content=content,
                    headers={"Content-Type": content_type} if content is not None else None,
                    extensions=self._connection.extensions or None,
                )
            except httpx.TransportError as error:
                failure: Exception = self._unreachable(error)
                if isinstance(error, httpx.ConnectError) and "CERTIFICATE" in str(error):
                    raise failure from error
            else:
                self._reached = True
                if response.is_success:
                    return response
                failure = _api_error(response, f"{method} {path}")
                if response.status_code == 401 and not renewed:
                    # Tokens expire; an exec plugin or a rewritten file gives a new one.
                    renewed = True
                    await self._connection.renew(generation)
                    continue
                if response.status_code == 401:
                    raise self._unauthorized(failure) from None
                if not _may_pass(failure, attempt):
                    raise failure
                asked = failure.retry_after
            patience = PATIENCE if self._reached else FIRST_PATIENCE
            # Jitter, so that resources that failed together do not come back together.
            backoff = min(0.2 * 2 ** min(attempt, 5), 5.0) * random.uniform(0.5, 1.0)  # noqa: S311
            delay = backoff if asked is None else asked
            if time.monotonic() - started + delay > patience:
                raise failure
            await self.pause(delay)

    @asynccontextmanager
    async def watch(self, path: str, parameters: Parameters) -> AsyncGenerator[AsyncIterator[dict[str, Any]]]:
        """A watch's events (``type``, ``object``) until the server ends it. Raises ApiError if it is refused."""
        import httpx

        client = await self._connection.client()
        timeout = httpx.Timeout(10.0, read=None)
        request = client.build_request(
            "GET",
            path,
            params={**parameters, "watch": "true"},
            timeout=timeout,
            extensions=self._connection.extensions or None,
        )
        response = await client.send(request, stream=True)
        try:
            if not response.is_success:
                await response.aread()
                raise _api_error(response, f"watch {path}")
            yield _events(response)
        finally:
            await response.aclose()

    def _select_again(self) -> Selection:
        self._selection = select(*self._settings)
        return self._selection

    def _unreachable(self, error: Exception) -> ClusterUnavailableError:
        chosen = self.selection
        reason = str(error) or type(error).__name__
        if "CERTIFICATE" in reason:
            remedy = "the kubeconfig's certificate-authority is not the one of this server; fetch a fresh kubeconfig"
        elif self._reached:
            remedy = "it answered before, so it is restarting or the network is interrupted; run the same command again"
        else:
            remedy = (
                f"check that the cluster runs and that `kubectl --context {chosen.context} version` works here, "
                "or select another context"
            )
        return ClusterUnavailableError(
            f"the Kubernetes API server {chosen.server} (context {chosen.context!r} of {chosen.source}) cannot "
            "be reached: "
            f"{reason}. What to do: {remedy}."
        )

    def _unauthorized(self, error: ApiError) -> ClusterUnavailableError:
        chosen = self.selection
        return ClusterUnavailableError(
            f"the Kubernetes API server {chosen.server} refuses the credentials of context {chosen.context!r} in "
            f"{chosen.source}: {error.message}. Log in again or fetch a fresh kubeconfig."
        )


async def _events(response: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    async for line in response.aiter_lines():
        if line:
            yield json.loads(line)


def _api_error(response: httpx.Response, request: str) -> ApiError:
    try:
        status: Any = response.json()
    except ValueError:
        status = {"message": response.text[:500]}
    if not isinstance(status, dict):
        status = {}
    retry_after = response.headers.get("retry-after", "")
    return ApiError(
        response.status_code,
        cast("dict[str, Any]", status),
        request,
        float(retry_after) if retry_after.isdigit() else None,
    )


def _may_pass(error: ApiError, attempt: int) -> bool:
    if error.code in _NOT_NOW:
        return True
    # 500 is a failing webhook or etcd changing its leader: the first stays, the second passes in a second or two.
    return error.code == 500 and attempt < _INTERNAL_ERROR_ATTEMPTS

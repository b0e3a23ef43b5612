"""Keeps objects of the API up to date while something waits for them, and runs the wait."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, cast

from rehearsal.providers.kubernetes.api import Api
from rehearsal.providers.kubernetes.errors import ApiError, CancelledOperationError, KubernetesError
from rehearsal.providers.kubernetes.properties import mapping_at

from .verdict import AwaitError, Failed, Pending, Ready, Verdict

_TICK: Final = 1.0  # seconds between two looks when nothing changes, for what depends on time alone
# The server ends a watch after this many seconds and the collection is listed afresh: a connection that died without
# notice costs no more than that.
_WATCH_SECONDS: Final = 50


class Collection:
    """The objects that a list request selects, followed by a watch.

    ``objects`` maps uid to the object's latest state, ``gone`` to the last state of deleted ones. ``refusal`` is set
    where the user may not list these objects: a wait then goes on without them.
    """

    def __init__(self, api: Api, path: str, parameters: Mapping[str, str]) -> None:
        self._api = api
        self._path = path
        self._parameters = dict(parameters)
        self.objects: dict[str, dict[str, Any]] = {}
        self.gone: dict[str, dict[str, Any]] = {}
        self.refusal: ApiError | None = None
        self.failure: KubernetesError | None = None
        self.listed = False

    async def follow(self, changed: asyncio.Event) -> None:
        """List and watch until cancelled or refused, and set ``changed`` after every change."""
        import httpx

        while self.refusal is None and self.failure is None:
            try:
                version = await self._list()
                changed.set()
                await self._watch(version, changed)
            except ApiError as error:
                if error.code in (401, 403) or (error.code == 404 and not self.listed):
                    self.refusal = error
                else:
                    await asyncio.sleep(0.5)  # 410: the version is too old; 429, 5xx: the list retries on its own
            except httpx.HTTPError:
                await asyncio.sleep(0.2)
            except KubernetesError as error:
                self.failure = error
        changed.set()

    async def _list(self) -> str:
        document = await self._api.get(self._path, self._parameters)
        items: list[dict[str, Any]] = document.get("items") or []
        current = {str(item["metadata"]["uid"]): item for item in items}
        for uid, item in self.objects.items():
            if uid not in current:
                self.gone[uid] = item
        self.objects = current
        self.listed = True
        return str(mapping_at(document, "metadata").get("resourceVersion", ""))

    async def _watch(self, version: str, changed: asyncio.Event) -> None:
        parameters = {**self._parameters, "resourceVersion": version, "timeoutSeconds": str(_WATCH_SECONDS)}
        async with self._api.watch(self._path, parameters) as events:
            async for event in events:
                item = cast("dict[str, Any]", event["object"])
                if event["type"] == "ERROR":
                    raise ApiError(int(item.get("code") or 500), item, f"watch {self._path}")
                uid = str(item["metadata"]["uid"])
                if event["type"] == "DELETED":
                    self.objects.pop(uid, None)
                    self.gone[uid] = item
                elif event["type"] in ("ADDED", "MODIFIED"):
                    self.objects[uid] = item
                changed.set()


class Watcher:
    """The collections of one wait; more may be added while it runs."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.changed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._collections: list[Collection] = []

    def follow(self, path: str, **selectors: str) -> Collection:
        """Start following a collection; ``selectors`` are query parameters such as ``fieldSelector``."""
        collection = Collection(self.api, path, selectors)
        self._collections.append(collection)
        self._tasks.append(asyncio.create_task(collection.follow(self.changed)))
        return collection

    def raise_failure(self) -> None:
        for collection in self._collections:
            if collection.failure is not None:
                raise collection.failure

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def watching(api: Api) -> AsyncGenerator[Watcher]:
    watcher = Watcher(api)
    try:
        yield watcher
    finally:
        await watcher.close()


async def wait_for_verdict(
    watcher: Watcher,
    judge: Callable[[], Awaitable[Verdict]],
    *,
    what: str,
    timeout: float,
    on_progress: Callable[[str], None],
) -> None:
    """Ask ``judge`` after every change, and every second, until the object is ready.

    Raises AwaitError when it fails, after ``timeout`` seconds, or when the engine cancels.
    """
    started = time.monotonic()
    deadline = started + timeout
    cancelled = asyncio.create_task(watcher.api.wait_cancelled())
    try:
        while True:
            watcher.changed.clear()
            watcher.raise_failure()
            verdict = await judge()
            if isinstance(verdict, Ready):
                return
            if isinstance(verdict, Failed):
                raise AwaitError(f"{what} failed", verdict.reasons, verdict.log_lines)
            on_progress(verdict.progress)
            if time.monotonic() >= deadline:
                raise _timed_out(what, timeout, verdict)
            await _next_look(watcher.changed, cancelled, min(_TICK, deadline - time.monotonic()))
            if cancelled.done():
                raise AwaitError(
                    f"cancelled while waiting for {what}; it exists and was left as it is", (verdict.progress,)
                )
    except CancelledOperationError as error:
        raise AwaitError(f"cancelled while waiting for {what}; it exists and was left as it is") from error
    finally:
        cancelled.cancel()


async def _next_look(changed: asyncio.Event, cancelled: asyncio.Task[None], seconds: float) -> None:
    waiting = asyncio.create_task(changed.wait())
    try:
        await asyncio.wait({waiting, cancelled}, timeout=max(seconds, 0.0), return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()


def _timed_out(what: str, timeout: float, verdict: Pending) -> AwaitError:
    return AwaitError(
        f"{what} was not ready within {timeout:g} s",
        (
            f"last seen: {verdict.progress}",
            *verdict.reasons,
            "If it only needs longer, raise the resource option custom_timeouts or the annotation "
            "pulumi.com/timeoutSeconds.",
        ),
    )

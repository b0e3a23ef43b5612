"""Waits until an object does what it is for, kind by kind; ``await_ready`` is the only entry."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from rehearsal.providers.kubernetes.annotations import skips_await, timeout_seconds, wait_conditions
from rehearsal.providers.kubernetes.api import Api
from rehearsal.providers.kubernetes.discovery import Endpoint
from rehearsal.providers.kubernetes.engine_log import EngineLog
from rehearsal.providers.kubernetes.properties import Properties, mapping_at

from .conditions import judge_all, parse_condition
from .job import JobJudge, unfinished
from .status import STATUS_JUDGES, StatusJudge, waits_for_consumer
from .verdict import AwaitError, Failed, Pending, Verdict
from .watching import Watcher, wait_for_verdict, watching
from .workloads import PLURALS, PodJudge, WorkloadJudge, count_missing

__all__ = ["AwaitError", "Wait", "await_ready", "unready_reason"]

# Seconds; pulumi-kubernetes' defaults for these kinds, and for kinds that wait by annotation.
_TIMEOUTS: Final = {
    "Job": 600.0,
    "Deployment": 600.0,
    "StatefulSet": 600.0,
    "DaemonSet": 600.0,
    "Service": 600.0,
    "ReplicaSet": 600.0,
    "Pod": 300.0,
    "PersistentVolumeClaim": 300.0,
}
_DEFAULT_TIMEOUT: Final = 600.0

Judge = Callable[[], Awaitable[Verdict]]


@dataclass(frozen=True, slots=True)
class Wait:
    """One wait: for which object, on whose behalf, and how long (``requested`` in seconds, 0: by annotation or
    kind)."""

    api: Api
    log: EngineLog
    urn: str
    endpoint: Endpoint
    live: Mapping[str, Any]
    inputs: Properties
    requested: float


async def await_ready(wait: Wait) -> bool:
    """Return when the object is ready: True after a wait, False for what needed none and is as ``wait.live`` says.

    Shows progress on the resource's status line. Raises AwaitError when it fails, takes too long, or the engine
    cancels.
    """
    if skips_await(wait.inputs):
        return False
    kind = wait.endpoint.kind
    async with watching(wait.api) as watcher:
        judge = await _judge(wait, watcher)
        if judge is None:
            return False
        metadata = mapping_at(wait.live, "metadata")
        place = f"{metadata['namespace']}/" if metadata.get("namespace") else ""
        try:
            await wait_for_verdict(
                watcher,
                judge,
                what=f"{kind.kind} {place}{metadata['name']}",
                timeout=timeout_seconds(wait.requested, wait.inputs, _TIMEOUTS.get(kind.kind, _DEFAULT_TIMEOUT)),
                on_progress=lambda line: wait.log.status(wait.urn, line),
            )
        finally:
            wait.log.clear_status(wait.urn)
    return True


async def _judge(wait: Wait, watcher: Watcher) -> Judge | None:
    kind = wait.endpoint.kind
    expressions = wait_conditions(wait.inputs)
    if expressions:
        predicates = [(text, parse_condition(text)) for text in expressions]
        return _by_status(wait, watcher, lambda live: judge_all(live, predicates))
    if kind.group == "batch" and kind.kind == "Job":
        return JobJudge(watcher, wait.live).judge
    if kind.group == "apps" and kind.kind in PLURALS:
        return WorkloadJudge(watcher, wait.live, PLURALS[kind.kind]).judge
    if kind.group == "" and kind.kind == "Pod":
        return PodJudge(watcher, wait.live).judge
    by_status = STATUS_JUDGES.get((kind.group, kind.kind))
    if by_status is None or not isinstance(verdict := by_status(wait.live), Pending | Failed):
        return None  # nothing to wait for, or there already: no watch is opened
    if kind.kind == "PersistentVolumeClaim" and isinstance(verdict, Pending):
        name = mapping_at(wait.live, "spec").get("storageClassName")
        if name and waits_for_consumer(await wait.api.find(f"/apis/storage.k8s.io/v1/storageclasses/{name}")):
            return None
    return _by_status(wait, watcher, by_status)


def _by_status(wait: Wait, watcher: Watcher, judge: StatusJudge) -> Judge:
    metadata = mapping_at(wait.live, "metadata")
    uid = str(metadata["uid"])
    objects = watcher.follow(
        wait.endpoint.path(str(metadata.get("namespace") or "")), fieldSelector=f"metadata.name={metadata['name']}"
    )

    async def look() -> Verdict:
        live = objects.objects.get(uid)
        if live is None:
            if objects.listed:
                return Failed(("the object was deleted by somebody else",))
            if objects.refusal is not None:
                return Failed(
                    (f"it cannot be watched: {objects.refusal.message}. Set pulumi.com/skipAwait to go on without",)
                )
            return Pending("waiting for the API server")
        return judge(live)

    return look


def unready_reason(endpoint: Endpoint, live: Mapping[str, Any], inputs: Properties) -> str | None:
    """Why an object is not ready now, judged by its status alone; None where it is or nothing is known.

    A refresh reports it, so that a failed Job is not taken for a good one afterwards.
    """
    kind = endpoint.kind
    if skips_await(inputs):
        return None
    if kind.group == "batch" and kind.kind == "Job":
        return unfinished(live)
    if kind.group == "apps":
        return count_missing(live)
    return None

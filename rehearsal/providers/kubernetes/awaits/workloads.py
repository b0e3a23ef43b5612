"""Pods and the workloads that keep pods running: ready when the wanted number serves."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from rehearsal.providers.kubernetes.hints import with_hint
from rehearsal.providers.kubernetes.properties import mapping_at, objects_at

from .pods import LastWords, PodProgress, StartProblems, is_ready, pod_name, unschedulable
from .verdict import Failed, Pending, Ready, Verdict
from .watching import Watcher

# A rollout whose pods the API server refuses may be waiting for a ServiceAccount that comes a moment later.
_REFUSAL_PATIENCE: Final = 20.0


class PodJudge:
    """A pod is ready when its Ready condition is true, or it has run to a successful end."""

    def __init__(self, watcher: Watcher, live: Mapping[str, Any]) -> None:
        metadata = mapping_at(live, "metadata")
        namespace = str(metadata["namespace"])
        self._uid = str(metadata["uid"])
        self._pods = watcher.follow(
            f"/api/v1/namespaces/{namespace}/pods", fieldSelector=f"metadata.name={metadata['name']}"
        )
        self._events = watcher.follow(
            f"/api/v1/namespaces/{namespace}/events", fieldSelector=f"involvedObject.uid={self._uid}"
        )
        self._words = LastWords(watcher.api, namespace)
        self._problems = StartProblems()
        self._progress = PodProgress()

    async def judge(self) -> Verdict:
        pod = self._pods.objects.get(self._uid)
        if pod is None:
            if self._pods.listed:
                return Failed(("the pod was deleted by somebody else",))
            return Pending("waiting for the API server")
        phase = mapping_at(pod, "status").get("phase")
        if phase == "Succeeded" or is_ready(pod):
            return Ready()
        await self._words.capture(pod, running=False)
        end = self._words.latest
        if phase == "Failed":
            status = mapping_at(pod, "status")
            reason = with_hint(f"{status.get('reason') or 'Failed'}: {status.get('message') or 'a container failed'}")
            return Failed((end.describe, reason) if end else (reason,))
        lasting = [problem for problem in self._problems.of(pod) if problem.lasting]
        if lasting:
            return Failed(tuple(problem.describe(pod_name(pod)) for problem in lasting))
        reasons = [with_hint(text) for text in (unschedulable(pod),) if text]
        if end:
            reasons.append(end.describe)
        return Pending(self._progress.line(pod, self._events.objects), tuple(reasons))


class WorkloadJudge:
    """A Deployment, StatefulSet, DaemonSet or ReplicaSet, with the pods that its selector selects."""

    def __init__(self, watcher: Watcher, live: Mapping[str, Any], plural: str) -> None:
        metadata = mapping_at(live, "metadata")
        namespace = str(metadata["namespace"])
        self._uid = str(metadata["uid"])
        self._kind = str(live["kind"])
        self._count = _COUNTS[self._kind]
        self._objects = watcher.follow(
            f"/apis/{live['apiVersion']}/namespaces/{namespace}/{plural}",
            fieldSelector=f"metadata.name={metadata['name']}",
        )
        self._pods = watcher.follow(f"/api/v1/namespaces/{namespace}/pods", labelSelector=_selector(live))
        self._words = LastWords(watcher.api, namespace)
        self._problems: dict[str, StartProblems] = {}
        self._refused_since: float | None = None

    async def judge(self) -> Verdict:
        workload = self._objects.objects.get(self._uid)
        if workload is None:
            if self._objects.listed:
                return Failed((f"the {self._kind} was deleted by somebody else",))
            return Pending("waiting for the API server")
        metadata, status = mapping_at(workload, "metadata"), mapping_at(workload, "status")
        if int(status.get("observedGeneration") or 0) < int(metadata.get("generation") or 0):
            return Pending("waiting for the controller to see the change")
        progress = self._count(workload)
        if progress is None:
            return Ready()
        return await self._look_at_pods() or self._look_at_conditions(status) or Pending(progress, self._reasons())

    async def _look_at_pods(self) -> Verdict | None:
        for uid, pod in self._pods.objects.items():
            if is_ready(pod):
                continue
            await self._words.capture(pod, running=False)
            problems = self._problems.setdefault(uid, StartProblems())
            lasting = [problem for problem in problems.of(pod) if problem.lasting]
            if lasting:
                return Failed(tuple(problem.describe(pod_name(pod)) for problem in lasting))
        return None

    def _look_at_conditions(self, status: Mapping[str, Any]) -> Verdict | None:
        for condition in objects_at(status, "conditions"):
            message = str(condition.get("message") or "")
            if condition.get("type") == "Progressing" and condition.get("reason") == "ProgressDeadlineExceeded":
                return Failed((*self._reasons(), f"ProgressDeadlineExceeded: {message}"))
            if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
                self._refused_since = self._refused_since or time.monotonic()
                lasting = "violates PodSecurity" in message or "is invalid" in message
                if lasting or time.monotonic() - self._refused_since >= _REFUSAL_PATIENCE:
                    return Failed((with_hint(f"the API server refuses its pods: {message}"),))
        return None

    def _reasons(self) -> tuple[str, ...]:
        reasons = [with_hint(text) for text in map(unschedulable, self._pods.objects.values()) if text]
        if end := self._words.latest:
            reasons.append(end.describe)
        return tuple(dict.fromkeys(reasons))


def _selector(live: Mapping[str, Any]) -> str:
    labels = mapping_at(live, "spec", "selector", "matchLabels")
    return ",".join(f"{name}={value}" for name, value in labels.items())


def _replicas(workload: Mapping[str, Any]) -> int:
    wanted = mapping_at(workload, "spec").get("replicas")
    return 1 if wanted is None else int(wanted)


def _count_deployment(workload: Mapping[str, Any]) -> str | None:
    status, wanted = mapping_at(workload, "status"), _replicas(workload)
    updated, available = int(status.get("updatedReplicas") or 0), int(status.get("availableReplicas") or 0)
    total = int(status.get("replicas") or 0)
    if updated >= wanted and available >= wanted and total <= updated:
        return None
    return f"{available} of {wanted} replicas available, {updated} of the new version"


def _count_stateful_set(workload: Mapping[str, Any]) -> str | None:
    spec, status, wanted = mapping_at(workload, "spec"), mapping_at(workload, "status"), _replicas(workload)
    ready, updated = int(status.get("readyReplicas") or 0), int(status.get("updatedReplicas") or 0)
    on_delete = mapping_at(spec, "updateStrategy").get("type") == "OnDelete"
    partition = int(mapping_at(spec, "updateStrategy", "rollingUpdate").get("partition") or 0)
    if ready >= wanted and (on_delete or updated >= wanted - partition):
        return None
    return f"{ready} of {wanted} replicas ready, {updated} of the new version"


def _count_daemon_set(workload: Mapping[str, Any]) -> str | None:
    status = mapping_at(workload, "status")
    wanted = int(status.get("desiredNumberScheduled") or 0)
    available, updated = int(status.get("numberAvailable") or 0), int(status.get("updatedNumberScheduled") or 0)
    on_delete = mapping_at(workload, "spec", "updateStrategy").get("type") == "OnDelete"
    if available >= wanted and (on_delete or updated >= wanted):
        return None
    return f"available on {available} of {wanted} nodes, {updated} of the new version"


def _count_replica_set(workload: Mapping[str, Any]) -> str | None:
    wanted, available = _replicas(workload), int(mapping_at(workload, "status").get("availableReplicas") or 0)
    return None if available >= wanted else f"{available} of {wanted} replicas available"


_COUNTS: Final[dict[str, Callable[[Mapping[str, Any]], str | None]]] = {
    "Deployment": _count_deployment,
    "StatefulSet": _count_stateful_set,
    "DaemonSet": _count_daemon_set,
    "ReplicaSet": _count_replica_set,
}

PLURALS: Final = {
    "Deployment": "deployments",
    "StatefulSet": "statefulsets",
    "DaemonSet": "daemonsets",
    "ReplicaSet": "replicasets",
}


def count_missing(live: Mapping[str, Any]) -> str | None:
    """What a workload lacks by its status alone; None where it serves, or is no workload."""
    count = _COUNTS.get(str(live.get("kind")))
    return count(live) if count is not None else None

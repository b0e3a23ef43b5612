"""A Job is ready when it is complete, and a failed one is told in its container's own words."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from rehearsal.providers.kubernetes.hints import with_hint
from rehearsal.providers.kubernetes.properties import mapping_at, objects_at

from .pods import LastWords, PodProgress, StartProblems, pod_name, unschedulable
from .verdict import Failed, Pending, Ready, Verdict
from .watching import Collection, Watcher

# Refusals of the API server that stay as long as Job and namespace stay as they are.
_LASTING_REFUSALS: Final = ("violates PodSecurity", "admission webhook", "is invalid", "Invalid value")
# Others (a ServiceAccount or quota that comes a moment later) may pass.
_REFUSAL_PATIENCE: Final = 20.0
# A Job that exceeded its deadline has failed, but its pods may use their grace period to end; nobody need wait for that.
_ENDING_PATIENCE: Final = 3.0


class JobJudge:
    """Follows one Job, its pods and their events."""

    def __init__(self, watcher: Watcher, live: Mapping[str, Any]) -> None:
        metadata = mapping_at(live, "metadata")
        self._uid = str(metadata["uid"])
        self._namespace = str(metadata["namespace"])
        self._watcher = watcher
        self._jobs = watcher.follow(
            f"/apis/batch/v1/namespaces/{self._namespace}/jobs", fieldSelector=f"metadata.name={metadata['name']}"
        )
        # Of both labels the API server sets, the uid's is never shared with an earlier Job of the same name.
        self._pods = watcher.follow(
            f"/api/v1/namespaces/{self._namespace}/pods",
            labelSelector=f"batch.kubernetes.io/controller-uid={self._uid}",
        )
        self._events = self._events_of(self._uid)
        self._pod_events: dict[str, Collection] = {}
        self._words = LastWords(watcher.api, self._namespace)
        self._problems = StartProblems()
        self._progress = PodProgress()
        self._refused_since: float | None = None
        self._failing_since: float | None = None

    async def judge(self) -> Verdict:
        job = self._jobs.objects.get(self._uid)
        if job is None:
            return await self._missing()
        conditions = _conditions(job)
        if _holds(conditions, "Complete"):
            return Ready()
        if mapping_at(job, "spec").get("suspend") is True:
            return Ready()  # it is to wait for somebody who resumes it
        failing = [conditions[name] for name in ("Failed", "FailureTarget") if _holds(conditions, name)]
        await self._capture(bool(failing))
        if failing and self._is_over(conditions):
            return self._failed(failing[0])
        return self._look_at_pods() or self._look_at_events() or self._pending(job)

    def _is_over(self, conditions: Mapping[str, Mapping[str, Any]]) -> bool:
        """Whether a failing Job is to be reported: when its pods have ended, or take their time to end."""
        if _holds(conditions, "Failed"):
            return True
        self._failing_since = self._failing_since or time.monotonic()
        return time.monotonic() - self._failing_since >= _ENDING_PATIENCE

    async def _missing(self) -> Verdict:
        last = self._jobs.gone.get(self._uid)
        if last is None:
            if not self._jobs.listed:
                return Pending("waiting for the API server")
            return Failed(("the Job was deleted before it could be observed",))
        if _holds(_conditions(last), "Complete"):
            return Ready()  # ttlSecondsAfterFinished removed it
        if failed := _conditions(last).get("Failed"):
            return self._failed(failed)
        return Failed(("the Job was deleted by somebody else while it ran",))

    async def _capture(self, ending: bool) -> None:
        for uid, pod in self._pods.objects.items():
            if uid not in self._pod_events:
                self._pod_events[uid] = self._events_of(uid)
            going = ending or bool(mapping_at(pod, "metadata").get("deletionTimestamp"))
            await self._words.capture(pod, running=going)

    def _failed(self, condition: Mapping[str, Any]) -> Failed:
        reason, message = str(condition.get("reason") or "Failed"), str(condition.get("message") or "")
        reasons = [with_hint(f"{reason}: {message}" if message else reason, reason)]
        if end := self._words.latest:
            reasons.insert(0, end.describe)
            return Failed(tuple(reasons), end.log if len(end.log) > len(end.describe.splitlines()) else ())
        reasons.extend(
            problem.describe(pod_name(pod)) for pod in self._all_pods() for problem in self._problems.of(pod)
        )
        if self._pods.refusal is not None:
            reasons.append(f"its pods and logs may not be read: {self._pods.refusal.message}")
        return Failed(tuple(reasons))

    def _all_pods(self) -> list[dict[str, Any]]:
        return [*self._pods.objects.values(), *self._pods.gone.values()]

    def _look_at_pods(self) -> Verdict | None:
        for pod in self._pods.objects.values():
            lasting = [problem for problem in self._problems.of(pod) if problem.lasting]
            if lasting:
                return Failed(tuple(problem.describe(pod_name(pod)) for problem in lasting))
        return None

    def _look_at_events(self) -> Verdict | None:
        """Pods that the API server does not let the Job create appear only as events of the Job."""
        if self._pods.objects:
            self._refused_since = None
            return None
        refusals = [event for event in self._events.objects.values() if event.get("reason") == "FailedCreate"]
        if not refusals:
            return None
        message = str(refusals[-1].get("message") or "").removeprefix("Error creating: ")
        self._refused_since = self._refused_since or time.monotonic()
        lasting = any(text in message for text in _LASTING_REFUSALS)
        description = with_hint(f"the API server refuses the Job's pods: {message}")
        if lasting or time.monotonic() - self._refused_since >= _REFUSAL_PATIENCE:
            return Failed((description,))
        return Pending(f"pod refused: {message}", (description,))

    def _pending(self, job: Mapping[str, Any]) -> Pending:
        pods = list(self._pods.objects.values())
        if not pods:
            refusal = self._pods.refusal
            note = (f"its pods may not be read, so nothing more is known: {refusal.message}",) if refusal else ()
            return Pending("waiting for the Job's pod", note)
        newest = max(pods, key=lambda pod: str(mapping_at(pod, "metadata").get("creationTimestamp")))
        events = self._pod_events.get(str(newest["metadata"]["uid"]))
        going = bool(mapping_at(newest, "metadata").get("deletionTimestamp"))
        failures = 0 if going else int(mapping_at(job, "status").get("failed") or 0)
        line = self._progress.line(newest, events.objects if events else {})
        reasons = [with_hint(text) for text in (unschedulable(newest),) if text]
        if end := self._words.latest:
            reasons.append(end.describe)
        return Pending(f"{line} (attempt {failures + 1})" if failures else line, tuple(reasons))

    def _events_of(self, uid: str) -> Collection:
        return self._watcher.follow(
            f"/api/v1/namespaces/{self._namespace}/events", fieldSelector=f"involvedObject.uid={uid}"
        )


def _conditions(job: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {str(item.get("type")): item for item in objects_at(job, "status", "conditions")}


def _holds(conditions: Mapping[str, Mapping[str, Any]], name: str) -> bool:
    return name in conditions and conditions[name].get("status") == "True"


def is_complete(job: Mapping[str, Any]) -> bool:
    """Whether the Job has run to its end successfully."""
    return _holds(_conditions(job), "Complete")


def unfinished(job: Mapping[str, Any]) -> str | None:
    """Why the Job is not complete, by its status alone; None where it is, or is suspended."""
    if is_complete(job) or mapping_at(job, "spec").get("suspend") is True:
        return None
    failed = _conditions(job).get("Failed", {})
    if failed.get("status") == "True":
        return with_hint(f"the Job failed: {failed.get('reason')}: {failed.get('message')}", str(failed.get("reason")))
    return "the Job has not finished"

"""What pods say about themselves: what runs, what keeps them from running, and how a container ended."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from rehearsal.providers.kubernetes.api import Api
from rehearsal.providers.kubernetes.errors import ApiError, KubernetesError
from rehearsal.providers.kubernetes.hints import hint_for, with_hint
from rehearsal.providers.kubernetes.properties import mapping_at, objects_at

# Waiting reasons of the kubelet that mean "this container cannot start", though the kubelet goes on trying.
_CANNOT_START: Final = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "ErrImageNeverPull",
        "InvalidImageName",
        "ImageInspectError",
        "RegistryUnavailable",
        "SignatureValidationFailed",
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
        "PostStartHookError",
    }
)
# Of these, the ones that no waiting mends.
_PERMANENT: Final = frozenset({"InvalidImageName", "ErrImageNeverPull"})
_RUNTIME_ENDS: Final = frozenset({"OOMKilled", "StartError", "ContainerCannotRun"})
# How long the others may last: a Secret or image may appear a moment later, a registry's hiccup may pass. Well under
# the minute within which a user must hear of a wrong image.
START_PATIENCE: Final = 25.0
QUOTED_LINES: Final = 20
_FETCHED_LINES: Final = 100


@dataclass(frozen=True, slots=True)
class StartProblem:
    """A container that cannot start; ``lasting`` once it has been so for too long."""

    container: str
    reason: str
    message: str
    lasting: bool

    def describe(self, pod: str) -> str:
        text = f"pod {pod}, container {self.container}: {self.reason}"
        return with_hint(f"{text}: {self.message}" if self.message else text, self.reason)


class StartProblems:
    """Remembers since when each container has not been able to start, over pods that replace one another."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}
        self._messages: dict[str, str] = {}

    def of(self, pod: Mapping[str, Any]) -> list[StartProblem]:
        found: list[StartProblem] = []
        for status in container_statuses(pod):
            name = str(status.get("name"))
            waiting = mapping_at(status, "state", "waiting")
            reason = str(waiting.get("reason") or "")
            if reason not in _CANNOT_START:
                if mapping_at(status, "state", "running") or mapping_at(status, "state", "terminated"):
                    self._since.pop(name, None)
                    self._messages.pop(name, None)
                continue
            since = self._since.setdefault(name, time.monotonic())
            message = str(waiting.get("message") or "")
            # "Back-off pulling image" hides the cause that ErrImagePull gave before.
            if len(message) >= len(self._messages.get(name, "")) or not reason.endswith("BackOff"):
                self._messages[name] = message
            lasting = reason in _PERMANENT or time.monotonic() - since >= START_PATIENCE
            found.append(StartProblem(name, reason, self._messages[name], lasting))
        return found


def container_statuses(pod: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Statuses of a pod's containers, init containers first."""
    for section in ("initContainerStatuses", "containerStatuses"):
        yield from objects_at(pod, "status", section)


def unschedulable(pod: Mapping[str, Any]) -> str:
    """The scheduler's reason for finding no node, or an empty text."""
    for condition in objects_at(pod, "status", "conditions"):
        if condition.get("type") == "PodScheduled" and condition.get("reason") == "Unschedulable":
            return str(condition.get("message") or "Unschedulable")
    return ""


def pod_name(pod: Mapping[str, Any]) -> str:
    return str(mapping_at(pod, "metadata").get("name"))


def is_ready(pod: Mapping[str, Any]) -> bool:
    return any(
        condition.get("type") == "Ready" and condition.get("status") == "True"
        for condition in objects_at(pod, "status", "conditions")
    )


class PodProgress:
    """One line on what a pod does now, with how long its container has been running as seen from here."""

    def __init__(self) -> None:
        self._running_since: dict[tuple[str, str], float] = {}

    def line(self, pod: Mapping[str, Any], events: Mapping[str, Mapping[str, Any]]) -> str:
        name = pod_name(pod)
        for status in container_statuses(pod):
            container = str(status.get("name"))
            state = mapping_at(status, "state")
            if "running" in state:
                key = (f"{name}/{status.get('restartCount', 0)}", container)
                now = time.monotonic()
                seconds = now - self._running_since.setdefault(key, now)
                return f"pod {name}: container {container}: running {seconds:.0f} s"
            waiting = mapping_at(state, "waiting")
            if waiting.get("reason") and waiting["reason"] not in ("ContainerCreating", "PodInitializing"):
                message = f": {waiting['message']}" if waiting.get("message") else ""
                return f"pod {name}: container {container}: {waiting['reason']}{message}"
        if reason := unschedulable(pod):
            return f"pod {name}: waiting for a node: {reason}"
        if latest := _latest(events):
            return f"pod {name}: {latest}"
        return f"pod {name}: {mapping_at(pod, 'status').get('phase', 'Pending')}"


def _latest(events: Mapping[str, Mapping[str, Any]]) -> str:
    if not events:
        return ""
    event = max(events.values(), key=lambda item: int(mapping_at(item, "metadata").get("resourceVersion") or 0))
    words = {"Pulling": "Pulling image…", "Scheduled": "scheduled", "Created": "starting", "Started": "starting"}
    return words.get(str(event.get("reason")), str(event.get("message") or event.get("reason") or ""))


@dataclass(frozen=True, slots=True)
class ContainerEnd:
    """How a container ended, with its last words. ``state`` is the API's ``terminated`` (empty: it was still
    running)."""

    pod: str
    container: str
    state: Mapping[str, Any]
    log: tuple[str, ...]
    log_error: str = ""

    @property
    def describe(self) -> str:
        """Exit code and reason, termination message and the tail of the log, on several lines."""
        lines = [f"pod {self.pod}, container {self.container}: {self._how()}"]
        message = str(self.state.get("message") or "").strip()
        quoted = self.log[-QUOTED_LINES:]
        # With terminationMessagePolicy FallbackToLogsOnError the message is the log's tail already.
        if message and message.splitlines()[-1].strip() not in (line.strip() for line in quoted):
            lines.append("  termination message:")
            lines.extend(f"    {line}" for line in message.splitlines()[-QUOTED_LINES:])
        if quoted:
            lines.append("  last lines of its log:")
            lines.extend(f"    {line}" for line in quoted)
        elif self.log_error:
            lines.append(f"  its log cannot be read: {self.log_error}")
        elif not message:
            lines.append("  it wrote nothing to its log")
        # Only for ends that the container runtime brought about: what a program printed is for the program to explain.
        if self.state.get("reason") in _RUNTIME_ENDS and (hint := hint_for(str(self.state["reason"]), message)):
            lines.append(f"  what to do: {hint}")
        return "\n".join(lines)

    def _how(self) -> str:
        if not self.state:
            return "was still running"
        reason = str(self.state.get("reason") or "Error")
        code = self.state.get("exitCode")
        signal = f", signal {self.state['signal']}" if self.state.get("signal") else ""
        return f"ended with exit code {code}{signal}" + ("" if reason in ("Error", "Completed") else f" ({reason})")


class LastWords:
    """Reads the log of containers as soon as they fail: a moment later the pod may be gone with its log."""

    def __init__(self, api: Api, namespace: str) -> None:
        self._api = api
        self._namespace = namespace
        self._ends: dict[tuple[str, str, int], ContainerEnd] = {}

    async def capture(self, pod: Mapping[str, Any], *, running: bool) -> None:
        """Keep how the pod's failed containers ended; with ``running``, also what the others have written so far."""
        uid = str(mapping_at(pod, "metadata").get("uid"))
        for status in container_statuses(pod):
            container, restarts = str(status.get("name")), int(status.get("restartCount") or 0)
            now = mapping_at(status, "state", "terminated")
            before = mapping_at(status, "lastState", "terminated")
            if now and now.get("exitCode"):
                await self._keep((uid, container, restarts), pod, container, now, previous=False)
            elif before and before.get("exitCode"):
                await self._keep((uid, container, restarts - 1), pod, container, before, previous=True)
            if running and mapping_at(status, "state", "running"):
                await self._keep((uid, container, restarts), pod, container, {}, previous=False)

    async def _keep(
        self,
        key: tuple[str, str, int],
        pod: Mapping[str, Any],
        container: str,
        state: Mapping[str, Any],
        *,
        previous: bool,
    ) -> None:
        known = self._ends.get(key)
        if known is not None and (known.state or not state):
            return
        log, error = await self._read(pod_name(pod), container, previous)
        if not log and known is not None:
            log = known.log
        self._ends[key] = ContainerEnd(pod_name(pod), container, state, log, error)

    async def _read(self, pod: str, container: str, previous: bool) -> tuple[tuple[str, ...], str]:
        parameters = {"container": container, "tailLines": str(_FETCHED_LINES), "limitBytes": "65536"}
        if previous:
            parameters["previous"] = "true"
        try:
            text = await self._api.text(f"/api/v1/namespaces/{self._namespace}/pods/{pod}/log", parameters)
        except ApiError as error:
            return (), "it is gone with its pod" if error.not_found else error.message
        except KubernetesError as error:
            return (), str(error)
        return tuple(text.splitlines()), ""

    @property
    def latest(self) -> ContainerEnd | None:
        """The most recent end of a container, one that failed before one that still ran."""
        ends = list(self._ends.values())
        failed = [end for end in ends if end.state]
        return (failed or ends or [None])[-1]

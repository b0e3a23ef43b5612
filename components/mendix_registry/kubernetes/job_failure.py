"""Adds the cluster's own words to the failure of a builder Job whose pod never ran.

What a script reports reaches ``pulumi up`` as its container's termination message. But Pulumi's Kubernetes provider does not
report why there is no pod (quota, admission, no ServiceAccount) once the Job has failed, nor why a pod got no node or no volume: it
only reports that the Job's time was over. Kubernetes reports the cause in events. So a hook on the Jobs' failure reads these and
prints them with what to do. Pulumi's engine calls the hook before it ends the update.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from mendix_registry.kubernetes.cluster_events import ClusterEvents, Events, EventsError

_MOST = 5
_ENDS = ("DeadlineExceeded", "BackoffLimitExceeded")
_FAILED = re.compile(rf"\[({'|'.join(_ENDS)})\]")
"""What the provider reports of a Job that has failed; any other error has nothing to do with its pods."""
_TOLD = "\nhint: "
"""What every message of the scripts has."""

# Words of Kubernetes' control plane, its kubelet and its container runtimes, in the order in which they are looked for.
_REMEDIES: tuple[tuple[str, str], ...] = (
    (
        r"exceeded quota",
        "raise the namespace's ResourceQuota, delete what uses it up, or lower builder.resources",
    ),
    (
        r"must specify .*(cpu|memory|ephemeral-storage)|(minimum|maximum) \S+ usage per",
        "set builder.resources to what the namespace's ResourceQuota or LimitRange asks for",
    ),
    (
        r"violates PodSecurity",
        "the pod passes the restricted standard as it is: check builder.runAsUser, and what else changes pods in this cluster",
    ),
    (
        r"security context constraint",
        "OpenShift gives each project a range of users: leave out builder.runAsUser, or set it to null",
    ),
    (
        r"service ?account .*not found",
        "create this ServiceAccount, or let the stack do so (serviceAccount.create: true)",
    ),
    (
        r"admission webhook|denied the request|ValidatingAdmissionPolicy",
        "an admission policy of this cluster rejects the pod: change builder (image, resources, runAsUser) as it asks, or "
        "exempt the namespace from it",
    ),
    (
        r"nodes? are available",
        "no node takes the pod: correct builder.nodeSelector, builder.tolerations or builder.resources, or add such a node",
    ),
    (
        r"secret \S+ not found|non-existent secret key",
        "create this Secret (or its key) in the namespace, or run 'pulumi refresh' if it belongs to this stack",
    ),
    (
        r"configmap \S+ not found|non-existent config key",
        "create this ConfigMap (or its key) in the namespace, or run 'pulumi refresh' if it belongs to this stack",
    ),
    (
        r"persistentvolumeclaim \S+ not found|unbound immediate PersistentVolumeClaims",
        "create the PersistentVolumeClaim of builder.build.mda, and check that its storage class can provide it",
    ),
    (
        r"busybox/sh\S*: (stat|no such file)|executable file not found",
        "the image has no /busybox/sh: let builder.image be krane's debug image, or one that has /busybox/sh",
    ),
    (
        r"exec format error",
        "the image is for another processor: correct builder.architecture, or builder.image",
    ),
    (
        r"OOMKilled",
        "raise builder.resources: the container needed more memory than its limit",
    ),
    (
        r"[Ff]ailed to pull image|ErrImagePull|ImagePullBackOff",
        "check the image's name, and that the nodes reach its registry, trust its certificate and may pull from it",
    ),
)
_UNKNOWN = (
    "see 'kubectl describe' for the Job and its pods; what only takes longer gets more time by builder.timeoutSeconds"
)


def on_job_failure(name: str, events: ClusterEvents) -> pulumi.ErrorHook:
    """The hook for all Jobs of a cluster. ``name`` is unique in the program, and goes into the state."""

    async def report(args: pulumi.ErrorHookArgs) -> bool:
        error = args.errors[0] if args.errors else ""
        if _FAILED.search(error) and _TOLD not in error:
            metadata: dict[str, Any] = (args.new_inputs or {}).get("metadata") or {}
            pulumi.log.error(await _report(events, str(metadata.get("namespace")), str(metadata.get("name")), error))
        # The next update replaces the Job; this one must not wait for it again.
        return False

    return pulumi.ErrorHook(name, report)


async def _report(events: ClusterEvents, namespace: str, job: str, error: str) -> str:
    try:
        warnings = await events.warnings(namespace)
    except EventsError as unreadable:
        return (
            f"The Job {namespace}/{job} failed, and its events could not be read: {unreadable}\n"
            f"hint: list them with 'kubectl get events --namespace {namespace}'"
        )
    return failure(namespace, job, warnings, error)


def failure(namespace: str, job: str, events: Events, error: str) -> str:
    """What the cluster reported about ``job`` and its pods, the latest first, and what to do. ``error`` is the provider's."""
    mine = [
        event
        for event in events
        if event.get("reason") not in _ENDS and _concerns(event.get("involvedObject") or {}, job)
    ]
    mine.sort(key=_time, reverse=True)
    # Each try to create a pod has another name for it.
    pod = re.compile(rf"{re.escape(job)}-[a-z0-9]{{5}}\b")
    words = list(dict.fromkeys(pod.sub(f"{job}-…", f"{event.get('reason')}: {event.get('message')}") for event in mine))
    reported = "".join(f"\n  {word}" for word in words[:_MOST]) or "\n  no event about it"
    return f"The Job {namespace}/{job} failed. The cluster reported:{reported}\nhint: {remedy([*words, error])}"


def remedy(words: Sequence[str]) -> str:
    """What to do about these reports, the first that is known."""
    for word in words:
        for pattern, advice in _REMEDIES:
            if re.search(pattern, word):
                return advice
    return _UNKNOWN


def _concerns(item: Mapping[str, Any], job: str) -> bool:
    name = str(item.get("name"))
    return (item.get("kind") == "Job" and name == job) or (item.get("kind") == "Pod" and name.startswith(f"{job}-"))


def _time(event: Mapping[str, Any]) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or event.get("firstTimestamp") or "")

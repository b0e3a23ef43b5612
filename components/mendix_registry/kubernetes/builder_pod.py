"""What the Jobs of all builder modes share: a pod under the restricted Pod Security Standard, bounded in time and tries, that runs
a script with krane and authenticates exactly as its namespace's access requires.

**How a Job fails.** Pulumi's Kubernetes provider knows a failed Job only by the reasons ``BackoffLimitExceeded`` and
``DeadlineExceeded``; with any other (``PodFailurePolicy``, ``MaxFailedIndexesExceeded``) ``pulumi up`` waits for ever, and no
timeout of Pulumi's ends that, as its clock starts again with every event. So:

* A pod that fails is the end (``backoffLimit: 0``). What may pass, its script tries again.
* A pod that the cluster deletes (drain, eviction, preemption: condition ``DisruptionTarget``) is no failure and gets a
  successor. That is the only rule of the failure policy: an action other than ``Ignore`` would end the Job with another
  reason.
* What keeps the pod from running ends with the Job's deadline. Kubernetes calls a Job failed only when its pods are gone, so
  these end fast: their scripts listen, and the grace period is short.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pulumi

from mendix_registry.kubernetes.builder_login import Login
from mendix_registry.kubernetes.names import MANAGED_BY
from mendix_registry.namespace_access import NamespaceAccess
from mendix_registry.settings.builder import Builder, Quantities

GRACE_SECONDS = 10
"""How long a pod may take to end when the cluster ends it. The scripts need less than one."""

FILES_DIRECTORY, WORK_DIRECTORY = "/proof", "/work"
CLIENT_SCRIPT = "client.sh"

_CA_DIRECTORY = "/registry-ca"

# With pod(): the Pod Security Standard "restricted" (kubernetes.io/docs/concepts/security/pod-security-standards).
RESTRICTED: Mapping[str, Any] = {
    "allow_privilege_escalation": False,
    "capabilities": {"drop": ["ALL"]},
    "read_only_root_filesystem": True,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What one mode adds: its variables, its files, its volumes, how much it writes.

    ``name`` is the Job's, the container's and, without ``files_name``, the ConfigMap's. ``files`` stand beside the script,
    and an ``image`` (the files of an OCI layout, by their path) in the directory of that name. ``revision`` is any text; a change
    of it is a new Job. ``work_size`` is the size limit of the one writable volume; ``call_seconds`` the most that one call of
    krane may take.
    """

    name: str
    environment: Mapping[str, pulumi.Input[str]]
    revision: pulumi.Input[str]
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    image: pulumi.Output[Mapping[str, bytes]] | None = None
    files_name: str | None = None
    work_size: str = "16Mi"
    call_seconds: int = 30
    volumes: Sequence[Any] = ()
    mounts: Sequence[Any] = ()


def push_spec(
    access: NamespaceAccess,
    builder: Builder,
    login: Login,
    service_account: pulumi.Input[str],
    script: str,
    files: Any,
    work: Work,
) -> Any:
    """The ``spec`` of a Job that does ``work`` as the namespace's builder, by ``script``; ``files`` is the source of the volume
    that has it."""
    bundle = access.ca_bundle
    volumes: list[Any] = [
        {"name": "proof", "config_map": files},
        {"name": "work", "empty_dir": {"size_limit": work.work_size}},
    ]
    if bundle:
        # Not optional: the pod waits until the cluster has written the authority into it.
        items = [{"key": bundle.key, "path": "ca.crt"}]
        volumes.append({"name": "registry-ca", "config_map": {"name": bundle.config_map, "items": items}})
    return {
        **job_limits(builder),
        "template": {
            "metadata": {
                "labels": {**MANAGED_BY, **access.identity.pod_labels},
                "annotations": {"mendix-registry/revision": work.revision},
            },
            "spec": {
                **pod(access, builder, automount_token=access.identity.automount_token),
                "service_account_name": service_account,
                "node_selector": nodes(builder),
                "containers": [_container(access, builder, login, script, work)],
                "volumes": [*volumes, *login.volumes, *work.volumes],
            },
        },
    }


def _container(access: NamespaceAccess, builder: Builder, login: Login, script: str, work: Work) -> dict[str, Any]:
    environment: dict[str, pulumi.Input[str]] = {
        "PUSH_HOST": access.push_host,
        "REPOSITORY": access.repository,
        "INSECURE": str(access.transport.insecure).lower(),
        "ATTEMPTS": str(builder.attempts),
        "CALL_SECONDS": str(work.call_seconds),
        "HOME": WORK_DIRECTORY,
        # Without a mounted config.json there is none: nothing in the client image may be taken for one.
        "DOCKER_CONFIG": WORK_DIRECTORY,
        # The ECR keychain would keep a cache of tokens in a file.
        "AWS_ECR_DISABLE_CACHE": "true",
        **work.environment,
        **login.environment,
        **access.environment,
    }
    mounts: list[dict[str, Any]] = [
        {"name": "proof", "mount_path": FILES_DIRECTORY, "read_only": True},
        {"name": "work", "mount_path": WORK_DIRECTORY},
    ]
    if access.transport.ca_certificate:
        environment["SSL_CERT_FILE"] = f"{FILES_DIRECTORY}/ca.crt"
    elif access.ca_bundle:
        environment["SSL_CERT_FILE"] = f"{_CA_DIRECTORY}/ca.crt"
        mounts.append({"name": "registry-ca", "mount_path": _CA_DIRECTORY, "read_only": True})
    return {
        "name": work.name,
        "image": builder.image,
        "image_pull_policy": "IfNotPresent",
        "command": ["/busybox/sh", f"{FILES_DIRECTORY}/{script}"],
        "env": [{"name": name, "value": value} for name, value in environment.items()],
        "resources": {
            "requests": _quantities(builder.resources.requests),
            "limits": _quantities(builder.resources.limits),
        },
        "security_context": RESTRICTED,
        "termination_message_policy": "FallbackToLogsOnError",
        "volume_mounts": [*mounts, *login.mounts, *work.mounts],
    }


def texts(access: NamespaceAccess, name: str) -> dict[str, str]:
    """The ConfigMap's text files: the script ``name``, what all share, and the authority's certificate where one is given."""
    made = {each: script(each) for each in (CLIENT_SCRIPT, name)}
    if access.transport.ca_certificate:
        made["ca.crt"] = access.transport.ca_certificate
    return made


@cache
def script(name: str) -> str:
    """The text of a script of this package, without its comments: the stack's state holds it three times for each namespace."""
    text = (Path(__file__).parent / "scripts" / name).read_text(encoding="utf-8")
    return re.sub(r"(?m)^[ \t]*#(?!!).*\n", "", text)


def pod(access: NamespaceAccess, builder: Builder, *, automount_token: bool) -> dict[str, Any]:
    """What every pod of a builder Job has in its ``spec``."""
    security: dict[str, Any] = {"run_as_non_root": True, "seccomp_profile": {"type": "RuntimeDefault"}}
    user = builder.run_as_user
    if access.platform_assigns_user and "run_as_user" not in builder.model_fields_set:
        user = None
    if user is not None:
        security |= {"run_as_user": user, "run_as_group": user, "fs_group": user}
    return {
        "restart_policy": "Never",
        "termination_grace_period_seconds": GRACE_SECONDS,
        "automount_service_account_token": automount_token,
        "enable_service_links": False,
        "security_context": security,
        "tolerations": list(builder.tolerations),
    }


def nodes(builder: Builder) -> dict[str, str]:
    """The labels of the nodes that a Job's pod may run on. A cluster may have Windows nodes, which nothing here can start on."""
    return {"kubernetes.io/os": "linux", **builder.node_selector}


def job_limits(builder: Builder) -> dict[str, Any]:
    """When the Job has failed: see the module."""
    disrupted = {"type": "DisruptionTarget", "status": "True"}
    return {
        "active_deadline_seconds": builder.timeout_seconds,
        "backoff_limit": 0,
        "pod_failure_policy": {"rules": [{"action": "Ignore", "on_pod_conditions": [disrupted]}]},
    }


def _quantities(quantities: Quantities) -> dict[str, str]:
    amounts = {
        "cpu": quantities.cpu,
        "memory": quantities.memory,
        "ephemeral-storage": quantities.ephemeral_storage,
    }
    return {name: amount for name, amount in amounts.items() if amount}

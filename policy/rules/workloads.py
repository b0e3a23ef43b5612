"""What runs in the cluster: pods of the restricted standard, from images that cannot change."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .pods import containers, pod_spec
from .rule import Finding, Resource, Rule, is_listed, mapping, sequence, strings

_DIGEST = re.compile(r".+@sha256:[0-9a-f]{64}")
_VOLUMES = frozenset(
    {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
)
_SELINUX_TYPES = ("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t")
_SYSCTLS = frozenset(
    {
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.ping_group_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
    }
)
_ENFORCE = "pod-security.kubernetes.io/enforce"


def _restricted(resource: Resource) -> Iterator[Finding]:
    if resource.type == "kubernetes:core/v1:Namespace":
        metadata = mapping(resource.inputs.get("metadata"))
        name = str(metadata.get("name", resource.name))
        enforced = mapping(metadata.get("labels")).get(_ENFORCE)
        if enforced != "restricted" and not is_listed(name, resource.listed("namespaces")):
            yield Finding(
                f"the new namespace {name} does not enforce the restricted standard.",
                f"label it {_ENFORCE}: restricted, or list it in namespaces.",
            )
        return
    spec = pod_spec(resource)
    if spec is None:
        return
    problems = [
        *_pod_problems(spec),
        *(text for container in containers(spec) for text in _container_problems(spec, container)),
    ]
    for problem in problems:
        yield Finding(
            f"the pods of {resource.name}: {problem}.", "set what the restricted Pod Security Standard asks for."
        )


def _pod_problems(spec: Mapping[str, Any]) -> Iterator[str]:
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(key):
            yield f"{key} is set"
    for volume in map(mapping, sequence(spec.get("volumes"))):
        for key in volume:
            if key != "name" and key not in _VOLUMES:
                yield f"the volume {volume.get('name')} is of the kind {key}"
    context = mapping(spec.get("securityContext"))
    yield from _context_problems("the pod", context)
    for sysctl in map(mapping, sequence(context.get("sysctls"))):
        if sysctl.get("name") not in _SYSCTLS:
            yield f"the sysctl {sysctl.get('name')} is not a safe one"


def _container_problems(spec: Mapping[str, Any], container: Mapping[str, Any]) -> Iterator[str]:
    pod = mapping(spec.get("securityContext"))
    context = mapping(container.get("securityContext"))
    name = f"the container {container.get('name')}"
    yield from _context_problems(name, context)
    if context.get("privileged"):
        yield f"{name} is privileged"
    if context.get("allowPrivilegeEscalation") is not False:
        yield f"{name} does not set allowPrivilegeEscalation to false"
    if context.get("runAsNonRoot", pod.get("runAsNonRoot")) is not True:
        yield f"{name} may run as root (runAsNonRoot)"
    capabilities = mapping(context.get("capabilities"))
    if "ALL" not in sequence(capabilities.get("drop")):
        yield f"{name} does not drop ALL capabilities"
    added = [str(item) for item in sequence(capabilities.get("add")) if item != "NET_BIND_SERVICE"]
    if added:
        yield f"{name} adds the capabilities {', '.join(added)}"
    profile = mapping(context.get("seccompProfile", pod.get("seccompProfile"))).get("type")
    if profile not in ("RuntimeDefault", "Localhost"):
        yield f"{name} has no seccomp profile (RuntimeDefault)"
    if context.get("procMount", "Default") != "Default":
        yield f"{name} unmasks /proc"
    for port in map(mapping, sequence(container.get("ports"))):
        if port.get("hostPort"):
            yield f"{name} takes the node's port {port.get('hostPort'):g}"


def _context_problems(who: str, context: Mapping[str, Any]) -> Iterator[str]:
    """What both kinds of security contexts may set."""
    if context.get("runAsUser") == 0:
        yield f"{who} runs as user 0"
    if mapping(context.get("windowsOptions")).get("hostProcess"):
        yield f"{who} is a host process"
    selinux = mapping(context.get("seLinuxOptions"))
    if selinux.get("type", "") not in _SELINUX_TYPES or selinux.get("user") or selinux.get("role"):
        yield f"{who} changes its SELinux label"
    if mapping(context.get("appArmorProfile")).get("type", "RuntimeDefault") == "Unconfined":
        yield f"{who} is not confined by AppArmor"


RESTRICTED_JOBS = Rule(
    name="restricted-jobs",
    title="Jobs are of the restricted standard",
    description=(
        "Everything that runs passes the restricted Pod Security Standard: a build that is taken over must find no way from "
        "its container to the node. (kubernetes.io/docs/concepts/security/pod-security-standards)"
    ),
    remedy="Set the security context that the restricted standard asks for.",
    check=_restricted,
    severity="high",
    settings={"namespaces": strings("namespaces that may be created without enforcing the standard")},
)


def _pinned(resource: Resource) -> Iterator[Finding]:
    spec = pod_spec(resource)
    for container in containers(spec) if spec is not None else ():
        image = str(container.get("image", ""))
        if not _DIGEST.fullmatch(image) and not is_listed(image, resource.listed("images")):
            yield Finding(
                f"{resource.name} runs the image {image or '(none)'}, which is not named by its digest.",
                "write the image as NAME@sha256:…; 'crane digest NAME:TAG' prints the digest.",
            )


DIGEST_PINNED_IMAGES = Rule(
    name="digest-pinned-images",
    title="Images are pinned by digest",
    description=(
        "What runs with the right to push is one exact image: a tag can be moved to another image, which then pushes with "
        "that right."
    ),
    remedy="Name images by their digest.",
    check=_pinned,
    severity="high",
    settings={"images": strings("images that may be named by a tag")},
)

"""Pods, wherever they are described: Jobs and what else has a template."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .rule import Resource, mapping, sequence

_TEMPLATED = ("Job", "Deployment", "DaemonSet", "StatefulSet", "ReplicaSet", "ReplicationController")
_LISTS = ("initContainers", "containers", "ephemeralContainers")


def pod_spec(resource: Resource) -> Mapping[str, Any] | None:
    """The pod spec that a Kubernetes resource describes; None where it describes none."""
    package, _, kind = resource.type.rpartition(":")
    if not package.startswith(("kubernetes:core/", "kubernetes:batch/", "kubernetes:apps/")):
        return None
    kind = kind.removesuffix("Patch")
    spec = mapping(resource.inputs.get("spec"))
    if kind == "Pod":
        return spec
    if kind == "CronJob":
        spec = mapping(mapping(spec.get("jobTemplate")).get("spec"))
    elif kind not in _TEMPLATED:
        return None
    return mapping(mapping(spec.get("template")).get("spec"))


def containers(spec: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for each in _LISTS:
        for container in sequence(spec.get(each)):
            yield mapping(container)

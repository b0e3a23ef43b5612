"""Rules of namespaces, their labels and ServiceAccounts: what the cluster itself makes, and what its admission rejects."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mendix_registry.settings.places import NAMESPACES
from mendix_registry.settings.problems import Location, Problem, Rule
from mendix_registry.settings.stack import Namespace, Settings

_OF_EVERY_CLUSTER = ("default", "kube-node-lease", "kube-public", "kube-system")
"""Namespaces that the API server makes (kubernetes.io/docs/concepts/overview/working-with-objects/namespaces)."""

_NAME_LABEL = "kubernetes.io/metadata.name"
_POD_SECURITY = "pod-security.kubernetes.io/"
_MODES = ("enforce", "audit", "warn")
_LEVELS = ("privileged", "baseline", "restricted")
_VERSION = re.compile(r"latest|v1\.(?:0|[1-9][0-9]*)")


STK110 = Rule(
    "STK110",
    "this stack would create ServiceAccount 'default'",
    "Kubernetes creates it in every namespace, so creating it fails; and every pod that names no ServiceAccount could push",
    "remove the key, so that builds run as mendix-builder, or add create: false",
)
STK111 = Rule(
    "STK111",
    "namespace {namespace!r} exists in every cluster",
    "creating it fails, and a namespace that this stack creates is deleted with it",
    "use another namespace",
)


def created(settings: Settings) -> Iterator[Problem]:
    """Nothing is created that the cluster has already, or that its admission rejects."""
    for index, namespace in enumerate(settings.namespaces):
        at: Location = (*NAMESPACES, index)
        if namespace.service_account.name == "default" and namespace.service_account.create:
            yield STK110.at((*at, "serviceAccount", "name"))
        if not namespace.create:
            continue
        if namespace.name in _OF_EVERY_CLUSTER:
            yield STK111.at((*at, "create"), namespace=namespace.name)
        yield from _labels(namespace, (*at, "labels"))


STK112 = Rule(
    "STK112",
    "the label is {value!r}, the namespace's name is {namespace!r}",
    "the API server sets this label itself, so every preview would show a difference",
    "remove the label",
)
STK113 = Rule(
    "STK113",
    "{value!r} is no Pod Security Standard",
    "admission rejects a namespace with such a label",
    f"write one of {', '.join(_LEVELS)}",
)
STK114 = Rule(
    "STK114",
    "the label enforces {value!r}, podSecurity is {pod_security!r}",
    "a namespace enforces one Pod Security Standard",
    "remove the label and set podSecurity: {value}, or leave podSecurity as it is",
)
STK115 = Rule(
    "STK115",
    "{value!r} is no version of the Pod Security Standards",
    "admission rejects a namespace with such a label",
    "write latest, or a version of Kubernetes such as v1.33",
)
STK116 = Rule(
    "STK116",
    "there is no label {key!r}",
    "admission ignores it",
    f"the labels are {', '.join(_POD_SECURITY + known for known in _MODES)}, and each with -version",
)


def _labels(namespace: Namespace, at: Location) -> Iterator[Problem]:
    """Labels that mean something to the cluster (``k8s.io/pod-security-admission/api``: ``PolicyToEvaluate``)."""
    for key, value in namespace.labels.items():
        if key == _NAME_LABEL and value != namespace.name:
            yield STK112.at((*at, key), value=value, namespace=namespace.name)
        mode = key.removeprefix(_POD_SECURITY)
        if mode == key:
            continue
        if mode in _MODES and value not in _LEVELS:
            yield STK113.at((*at, key), value=value)
        elif mode == "enforce" and value != namespace.pod_security:
            yield STK114.at((*at, key), value=value, pod_security=namespace.pod_security)
        elif mode.removesuffix("-version") in _MODES and mode not in _MODES and not _VERSION.fullmatch(value):
            yield STK115.at((*at, key), value=value)
        elif mode.removesuffix("-version") not in _MODES:
            yield STK116.at((*at, key), key=key)

"""Rules of namespaces, their labels and ServiceAccounts: what the cluster itself makes, and what its admission rejects."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mendix_registry.settings.places import NAMESPACES
from mendix_registry.settings.problems import Location, Problem
from mendix_registry.settings.stack import Namespace, Settings

_OF_EVERY_CLUSTER = ("default", "kube-node-lease", "kube-public", "kube-system")
"""Namespaces that the API server makes (kubernetes.io/docs/concepts/overview/working-with-objects/namespaces)."""

_NAME_LABEL = "kubernetes.io/metadata.name"
_POD_SECURITY = "pod-security.kubernetes.io/"
_MODES = ("enforce", "audit", "warn")
_LEVELS = ("privileged", "baseline", "restricted")
_VERSION = re.compile(r"latest|v1\.(?:0|[1-9][0-9]*)")


def created(settings: Settings) -> Iterator[Problem]:
    """Nothing is created that the cluster has already, or that its admission rejects."""
    for index, namespace in enumerate(settings.namespaces):
        at: Location = (*NAMESPACES, index)
        if namespace.service_account.name == "default" and namespace.service_account.create:
            yield Problem(
                "STK110",
                (*at, "serviceAccount", "name"),
                "this stack would create ServiceAccount 'default'",
                "Kubernetes creates it in every namespace, so creating it fails; and every pod that names no ServiceAccount "
                "could push",
                "remove the key, so that builds run as mendix-builder, or add create: false",
            )
        if not namespace.create:
            continue
        if namespace.name in _OF_EVERY_CLUSTER:
            yield Problem(
                "STK111",
                (*at, "create"),
                f"namespace {namespace.name!r} exists in every cluster",
                "creating it fails, and a namespace that this stack creates is deleted with it",
                "use another namespace",
            )
        yield from _labels(namespace, (*at, "labels"))


def _labels(namespace: Namespace, at: Location) -> Iterator[Problem]:
    """Labels that mean something to the cluster (``k8s.io/pod-security-admission/api``: ``PolicyToEvaluate``)."""
    for key, value in namespace.labels.items():
        if key == _NAME_LABEL and value != namespace.name:
            yield Problem(
                "STK112",
                (*at, key),
                f"the label is {value!r}, the namespace's name is {namespace.name!r}",
                "the API server sets this label itself, so every preview would show a difference",
                "remove the label",
            )
        mode = key.removeprefix(_POD_SECURITY)
        if mode == key:
            continue
        if mode in _MODES and value not in _LEVELS:
            yield Problem(
                "STK113",
                (*at, key),
                f"{value!r} is no Pod Security Standard",
                "admission rejects a namespace with such a label",
                f"write one of {', '.join(_LEVELS)}",
            )
        elif mode == "enforce" and value != namespace.pod_security:
            yield Problem(
                "STK114",
                (*at, key),
                f"the label enforces {value!r}, podSecurity is {namespace.pod_security!r}",
                "a namespace enforces one Pod Security Standard",
                f"remove the label and set podSecurity: {value}, or leave podSecurity as it is",
            )
        elif mode.removesuffix("-version") in _MODES and mode not in _MODES and not _VERSION.fullmatch(value):
            yield Problem(
                "STK115",
                (*at, key),
                f"{value!r} is no version of the Pod Security Standards",
                "admission rejects a namespace with such a label",
                "write latest, or a version of Kubernetes such as v1.33",
            )
        elif mode.removesuffix("-version") not in _MODES:
            yield Problem(
                "STK116",
                (*at, key),
                f"there is no label {key!r}",
                "admission ignores it",
                f"the labels are {', '.join(_POD_SECURITY + known for known in _MODES)}, and each with -version",
            )

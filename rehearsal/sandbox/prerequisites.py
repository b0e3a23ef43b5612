"""The prerequisites of a stack in its cluster: namespaces that mxpc-cli made, the object that Mendix's installer left in
them, and the Secret that ``docker-secret`` reads."""

from __future__ import annotations

import base64
import json
from typing import Any

from rehearsal.sandbox.description import Description

# None that a stack sets too: a namespace that it is to create after all would then be in conflict.
_LABELS = {"mendix-registry-rehearsal/prerequisite": "true"}


_NOBODY = ("nobody", "nothing")
"""A login without an account: enough for a preview, and refused by any registry."""


def prerequisites(described: Description, login: tuple[str, str] = _NOBODY) -> list[tuple[str, dict[str, Any]]]:
    """The objects that must be there before the stack is brought up, each with its path in the API, in order.

    Namespaces that the stack does not create, and in each its OperatorConfiguration where the stack patches it, and the
    Secret with the registry's ``login`` (user and password) where the stack only reads it.
    """
    objects: list[tuple[str, dict[str, Any]]] = []
    given = {name for what, name in described.prerequisites if what == "Namespace"}
    for what, path in described.prerequisites:
        namespace, _, name = path.partition("/")
        # What stands in a namespace that the stack creates, does not exist before.
        if namespace in given:
            match what:
                case "Namespace":
                    objects.append(_namespace(namespace))
                case "OperatorConfiguration":
                    objects.append(_operator_configuration(namespace, name))
                case "Secret":
                    objects.append(_login(described, namespace, name, login))
                case _:
                    pass
    return objects


def _namespace(name: str) -> tuple[str, dict[str, Any]]:
    document = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": _LABELS}}
    return f"/api/v1/namespaces/{name}", document


def _login(described: Description, namespace: str, name: str, login: tuple[str, str]) -> tuple[str, dict[str, Any]]:
    hosts = sorted({described.push_host, described.pull_host})
    entry = {"auth": base64.b64encode(":".join(login).encode()).decode()}
    document = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace, "labels": _LABELS},
        "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": json.dumps({"auths": dict.fromkeys(hosts, entry)})},
    }
    return f"/api/v1/namespaces/{namespace}/secrets/{name}", document


def _operator_configuration(namespace: str, name: str) -> tuple[str, dict[str, Any]]:
    document = {
        "apiVersion": "privatecloud.mendix.com/v1alpha1",
        "kind": "OperatorConfiguration",
        "metadata": {"name": name, "namespace": namespace, "labels": _LABELS},
        # Mendix's default. Without any field of its installer's, a stack that gives up its own fields would leave no spec at all.
        "spec": {"baseOSImageTagTemplate": "ubi9-1-jre{{.JavaVersion}}-entrypoint"},
    }
    return f"/apis/privatecloud.mendix.com/v1alpha1/namespaces/{namespace}/operatorconfigurations/{name}", document

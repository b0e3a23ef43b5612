"""The prerequisites of a stack in its cluster: namespaces that mxpc-cli made, the object that Mendix's installer left in
them, and the Secret that ``docker-secret`` reads."""

from __future__ import annotations

import base64
import json
from typing import Any

from rehearsal.sandbox.description import Description, Namespace

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
    for namespace in described.namespaces:
        if namespace.create:
            continue
        name = namespace.name
        path = f"/api/v1/namespaces/{name}"
        objects.append((path, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": _LABELS}}))
        if described.settings["operatorConfiguration"]["adopt"] == "patch":
            objects.append(_operator_configuration(name))
        if namespace.secret:
            objects.append(_login(described, namespace, login))
    return objects


def _login(described: Description, namespace: Namespace, login: tuple[str, str]) -> tuple[str, dict[str, Any]]:
    name, secret = namespace.name, namespace.secret
    hosts = sorted({described.push_host, described.pull_host})
    entry = {"auth": base64.b64encode(":".join(login).encode()).decode()}
    document = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": secret, "namespace": name, "labels": _LABELS},
        "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": json.dumps({"auths": dict.fromkeys(hosts, entry)})},
    }
    return f"/api/v1/namespaces/{name}/secrets/{secret}", document


def _operator_configuration(namespace: str) -> tuple[str, dict[str, Any]]:
    name = "mendix-operator-configuration"
    document = {
        "apiVersion": "privatecloud.mendix.com/v1alpha1",
        "kind": "OperatorConfiguration",
        "metadata": {"name": name, "namespace": namespace, "labels": _LABELS},
        # Mendix's default. Without any field of its installer's, a stack that gives up its own fields would leave no spec at all.
        "spec": {"baseOSImageTagTemplate": "ubi9-1-jre{{.JavaVersion}}-entrypoint"},
    }
    return f"/apis/privatecloud.mendix.com/v1alpha1/namespaces/{namespace}/operatorconfigurations/{name}", document

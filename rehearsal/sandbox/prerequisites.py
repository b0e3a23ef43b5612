"""The prerequisites of a stack in its cluster: namespaces that mxpc-cli made, the object that Mendix's installer left in
them, and the Secret that ``docker-secret`` reads."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any, cast

_DNS_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")
# None that a stack sets too: a namespace that it is to create after all would then be in conflict.
_LABELS = {"mendix-registry-rehearsal/prerequisite": "true"}


_NOBODY = ("nobody", "nothing")
"""A login without an account: enough for a preview, and refused by any registry."""


def prerequisites(config: Mapping[str, Any], login: tuple[str, str] = _NOBODY) -> list[tuple[str, dict[str, Any]]]:
    """The objects that must be there before the stack is brought up, each with its path in the API, in order.

    Namespaces that the stack does not create, and in each its OperatorConfiguration where the stack patches it, and the
    Secret with the registry's ``login`` (user and password) where the stack only reads it.
    """
    objects: list[tuple[str, dict[str, Any]]] = []
    operator = config.get("operatorConfiguration")
    adopt = cast("Mapping[str, Any]", operator).get("adopt", "patch") if isinstance(operator, Mapping) else "patch"
    listed = config.get("namespaces")
    for item in cast("list[Any]", listed) if isinstance(listed, list) else []:
        namespace: Mapping[str, Any] = cast("Mapping[str, Any]", item) if isinstance(item, Mapping) else {}
        name = namespace.get("name")
        # A name that Kubernetes refuses is for the program's report, which lists it with everything else that is wrong.
        if not isinstance(name, str) or not _DNS_LABEL.fullmatch(name) or namespace.get("create") is True:
            continue
        path = f"/api/v1/namespaces/{name}"
        objects.append((path, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": _LABELS}}))
        if adopt == "patch":
            objects.append(_operator_configuration(name))
        objects += _login(config.get("registry"), namespace, name, login)
    return objects


def _login(
    value: object, namespace: Mapping[str, Any], name: str, login: tuple[str, str]
) -> list[tuple[str, dict[str, Any]]]:
    registry: Mapping[str, Any] = cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
    secret = namespace.get("secretName") or registry.get("secretName")
    hosts = {host for host in (registry.get("pushHost"), registry.get("pullHost")) if isinstance(host, str)}
    if registry.get("type") != "docker-secret" or not isinstance(secret, str) or not hosts:
        return []
    entry = {"auth": base64.b64encode(":".join(login).encode()).decode()}
    content = json.dumps({"auths": dict.fromkeys(sorted(hosts), entry)})
    document = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": secret, "namespace": name, "labels": _LABELS},
        "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": content},
    }
    return [(f"/api/v1/namespaces/{name}/secrets/{secret}", document)]


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

"""What an ``openshift3`` or ``openshift4`` stack needs of OpenShift, and what such a cluster holds from the start."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable, Mapping
from typing import Any

from rehearsal.sandbox.description import Description
from rehearsal.sandbox.wanted_cloud import CLUSTER_USER, WantedCloud

_SERVICES = frozenset({"image-registry.openshift-image-registry.svc", "docker-registry.default.svc"})
"""Where OpenShift 4 and OpenShift 3 have their registry."""

SERVICE_ADDRESS = "10.96.50.0"
"""The address of OpenShift 3's Service ``default/docker-registry`` in the rehearsal. An installation has another."""

NEIGHBOUR = "mendix-rehearsal-neighbour"
"""The project in which ``rehearse prove`` has its stranger."""

BUILD = "REHEARSAL_OPENSHIFT_BUILD"
"""``off`` is a cluster without the capability *Build*: nothing creates ServiceAccount ``builder`` nor its RoleBinding."""

_RBAC = "rbac.authorization.k8s.io"
_CONTROLLERS = "mendix-rehearsal-openshift-controllers"
_IMAGES = ["image.openshift.io", ""]


def wanted_openshift(described: Description) -> WantedCloud:
    """The registry of the stack under every name that pods and nodes use, and the stack's namespaces as projects."""
    hosts = registry_hosts(described)
    names = {name for host in hosts if not _is_address(host) and _exists(name := host.rpartition(":")[0])}
    return WantedCloud(
        name="openshift",
        package="kubernetes",
        settings={
            "hosts": list(hosts),
            "projects": [*(namespace.name for namespace in described.namespaces), NEIGHBOUR],
            "build": os.environ.get(BUILD, "") != "off",
        },
        names=tuple(sorted(names)),
        registry_hosts=hosts,
        environment={
            "REHEARSAL_OPENSHIFT_ENDPOINT": "https://{address}:9004",
            "REHEARSAL_CLOUD_CA_FILE": "{authority}",
        },
        objects=tuple(platform_objects()),
        furnish=_furnishing(described),
        platform=True,
        joined=("hosts", "projects", "names", "registry_hosts"),
    )


def registry_hosts(described: Description) -> tuple[str, ...]:
    """Where pods push, then where nodes pull, each with its port. A pull host that is read from the Service has its address."""
    hosts = (described.push_host, described.pull_host or f"{SERVICE_ADDRESS}:5000")
    return tuple(dict.fromkeys(host if ":" in host else f"{host}:443" for host in hosts))


def _exists(name: str) -> bool:
    """Whether a name may lead to the registry: a service's only if it is the registry's, any other may be a route of the site's."""
    service = name.removesuffix(".cluster.local")
    return not service.endswith(".svc") or service in _SERVICES


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.rpartition(":")[0])
    except ValueError:
        return False
    return True


def _furnishing(described: Description) -> Callable[[Mapping[str, str]], Mapping[str, str]]:
    """OpenShift 3 hands out no authority in a ConfigMap: the stack file takes the one that its masters have from a variable."""
    variable = described.variables.get("registry.transport.caCertificate")

    def furnish(environment: Mapping[str, str]) -> Mapping[str, str]:
        return {variable: service_ca(environment)} if variable and variable not in os.environ else {}

    return furnish


def service_ca(environment: Mapping[str, str]) -> str:
    """The authority of the registry's certificate (PEM), as the emulator has it."""
    import ssl

    import httpx

    from rehearsal.cluster import ClusterError

    context = ssl.create_default_context(cafile=environment["REHEARSAL_CLOUD_CA_FILE"])
    try:
        with httpx.Client(verify=context, trust_env=False, timeout=10) as client:
            answer = client.get(environment["REHEARSAL_OPENSHIFT_ENDPOINT"])
            answer.raise_for_status()
    except httpx.HTTPError as error:
        raise ClusterError(f"The rehearsal's OpenShift does not give out its service CA: {error}") from error
    return answer.text


def platform_objects() -> list[tuple[str, dict[str, Any]]]:
    """What such a cluster has from the start: roles, and the Service of OpenShift 3's registry."""
    roles = [
        # github.com/openshift/origin, pkg/cmd/server/bootstrappolicy/policy.go
        _cluster_role(
            "system:image-builder",
            {"apiGroups": _IMAGES, "resources": ["imagestreams/layers"], "verbs": ["get", "update"]},
            {"apiGroups": _IMAGES, "resources": ["imagestreams"], "verbs": ["create"]},
            {"apiGroups": ["build.openshift.io", ""], "resources": ["builds/details"], "verbs": ["update"]},
            {"apiGroups": ["build.openshift.io", ""], "resources": ["builds"], "verbs": ["get"]},
        ),
        _cluster_role(
            "system:image-puller", {"apiGroups": _IMAGES, "resources": ["imagestreams/layers"], "verbs": ["get"]}
        ),
        _cluster_role(
            _CONTROLLERS,
            {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["list", "watch", "patch"]},
            {"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["list", "watch", "create", "patch"]},
            {"apiGroups": [""], "resources": ["serviceaccounts/token"], "verbs": ["create"]},
            {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list", "watch", "patch"]},
            {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "create", "patch"]},
            {"apiGroups": [_RBAC], "resources": ["rolebindings"], "verbs": ["create"]},
            {
                "apiGroups": [_RBAC],
                "resources": ["clusterroles"],
                "resourceNames": ["system:image-builder", "system:image-puller"],
                "verbs": ["bind"],
            },
        ),
    ]
    binding = {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": _CONTROLLERS},
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": _CONTROLLERS},
        "subjects": [{"apiGroup": _RBAC, "kind": "User", "name": CLUSTER_USER}],
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "docker-registry", "namespace": "default"},
        "spec": {"clusterIP": SERVICE_ADDRESS, "ports": [{"name": "5000-tcp", "port": 5000, "targetPort": 5000}]},
    }
    return [
        *roles,
        (f"/apis/{_RBAC}/v1/clusterrolebindings/{_CONTROLLERS}", binding),
        ("/api/v1/namespaces/default/services/docker-registry", service),
    ]


def _cluster_role(name: str, *rules: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    document = {"apiVersion": f"{_RBAC}/v1", "kind": "ClusterRole", "metadata": {"name": name}, "rules": list(rules)}
    return f"/apis/{_RBAC}/v1/clusterroles/{name}", document

"""The emulated clouds that a stack needs, and what they find in their accounts from the start.

Each cloud has a module that makes of the stack's description what the clouds' process must know (``CLOUDS``).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rehearsal.sandbox.description import Description
from rehearsal.sandbox.home import given_password
from rehearsal.sandbox.wanted_cloud import CLUSTER_USER, WantedCloud

if TYPE_CHECKING:
    from rehearsal.cluster import Cluster
    from rehearsal.cluster.services import ServiceSpec

BACKEND = "registry.clouds.mendix-rehearsal.internal:5000"
_BACKEND_USER = "clouds"
HEALTH_HOST = "health.mendix-rehearsal.internal"
_ADMISSION_PORT = 8443


def wanted_cloud(described: Description) -> WantedCloud | None:
    """The cloud of a stack; None for a registry that is in none."""
    match described.kind:
        case "amazon-ecr":
            from rehearsal.sandbox.aws import wanted_aws

            return wanted_aws(described)
        case "microsoft-acr":
            from rehearsal.sandbox.azure import wanted_azure

            return wanted_azure(described)
        case "google-gcr":
            from rehearsal.sandbox.gcp import wanted_gcp

            return wanted_gcp(described)
        case "openshift3" | "openshift4":
            from rehearsal.sandbox.openshift import wanted_openshift

            return wanted_openshift(described)
        case _:
            return None


def serve_clouds(cluster: Cluster, home: Path, wanted: WantedCloud, *, propagation: float) -> Mapping[str, str]:
    """Start the registry behind, the clouds' process and the cloud's preparations; the environment to reach them, and in
    ``REHEARSAL_CLIENT_IMAGE`` the client that pushes.

    Raises ``rehearsal.cluster.ClusterError``.
    """
    from rehearsal.registry import RegistrySpec

    password = _password(home)
    backend = cluster.registry(RegistrySpec(BACKEND, BACKEND, _BACKEND_USER, password, tls=False))
    passwords = {
        variable: given_password(variable, os.environ) or _derived(password, variable) for variable in wanted.passwords
    }
    if passwords:
        digests = {wanted.passwords[v]: hashlib.sha256(given.encode()).hexdigest() for v, given in passwords.items()}
        wanted = replace(wanted, settings={**wanted.settings, "token_passwords": digests})
    if wanted.addresses:
        cluster.add_names(wanted.addresses)
    endpoint = cluster.service(_service(home, wanted, backend.address, password, propagation))
    values = {"address": endpoint.address, "authority": str(endpoint.authority)}
    environment = {key: text.format(**values) for key, text in wanted.environment.items()} | passwords
    wanted.prepare(environment)
    return {"REHEARSAL_CLIENT_IMAGE": backend.client_image, **environment, **wanted.furnish(environment)}


def _service(home: Path, wanted: WantedCloud, backend: str, password: str, propagation: float) -> ServiceSpec:
    from rehearsal.cluster.services import ServiceSpec

    # Other stacks of this home may have their own clouds: those go on.
    path = home / "clouds.json"
    served: dict[str, dict[str, Any]] = json.loads(path.read_text()) if path.is_file() else {}
    served[wanted.name] = joined(served.get(wanted.name, {}), wanted)
    path.write_text(json.dumps(served, indent=1))
    settings = {
        "backend": f"http://{backend}",
        "backend_user": _BACKEND_USER,
        "backend_password": password,
        "propagation": propagation,
        "clouds": {name: item["settings"] for name, item in served.items()},
    }
    return ServiceSpec(
        name="clouds",
        module="rehearsal.emulators",
        sources=("emulators", "registry"),
        settings=settings,
        names=tuple(name for item in served.values() for name in item["names"]),
        registry_hosts=tuple(host for item in served.values() for host in item["registry_hosts"]),
        health=HEALTH_HOST,
        user=CLUSTER_USER,
        objects=lambda address, authority: [*cluster_objects(address, authority), *wanted.objects],
    )


def joined(earlier: Mapping[str, Any], wanted: WantedCloud) -> dict[str, Any]:
    """What is served for a cloud: what the stack needs, joined with what earlier stacks of the home needed."""
    entry: dict[str, Any] = {
        "settings": dict(wanted.settings),
        "names": list(wanted.names),
        "registry_hosts": list(wanted.registry_hosts),
    }
    for key in wanted.joined:
        for part, before in ((entry, earlier), (entry["settings"], earlier.get("settings", {}))):
            if key in part:
                part[key] = list(dict.fromkeys([*before.get(key, []), *part[key]]))
    return entry


def cluster_objects(address: str, authority: str) -> list[tuple[str, dict[str, Any]]]:
    """What the clouds need in the cluster: the right to read ServiceAccounts, and their admission webhook."""
    name = CLUSTER_USER
    group = "rbac.authorization.k8s.io"
    role = {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": [
            {"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["get"]},
            # A metadata server on the nodes knows a pod by its address and speaks for its ServiceAccount.
            {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
            {"apiGroups": [""], "resources": ["serviceaccounts/token"], "verbs": ["create"]},
            {"apiGroups": ["authentication.k8s.io"], "resources": ["tokenreviews"], "verbs": ["create"]},
            {"apiGroups": ["authorization.k8s.io"], "resources": ["subjectaccessreviews"], "verbs": ["create"]},
        ],
    }
    binding = {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": name},
        "subjects": [{"apiGroup": group, "kind": "User", "name": name}],
    }
    webhook = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [
            {
                "name": "clouds.mendix-rehearsal.internal",
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                # A pod that misses its injection fails much later, for a reason that no one would look for here.
                "failurePolicy": "Fail",
                "timeoutSeconds": 10,
                "reinvocationPolicy": "IfNeeded",
                "clientConfig": {
                    "url": f"https://{address}:{_ADMISSION_PORT}/",
                    "caBundle": base64.b64encode(authority.encode()).decode(),
                },
                "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
                "namespaceSelector": {
                    "matchExpressions": [
                        {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system"]}
                    ]
                },
            }
        ],
    }
    return [
        (f"/apis/{group}/v1/clusterroles/{name}", role),
        (f"/apis/{group}/v1/clusterrolebindings/{name}", binding),
        (f"/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/{name}", webhook),
    ]


def _derived(secret: str, variable: str) -> str:
    digest = hmac.new(secret.encode(), variable.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _password(home: Path) -> str:
    path = home / "clouds-password"
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(24))
    return path.read_text()

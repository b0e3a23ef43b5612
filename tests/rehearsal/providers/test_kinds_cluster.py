"""Any kind: one object of many groups, through preview, creation, refresh and deletion, and the scope of every kind."""

from __future__ import annotations

import time
from typing import Any

import pytest

from rehearsal.providers.kubernetes.kinds import Kind
from rehearsal.providers.kubernetes.properties import UNKNOWN

pytestmark = pytest.mark.cluster

LABELS = {"matchLabels": {"a": "b"}}
RULE = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
POD = {"containers": [{"name": "c", "image": "registry.invalid/nope:1"}], "restartPolicy": "Never"}
OBJECTS: dict[str, dict[str, Any]] = {
    "core/v1:ServiceAccount": {},
    "core/v1:ResourceQuota": {"spec": {"hard": {"pods": "10", "requests.memory": "0.5Gi"}}},
    "core/v1:PersistentVolumeClaim": {
        "metadata": {"annotations": {"pulumi.com/skipAwait": "true"}},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1024Mi"}}},
    },
    "apps/v1:StatefulSet": {
        "spec": {
            "replicas": 0,
            "serviceName": "s",
            "selector": LABELS,
            "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": POD["containers"]}},
        }
    },
    "apps/v1:DaemonSet": {
        "spec": {
            "selector": LABELS,
            "template": {
                "metadata": {"labels": {"a": "b"}},
                "spec": {"containers": POD["containers"], "nodeSelector": {"no": "such-node"}},
            },
        }
    },
    "batch/v1:CronJob": {
        "spec": {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": {"spec": POD}}}},
    },
    "autoscaling/v2:HorizontalPodAutoscaler": {
        "spec": {"maxReplicas": 2, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"}}
    },
    "policy/v1:PodDisruptionBudget": {"spec": {"minAvailable": "50%", "selector": LABELS}},
    "networking.k8s.io/v1:NetworkPolicy": {
        "spec": {"podSelector": LABELS, "egress": [{"ports": [{"port": 443}, {"port": "web"}]}]}
    },
    "networking.k8s.io/v1:Ingress": {
        "spec": {"defaultBackend": {"service": {"name": "x", "port": {"number": 80}}}},
    },
    "rbac.authorization.k8s.io/v1:Role": {"rules": [RULE]},
    "rbac.authorization.k8s.io/v1:RoleBinding": {
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "x"},
        "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": "default"}],
    },
    "rbac.authorization.k8s.io/v1:ClusterRole": {"rules": [RULE]},
    "scheduling.k8s.io/v1:PriorityClass": {"value": 7},
    "storage.k8s.io/v1:StorageClass": {"provisioner": "example.com/none"},
    "coordination.k8s.io/v1:Lease": {"spec": {"leaseDurationSeconds": 15}},
}


@pytest.mark.parametrize("kind", OBJECTS)
def test_an_object_of_any_kind_is_previewed_made_read_without_drift_and_deleted(
    plugin: Any, namespace: str, kind: str
) -> None:
    token = f"kubernetes:{kind}"
    given = OBJECTS[kind]
    # Not for cluster-wide kinds; the provider drops what their scope does not have.
    inputs = {**given, "metadata": {"namespace": namespace, **given.get("metadata", {})}}
    shown = plugin.create(token, inputs, preview=True)
    assert shown.state["metadata"]["uid"] is UNKNOWN, "the API server was asked"
    made = plugin.create(token, inputs)
    try:
        seen = plugin.read(token, made.id, made)
        assert seen.inputs == made.inputs
        assert not plugin.diff(token, seen, made.inputs).detailedDiff
        assert not plugin.diff(token, made, plugin.checked(token, inputs, made.inputs)).detailedDiff
        found = plugin.read(token, made.id)
        imported = plugin.diff(token, found, plugin.checked(token, found.inputs, found.inputs))
        assert not imported.detailedDiff
    finally:
        plugin.delete(token, made)
    # A deletion that is not awaited (skipAwait) ends when the object's finalizers have been seen to.
    deadline = time.monotonic() + (30 if "skipAwait" in str(given) else 0)
    while plugin.read(token, made.id, made).id and time.monotonic() < deadline:
        time.sleep(0.1)
    assert plugin.read(token, made.id, made).id == ""


def test_the_scope_of_every_built_in_kind_is_the_api_servers(api_server: Any) -> None:
    groups = ["/api/v1"] + [
        f"/apis/{version['groupVersion']}"
        for group in api_server.get("/apis")["groups"]
        for version in group["versions"]
    ]
    compared = 0
    for path in groups:
        document = api_server.get(path)
        for resource in document["resources"]:
            kind = Kind.of(
                resource.get("group", "") + "/" + resource["version"]
                if "version" in resource
                else document["groupVersion"],
                resource["kind"],
            )
            if "/" not in resource["name"] and kind.built_in and kind.api_version == document["groupVersion"]:
                assert kind.namespaced == resource["namespaced"], f"{kind}: scope in kinds.py is wrong"
                compared += 1
    assert compared > 50

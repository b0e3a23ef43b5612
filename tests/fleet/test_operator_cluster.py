"""A real API server takes every object, strictly, and its authoriser agrees on who may do what."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kr8s
import pytest
import yaml
from anyio.from_thread import start_blocking_portal

from fleet.fleet_file import MOST_STACKS
from fleet.stacks import stack_name
from tests.fleet.api_server import ApiServer
from tests.fleet.conftest import AWS, OPERATOR, STATE, Workspace, fleet_content
from tests.fleet.operator_definitions import stack_definition

pytestmark = pytest.mark.cluster

PATHS = {
    "Namespace": "/api/v1/namespaces",
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
    "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings",
    "Stack": "/apis/pulumi.com/v1/namespaces/{}/stacks",
}


@pytest.fixture(scope="module")
def server(kubeconfig: Path) -> Iterator[ApiServer]:
    with start_blocking_portal() as portal:
        yield ApiServer(str(kubeconfig), portal)


@pytest.fixture(scope="module")
def stacks_known(server: ApiServer) -> Iterator[None]:
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    # Applied, not posted: it may be there already, where an answer to the first try came too late.
    server.apply(f"{path}/stacks.pulumi.com", stack_definition(), "somebody-else", force=True)
    for _ in range(100):
        # In the first moments the API server says null.
        conditions = server.get(f"{path}/stacks.pulumi.com").get("status", {}).get("conditions") or ()
        if any(c["type"] == "Established" and c["status"] == "True" for c in conditions):
            break
        time.sleep(0.1)
    yield
    server.delete(f"{path}/stacks.pulumi.com")


def created(server: ApiServer, item: dict[str, Any]) -> dict[str, Any]:
    path = PATHS[item["kind"]].format(item["metadata"].get("namespace", ""))
    return server.call("POST", path, item, fieldValidation="Strict", fieldManager="kubectl")


def allowed(server: ApiServer, account: str, **attributes: str) -> bool:
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": account, "resourceAttributes": attributes},
    }
    return server.post("/apis/authorization.k8s.io/v1/subjectaccessreviews", review)["status"]["allowed"]


def workspace_pod(profile: str) -> dict[str, Any]:
    """The pod that the operator makes of a Stack, as far as Pod Security looks at it (its ``newStatefulSet``)."""
    context: dict[str, Any] = {"seccompProfile": {"type": "RuntimeDefault"}}
    container: dict[str, Any] = {"image": "pulumi", "volumeMounts": [{"name": "share", "mountPath": "/share"}]}
    if profile == "restricted":
        context |= {"runAsNonRoot": True, "runAsUser": 1000, "runAsGroup": 1000}
        capabilities = {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}
        container["securityContext"] = {"allowPrivilegeEscalation": False, "capabilities": capabilities}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "workspace"},
        "spec": {
            "serviceAccountName": "mendix-registry-deployer",
            "securityContext": context,
            "initContainers": [{"name": "bootstrap", **container}, {"name": "fetch", **container}],
            "containers": [{"name": "pulumi", **container}],
            "volumes": [{"name": "share", "emptyDir": {}}],
        },
    }


def test_the_api_server_accepts_every_object_with_minimal_rights(
    server: ApiServer, stacks_known: None, workspace: Workspace
) -> None:
    end = secrets.token_hex(3)
    namespaces = [f"fleet-{end}-{number}" for number in range(6)]
    other, home = f"fleet-{end}-other", f"fleet-{end}-home"
    trust = {"serviceAccountAnnotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/deployer"}}
    operator = {**OPERATOR, "namespace": home, "trust": {**trust, "podLabels": {"team": "platform"}}}
    workspace.write(fleet_content(AWS, namespaces, 3, operator=operator, state=STATE, rollout={"stacksAtOnce": 1}))
    assert workspace.run("operator").exit_code == 0
    for name in (*namespaces, other):
        server.post("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    cluster_wide: list[str] = []
    try:
        for path in sorted((workspace.directory / "operator" / "prod").iterdir()):
            for item in yaml.safe_load_all(path.read_text()):
                made = created(server, item)
                # What was sent is what is kept: no field was pruned.
                assert json.dumps(item.get("spec"), sort_keys=True) == json.dumps(made.get("spec"), sort_keys=True) or (
                    item["kind"] == "Namespace"
                )
                if "namespace" not in item["metadata"]:
                    cluster_wide.append(f"{PATHS[item['kind']]}/{item['metadata']['name']}")
        assert len(server.get(PATHS["Stack"].format(home))["items"]) == len(
            list((workspace.directory / "operator" / "prod").glob("prod-*.yaml"))
        )
        account = f"system:serviceaccount:{home}:mendix-registry-deployer"
        for name in namespaces:
            assert allowed(server, account, verb="create", group="batch", resource="jobs", namespace=name)
            assert allowed(server, account, verb="patch", resource="serviceaccounts", namespace=name)
            assert not allowed(server, account, verb="create", group="apps", resource="deployments", namespace=name)
            assert not allowed(server, account, verb="delete", resource="namespaces", name=name)
        for name in (other, "kube-system", home):
            assert not allowed(server, account, verb="get", resource="secrets", namespace=name)
        # By these the pod learns who calls it, and whether that is the operator.
        assert allowed(server, account, verb="create", group="authentication.k8s.io", resource="tokenreviews")
        assert allowed(server, account, verb="create", group="authorization.k8s.io", resource="subjectaccessreviews")
        server.call("POST", f"/api/v1/namespaces/{home}/pods", workspace_pod("restricted"), dryRun="All")
        with pytest.raises(kr8s.ServerError, match="PodSecurity"):
            server.call("POST", f"/api/v1/namespaces/{home}/pods", workspace_pod("baseline"), dryRun="All")
    finally:
        for path in cluster_wide:
            server.delete(path)
        for name in (*namespaces, other):
            server.delete(f"/api/v1/namespaces/{name}")


def test_the_api_server_rejects_unknown_fields_of_stacks(server: ApiServer, stacks_known: None) -> None:
    """The oracle of the test above: without it, a definition that takes anything would prove nothing."""
    stack = {
        "apiVersion": "pulumi.com/v1",
        "kind": "Stack",
        "metadata": {"name": "wrong", "namespace": "default"},
        "spec": {"stack": "wrong", "backendUrl": "s3://acme"},
    }
    with pytest.raises(kr8s.ServerError) as error:
        created(server, stack)
    assert "backendUrl" in str(error.value.response.text if error.value.response else error.value)


def test_the_operator_accepts_the_longest_name_of_a_fleet(
    server: ApiServer, stacks_known: None, workspace: Workspace
) -> None:
    """The operator names a pod's label by the Stack, and takes 42 characters."""
    longest = "f" * 38
    assert "name This name has" in workspace.refused({**fleet_content(), "name": longest + "f"})
    workspace.write({**fleet_content(namespaces=1, stacks=1), "name": longest})
    assert workspace.run("split").exit_code == 0
    stack = {
        "apiVersion": "pulumi.com/v1",
        "kind": "Stack",
        "metadata": {"name": stack_name(longest, MOST_STACKS - 1), "namespace": "default"},
        "spec": {"stack": "longest"},
    }
    created(server, stack)
    server.delete(f"{PATHS['Stack'].format('default')}/{stack['metadata']['name']}")
    stack["metadata"]["name"] += "f"
    with pytest.raises(kr8s.ServerError):
        created(server, stack)

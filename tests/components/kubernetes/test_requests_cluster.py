"""Every object that the components would send, judged by a real API server: its schema (strictly), its admission, and the
restricted Pod Security Standard for the Jobs' pods. Nothing is kept: all requests are dry runs."""

from __future__ import annotations

import base64
import json
import secrets
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from mendix_registry.deployment import deploy
from mendix_registry.settings.builder import Builder
from mendix_registry.settings.mirroring import Copy
from mendix_registry.settings.stack import OperatorConfiguration
from mendix_registry.stack_file import Settings
from tests.components.kubernetes.made import BUNDLE, CREDENTIALS, named, namespace
from tests.components.kubernetes.test_namespace import app
from tests.components.program import Recording, Registered, run

pytestmark = pytest.mark.cluster

PATHS = {
    "v1/Namespace": "/api/v1/namespaces",
    "v1/ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
    "v1/Secret": "/api/v1/namespaces/{}/secrets",
    "v1/ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "batch/v1/Job": "/apis/batch/v1/namespaces/{}/jobs",
    "rbac.authorization.k8s.io/v1/RoleBinding": "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings",
    "privatecloud.mendix.com/v1alpha1/OperatorConfiguration": (
        "/apis/privatecloud.mendix.com/v1alpha1/namespaces/{}/operatorconfigurations"
    ),
}

STRICT = {"dryRun": "All", "fieldValidation": "Strict", "fieldManager": "test"}
FORCE = {"force": "true"}
CLIENT_IMAGE = "mendix-registry.rehearsal/krane:debug"
"""The client image of the rehearsal's own cluster."""


class ApiServer:
    """Dry runs in a namespace that enforces the restricted Pod Security Standard."""

    def __init__(self, kubeconfig: Path, directory: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]

        def file(owner: dict[str, str], key: str) -> str:
            path = directory / key
            path.write_bytes(base64.b64decode(owner[f"{key}-data"]))
            return str(path)

        context = ssl.create_default_context(cafile=file(cluster, "certificate-authority"))
        context.load_cert_chain(file(user, "client-certificate"), file(user, "client-key"))
        self._client = httpx.Client(base_url=cluster["server"], verify=context, timeout=30)
        self.namespace = f"components-{secrets.token_hex(4)}"

    def call(self, method: str, path: str, body: Any = None, *, kept: bool = False, apply: bool = False) -> Any:
        """One request; fails with the API server's words where it refuses."""
        content_type = "application/apply-patch+yaml" if apply else "application/json"
        answer = self._client.request(
            method,
            path,
            params={} if kept else {**STRICT, **(FORCE if apply else {})},
            content=json.dumps(body) if body is not None else None,
            headers={"Content-Type": content_type},
        )
        if answer.status_code == 409 and kept:
            return answer.json()
        assert answer.is_success, f"{method} {path}: {answer.json().get('message')}"
        # What it would only warn about: deprecated fields and versions, pods that Pod Security would refuse.
        assert kept or "warning" not in answer.headers, answer.headers["warning"]
        return answer.json()

    def judge(self, item: Registered) -> None:
        """Fails with the API server's words where it refuses ``item``."""
        body = {key: whole(value) for key, value in item.inputs.items() if value is not None}
        name = f"{body['apiVersion']}/{body['kind']}"
        metadata = {**body["metadata"]}
        if name == "v1/Namespace":
            metadata["name"] += "-dry"
        else:
            assert metadata.get("namespace"), f"{item.urn} goes to whatever namespace the kubeconfig names"
            metadata["namespace"] = self.namespace
        body["metadata"] = metadata
        path = PATHS[name].format(self.namespace)
        for subject in body.get("subjects", ()):
            subject["namespace"] = self.namespace
        if "name" in metadata:
            self.call("PATCH", f"{path}/{metadata['name']}", body, apply=True)
        else:
            metadata["generateName"] = f"{item.name}-"
            self.call("POST", path, body)
        if name == "batch/v1/Job":
            self.judge_pod(body["spec"]["template"])

    def judge_pod(self, template: dict[str, Any]) -> None:
        """A Job's pods are only judged by Pod Security when they are made: make one."""
        metadata = {**template["metadata"], "name": f"pod-{secrets.token_hex(4)}", "namespace": self.namespace}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": whole(template["spec"])}
        self.call("POST", f"/api/v1/namespaces/{self.namespace}/pods", pod)


def whole(value: Any) -> Any:
    """On Pulumi's wire every number is a double; every provider makes whole ones integers again."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: whole(item) for key, item in value.items()}
    return [whole(item) for item in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def api_server(kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    server = ApiServer(kubeconfig, tmp_path_factory.mktemp("kubeconfig"))
    labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    metadata = {"name": server.namespace, "labels": labels}
    server.call(
        "POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}, kept=True
    )
    for name in ("mendix-builder", "builder", "default"):
        # A pod's ServiceAccount must be there; "default" is made by the cluster, in its own time.
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}
        server.call("POST", f"/api/v1/namespaces/{server.namespace}/serviceaccounts", account, kept=True)
    yield server
    server.call("DELETE", f"/api/v1/namespaces/{server.namespace}", kept=True)


def judge_all(api_server: ApiServer, recorded: Recording) -> None:
    sent = [
        item for item in recorded.registered if item.custom and not item.read and item.type.startswith("kubernetes:")
    ]
    assert sent
    for item in sent:
        if "spec" in item.inputs and item.inputs.get("kind") == "Job":
            assert item.inputs["spec"]["template"]["spec"]["securityContext"]["runAsNonRoot"] is True
        api_server.judge(item)


@pytest.mark.parametrize("kind", CREDENTIALS)
def test_every_login_passes_the_api_server_and_pod_security(api_server: ApiServer, kind: str) -> None:
    judge_all(api_server, namespace(kind, create=True, options=OperatorConfiguration(adopt="create")))


@pytest.mark.parametrize(
    "builder",
    [
        app(configMap="app"),
        app(persistentVolumeClaim="apps", path="a/b.mda"),
        app(url="https://files.example.com/orders.mda"),
        Builder(run_as_user=None, prove_node_pull=False),
        Builder(node_selector={"disk": "ssd"}, tolerations=({"key": "builds", "operator": "Exists"},)),
    ],
    ids=["config-map", "volume", "url", "platform's-user", "chosen-nodes"],
)
def test_every_mode_is_taken_as_well(api_server: ApiServer, builder: Builder) -> None:
    judge_all(api_server, namespace("token", builder=builder, ca_bundle=BUNDLE))


def test_a_mirror_is_taken_as_well(api_server: ApiServer) -> None:
    copies = (Copy("a.example.com/runtime:9", "apps/orders:runtime-9", ("linux/amd64", "linux/arm64")),)
    judge_all(api_server, namespace(builder=Builder(mode="mirror"), copies=copies))


def test_a_patch_owns_only_fields_that_the_server_knows(api_server: ApiServer) -> None:
    judge_all(api_server, namespace(live_pull_secrets=["other"]))


def test_openshifts_objects_are_taken_by_a_plain_kubernetes(
    api_server: ApiServer, settings: Callable[..., Settings]
) -> None:
    chosen = settings(registry={"type": "openshift4"}, namespaces=[{"name": "orders"}])
    answers = {"kubernetes:batch/v1:Job": named, "kubernetes:core/v1:ConfigMap": named}
    judge_all(api_server, run(lambda: deploy(chosen), answers=answers))


def test_a_real_pod_reads_its_token_and_logs_in(api_server: ApiServer) -> None:
    """Restricted, another user than root, read-only root: whether files have the rights that the script needs shows only there."""
    builder = Builder(image=CLIENT_IMAGE, attempts=1, prove_node_pull=False, timeout_seconds=60)
    recorded = namespace("token", builder=builder, push_host="registry.invalid")
    [files] = [item for item in recorded.of_type("kubernetes:core/v1:ConfigMap") if item.name == "orders-proof"]
    place = f"/api/v1/namespaces/{api_server.namespace}"
    configured = whole(files.inputs)
    metadata = {"name": configured["metadata"]["name"], "namespace": api_server.namespace}
    api_server.call("POST", f"{place}/configmaps", {**configured, "metadata": metadata}, kept=True)
    template = recorded.one("kubernetes:batch/v1:Job", "orders-push").inputs["spec"]["template"]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "token"}, "spec": whole(template["spec"])}
    api_server.call("POST", f"{place}/pods", pod, kept=True)
    for _ in range(240):
        status = api_server.call("GET", f"{place}/pods/token", kept=True)["status"]
        if status.get("phase") in ("Succeeded", "Failed"):
            break
        time.sleep(0.25)
    ended = status["containerStatuses"][0]["state"]["terminated"]
    assert ended["exitCode"] == 1, ended
    assert "the name registry.invalid does not resolve inside the cluster" in ended["message"]

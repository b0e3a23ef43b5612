"""Waits for everything but Jobs: Namespaces, Services, Deployments, and what is ready as soon as it is written."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from tests.rehearsal.providers.api_server import ApiServer, config_map, new_namespace
from tests.rehearsal.providers.driver import Plugin, RefusedError, Result, kept, refused

pytestmark = pytest.mark.cluster

NAMESPACE = "kubernetes:core/v1:Namespace"
SERVICE = "kubernetes:core/v1:Service"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"


def service(namespace: str, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"namespace": namespace}, "spec": {"ports": [{"port": 80}], "selector": {"a": "b"}, **spec}}


def deployment(namespace: str, image: str, *command: str) -> dict[str, Any]:
    labels = {"app": "d"}
    container = {"name": "c", "image": image, "imagePullPolicy": "IfNotPresent", "command": list(command)}
    pod = {"metadata": {"labels": labels}, "spec": {"terminationGracePeriodSeconds": 0, "containers": [container]}}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": pod}
    return {"metadata": {"namespace": namespace}, "spec": spec}


@pytest.fixture(scope="module", autouse=True)
def rollout(background: Plugin, api_server: ApiServer, image: str) -> Iterator[Future[tuple[Result, RefusedError]]]:
    """A good Deployment and its update to an image that is nowhere, begun before the other tests."""
    with new_namespace(api_server) as namespace, ThreadPoolExecutor(1) as pool:

        def outcome() -> tuple[Result, RefusedError]:
            made = background.create(DEPLOYMENT, deployment(namespace, image, "/busybox/sleep", "1000"))
            inputs = deployment(namespace, "registry.invalid/nope:2", "/busybox/sleep", "1000")
            return made, refused(lambda: background.update(DEPLOYMENT, made, inputs, timeout=60))

        yield pool.submit(outcome)


def test_a_namespace_can_be_used_at_once_and_is_gone_with_all_in_it_when_its_deletion_returns(
    plugin: Any, api_server: Any
) -> None:
    """An up right after a destroy meets the old namespace while it is ending, and half of its objects vanish again."""
    made = plugin.create(NAMESPACE, {"metadata": {}})
    name = made.id
    assert made.state["status"]["phase"] == "Active"
    inside = plugin.create("kubernetes:core/v1:ConfigMap", config_map(name, "inside", a="1"))
    inside_api = f"/api/v1/namespaces/{name}/configmaps/inside"
    assert api_server.get(inside_api) is not None
    plugin.delete(NAMESPACE, made)
    assert api_server.get(f"/api/v1/namespaces/{name}") is None and api_server.get(inside_api) is None
    plugin.delete("kubernetes:core/v1:ConfigMap", inside)  # went with it, which is no error
    assert plugin.read("kubernetes:core/v1:ConfigMap", inside.id, inside).id == ""


def test_a_namespace_that_is_held_up_names_what_holds_it(plugin: Any, api_server: Any) -> None:
    made = plugin.create(NAMESPACE, {"metadata": {}})
    held = config_map(made.id, "held")
    held["metadata"]["finalizers"] = ["example.com/hold"]
    path = f"/api/v1/namespaces/{made.id}/configmaps"
    api_server.post(path, held)
    error = refused(lambda: plugin.delete(NAMESPACE, made, timeout=6))
    assert "within 6 s" in error.message and "example.com/hold" in error.message
    again = {"metadata": {"name": made.id}}
    ending = refused(lambda: plugin.create(NAMESPACE, again, timeout=2))
    assert f"the deletion of Namespace {made.id}" in ending.message
    api_server.merge(f"{path}/held", {"metadata": {"finalizers": None}})
    plugin.delete(NAMESPACE, made)


def test_services_without_a_load_balancer_are_ready_and_with_one_wait_for_its_address(
    plugin: Any, api_server: Any, namespace: str
) -> None:
    made = plugin.create(SERVICE, service(namespace))
    assert made.state["spec"]["clusterIP"]
    balanced = service(namespace, type="LoadBalancer")
    error = refused(lambda: plugin.create(SERVICE, balanced, name="balanced", timeout=2))
    assert "within 2 s" in error.message and "load balancer" in error.message and "NodePort" in error.message
    old = kept(error.partial)
    path = "/api/v1/namespaces/{}/services/{}/status".format(*old.id.split("/"))
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(plugin.update, SERVICE, old, balanced, name="balanced", timeout=30)
        api_server.merge(path, {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}}})
        ready = waiting.result()
    assert ready.state["status"]["loadBalancer"]["ingress"][0]["ip"] == "192.0.2.7"
    assert plugin.read(SERVICE, ready.id, ready, name="balanced").inputs == ready.inputs


def test_a_deployment_is_ready_when_its_pods_are_and_is_deleted_with_them(
    plugin: Any, api_server: Any, namespace: str, image: str
) -> None:
    made = plugin.create(DEPLOYMENT, deployment(namespace, image, "/busybox/sleep", "1000"))
    assert made.state["status"]["availableReplicas"] == 1
    assert plugin.read(DEPLOYMENT, made.id, made).inputs == made.inputs
    plugin.delete(DEPLOYMENT, made)
    assert api_server.get(f"/apis/apps/v1/namespaces/{namespace}/replicasets")["items"] == []


def test_a_deployment_whose_container_ends_is_told_with_its_last_words(plugin: Any, namespace: str, image: str) -> None:
    script = "echo no route to the database >&2; exit 4"
    inputs = deployment(namespace, image, "/busybox/sh", "-c", script)
    # Without this, Kubernetes takes the moment that the container runs for its being available.
    inputs["spec"]["minReadySeconds"] = 60
    error = refused(lambda: plugin.create(DEPLOYMENT, inputs, timeout=12))
    assert "no route to the database" in error.message and "exit code 4" in error.message


def test_a_rollout_that_cannot_pull_fails_and_keeps_the_deployment(
    background: Plugin, rollout: Future[tuple[Result, RefusedError]]
) -> None:
    made, error = rollout.result()
    assert "ErrImagePull" in error.message and "within 60 s" not in error.message
    old = kept(error.partial)
    assert old.id == made.id
    assert "not ready" in refused(lambda: background.read(DEPLOYMENT, made.id, old)).message
    good = background.update(DEPLOYMENT, old, made.inputs)
    assert good.state["status"]["updatedReplicas"] == 1

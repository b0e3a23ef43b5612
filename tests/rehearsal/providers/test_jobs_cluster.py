"""Jobs on a real node: how their success, failure and refusal look to the engine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from rehearsal.providers.kubernetes.properties import Secret
from tests.rehearsal.providers.api_server import ApiServer, new_namespace
from tests.rehearsal.providers.driver import Plugin, RefusedError, kept, refused

pytestmark = pytest.mark.cluster

JOB = "kubernetes:batch/v1:Job"
CANARY = "canary-51be-do-not-show"


def job(namespace: str, image: str, script: str, **spec: Any) -> dict[str, Any]:
    pod = spec.pop("pod", {})
    container = spec.pop("container", {})
    command = {"command": ["/busybox/sh", "-c", script], "imagePullPolicy": "IfNotPresent"}
    containers = [{"name": "push", "image": image, **command, **container}]
    template = {"spec": {"restartPolicy": "Never", "containers": containers, **pod}}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"namespace": namespace, **spec.pop("metadata", {})},
        "spec": {"backoffLimit": 0, "template": template, **spec},
    }


def test_a_job_that_completes_shows_its_progress(plugin: Any, namespace: str, image: str) -> None:
    made = plugin.create(JOB, job(namespace, image, "echo pushed; sleep 2"))
    assert made.state["status"]["succeeded"] == 1
    progress = plugin.engine.texts(ephemeral=True)
    assert any("container push: running" in text for text in progress) and progress[-1] == ""
    assert not plugin.engine.texts(ephemeral=False), "the log of a good Job is nobody's business"
    assert plugin.read(JOB, made.id, made).inputs == made.inputs
    plugin.delete(JOB, made)


def test_a_failed_job_fails_with_its_containers_last_words(plugin: Any, namespace: str, image: str) -> None:
    script = "for i in $(seq 30); do echo line $i; done; sleep 1; echo denied: wrong password >&2; exit 3"
    error = refused(lambda: plugin.create(JOB, job(namespace, image, script, metadata={"name": "sad"})))
    assert "exit code 3" in error.message and "denied: wrong password" in error.message
    assert "line 30" in error.message and "line 5\n" not in error.message
    partial = error.partial
    assert partial.id == f"{namespace}/sad"
    assert partial.properties["metadata"]["name"] == "sad" and partial.inputs["metadata"]["name"] == "sad"
    assert any("denied: wrong password" in reason for reason in partial.reasons)
    [log] = plugin.engine.texts(ephemeral=False)
    assert "line 5\n" in log


def test_a_failed_job_stays_failed_until_it_is_replaced(plugin: Any, namespace: str, image: str) -> None:
    annotations = {"pulumi.com/replaceUnready": "true"}
    inputs = job(namespace, image, "exit 1", metadata={"name": "sad", "annotations": annotations})
    error = refused(lambda: plugin.create(JOB, inputs))
    old = kept(error.partial)
    refreshed = refused(lambda: plugin.read(JOB, old.id, old))
    assert refreshed.partial.id == old.id and "BackoffLimitExceeded" in refreshed.partial.reasons[1]
    again = refused(lambda: plugin.update(JOB, old, inputs))
    assert again.partial.id == old.id, "an update waits again and finds it failed"
    difference = plugin.diff(JOB, old, plugin.checked(JOB, inputs, old.inputs))
    assert list(difference.replaces) == ['metadata.annotations["pulumi.com/replaceUnready"]']
    assert difference.deleteBeforeReplace
    plugin.delete(JOB, old)
    good = plugin.create(JOB, job(namespace, image, "true", metadata={"name": "sad", "annotations": annotations}))
    assert not plugin.diff(JOB, good, good.inputs).replaces


def test_secrets_a_container_prints_are_masked(plugin: Any, namespace: str, image: str) -> None:
    environment = [{"name": "PASSWORD", "value": Secret(CANARY)}]
    inputs = job(namespace, image, "echo password is $PASSWORD; exit 1", container={"env": environment})
    error = refused(lambda: plugin.create(JOB, inputs))
    assert "password is [secret]" in error.message
    partial = error.partial
    assert not any(CANARY in text for text in (error.message, *partial.reasons, *plugin.engine.texts()))


NOT_STARTING: dict[str, tuple[dict[str, Any], list[str]]] = {
    "malformed image": ({"image": "Bad Image::"}, ["InvalidImageName", "malformed"]),
    "image cannot be pulled": ({"image": "registry.invalid/nope:1"}, ["ErrImagePull", "registry.invalid"]),
    "no such secret": (
        {"container": {"envFrom": [{"secretRef": {"name": "missing"}}]}},
        ['secret "missing" not found', "depend"],
    ),
    "no such account": (
        {"pod": {"serviceAccountName": "missing"}},
        ['serviceaccount "missing" not found', "depend"],
    ),
    "no such command": ({"container": {"command": ["/nope"]}}, ["StartError", "no such command"]),
}


@pytest.fixture(scope="module", autouse=True)
def outcomes(background: Plugin, api_server: ApiServer, image: str) -> Iterator[dict[str, Future[RefusedError]]]:
    """Of all these Jobs, begun before the other tests: what takes time is the patience of kubelet and provider."""
    with new_namespace(api_server) as namespace, ThreadPoolExecutor(len(NOT_STARTING)) as pool:

        def outcome(name: str) -> RefusedError:
            change = {"image": image, **NOT_STARTING[name][0]}
            inputs = job(namespace, script="true", activeDeadlineSeconds=600, **change)
            return refused(lambda: background.create(JOB, inputs, name=name.replace(" ", "-"), timeout=60))

        yield {name: pool.submit(outcome, name) for name in NOT_STARTING}


def test_pods_that_pod_security_refuses_are_told_at_once(
    plugin: Any, api_server: Any, namespace: str, image: str
) -> None:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    api_server.merge(f"/api/v1/namespaces/{namespace}", {"metadata": {"labels": labels}})
    error = refused(lambda: plugin.create(JOB, job(namespace, image, "true"), timeout=15))
    assert "within 15 s" not in error.message, "it was the timeout that ended the wait"
    assert "violates PodSecurity" in error.message and "securityContext" in error.message


def test_too_little_memory_and_too_little_time(plugin: Any, namespace: str, image: str) -> None:
    limits = {"resources": {"limits": {"memory": "24Mi"}}}
    script = "x=$(head -c 200m /dev/zero | tr '\\0' a); echo ${#x}"
    with ThreadPoolExecutor(2) as pool:
        hungry = pool.submit(
            refused, lambda: plugin.create(JOB, job(namespace, image, script, container=limits), name="m")
        )
        slow = pool.submit(
            refused,
            lambda: plugin.create(
                JOB, job(namespace, image, "echo begun; sleep 60", activeDeadlineSeconds=5), name="t"
            ),
        )
        assert "OOMKilled" in hungry.result().message and "resources.limits.memory" in hungry.result().message
        assert "DeadlineExceeded" in slow.result().message and "begun" in slow.result().message


def test_a_pod_that_no_node_takes_is_explained_at_the_timeout(plugin: Any, namespace: str, image: str) -> None:
    inputs = job(namespace, image, "true", pod={"nodeSelector": {"no": "such-node"}})
    error = refused(lambda: plugin.create(JOB, inputs, timeout=4))
    assert "within 4 s" in error.message and "node" in error.message and "nodeSelector" in error.message
    assert "custom_timeouts" in error.message


def test_cancel_ends_a_wait_promptly_and_the_object_is_kept(
    own_plugin: Any, api_server: Any, namespace: str, image: str
) -> None:
    from google.protobuf import empty_pb2

    inputs = job(namespace, image, "sleep 100", metadata={"name": "long"})
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(refused, lambda: own_plugin.create(JOB, inputs))
        deadline = time.monotonic() + 20
        while not any("running" in text for text in own_plugin.engine.texts()) and time.monotonic() < deadline:
            time.sleep(0.2)
        own_plugin.call("Cancel", empty_pb2.Empty())
        error = waiting.result(30)  # the container would sleep for 100 s
    assert "cancelled while waiting" in error.message and error.partial.id == f"{namespace}/long"
    assert api_server.get(f"/apis/batch/v1/namespaces/{namespace}/jobs/long") is not None
    assert "cancelled" in refused(lambda: own_plugin.create(JOB, job(namespace, image, "true"), name="next")).message


def test_a_job_that_cleans_up_after_itself_has_succeeded_and_reads_as_gone(
    plugin: Any, namespace: str, image: str
) -> None:
    made = plugin.create(JOB, job(namespace, image, "true", ttlSecondsAfterFinished=0))
    deadline = time.monotonic() + 20
    while (found := plugin.read(JOB, made.id, made).id) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert found == ""


def test_deleting_a_job_takes_its_pods_along(plugin: Any, api_server: Any, namespace: str, image: str) -> None:
    inputs = job(
        namespace,
        image,
        "trap 'exit 0' TERM; while :; do sleep 1; done",
        metadata={"annotations": {"pulumi.com/skipAwait": "true"}},
    )
    pods = f"/api/v1/namespaces/{namespace}/pods"
    made = plugin.create(JOB, inputs)
    while not any(pod["status"]["phase"] == "Running" for pod in api_server.get(pods)["items"]):
        time.sleep(0.5)
    made.inputs["metadata"].pop("annotations")
    plugin.delete(JOB, made)
    assert not api_server.get(pods)["items"]


def test_a_changed_template_plans_a_replacement_and_its_preview_succeeds(
    plugin: Any, namespace: str, image: str
) -> None:
    named = {"name": "fixed"}
    made = plugin.create(JOB, job(namespace, image, "true", metadata=named))
    changed = plugin.checked(JOB, job(namespace, image, "true; true", metadata=named), made.inputs)
    difference = plugin.diff(JOB, made, changed)
    assert difference.deleteBeforeReplace and list(difference.replaces) == [
        "spec.template.spec.containers[0].command[2]"
    ]
    shown = plugin.create(JOB, job(namespace, image, "true; true", metadata=named), preview=True)
    assert shown.state["metadata"]["name"] == "fixed"
    # The same Job left over from a run that died before the engine heard of it, with the program changed since.
    anew = plugin.create(JOB, job(namespace, image, "true; true", metadata=named))
    assert anew.state["metadata"]["uid"] != made.state["metadata"]["uid"]
    assert any("left over" in text for text in plugin.engine.texts(ephemeral=False))


@pytest.mark.parametrize("name", NOT_STARTING)
def test_a_job_that_cannot_start_is_told_long_before_its_deadline(
    outcomes: dict[str, Future[RefusedError]], name: str
) -> None:
    """Ten minutes of a build's time for a misspelt image are ten minutes too many: the provider itself gave up."""
    error = outcomes[name].result()
    assert "within 60 s" not in error.message, "it was the timeout that ended the wait"
    for word in NOT_STARTING[name][1]:
        assert word in error.message
    assert error.partial is not None

"""The user that OpenShift gives to a pod, and the pod that it does not let in."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.emulators.admission import AdmissionWebhook
from rehearsal.emulators.openshift.security_context import project_annotations, restricted, uid_range

NAMES = st.from_regex(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True)


def pod(user: int | None = None, container_user: int | None = None) -> dict[str, Any]:
    container: dict[str, Any] = {"name": "push", "image": "krane"}
    if container_user is not None:
        container["securityContext"] = {"runAsUser": container_user}
    security = {"runAsNonRoot": True} | ({} if user is None else {"runAsUser": user})
    return {"metadata": {"generateName": "push-"}, "spec": {"securityContext": security, "containers": [container]}}


@pytest.fixture
def admit(serve: Callable[..., Any]) -> Any:
    """What the webhook answers about a pod of a ServiceAccount."""

    async def find(namespace: str, name: str) -> dict[str, Any] | None:
        return {"metadata": {"namespace": namespace, "name": name}}

    def ask(made: dict[str, Any], account: str = "builder", namespace: str = "orders") -> dict[str, Any]:
        made["spec"]["serviceAccountName"] = account
        review = {"request": {"uid": "1", "namespace": namespace, "object": made}}
        with serve(AdmissionWebhook([restricted({"orders"}.__contains__)], find)) as url:
            return httpx.post(url, json=review, trust_env=False).json()["response"]

    return ask


def changed(answer: dict[str, Any]) -> dict[str, Any]:
    (patch,) = json.loads(base64.b64decode(answer["patch"]))
    return patch["value"]


def test_a_pod_without_a_user_gets_the_projects_user(admit: Any) -> None:
    answer = admit(pod())
    first, _ = uid_range("orders")
    spec = changed(answer)
    assert answer["allowed"]
    assert spec["containers"][0]["securityContext"]["runAsUser"] == first
    assert spec["securityContext"] == {"runAsNonRoot": True, "fsGroup": first}


@pytest.mark.parametrize("chosen", [{"user": 65532}, {"container_user": 65532}, {"user": 0}])
def test_a_builder_that_sets_its_user_is_rejected(admit: Any, chosen: dict[str, int]) -> None:
    answer = admit(pod(**chosen))
    assert not answer["allowed"]
    assert "patch" not in answer
    assert "unable to validate against any security context constraint" in answer["status"]["message"]


def test_a_user_of_the_projects_range_is_accepted_unchanged(admit: Any) -> None:
    first, size = uid_range("orders")
    answer = admit(pod(user=first + size - 1))
    assert answer["allowed"]
    assert "patch" not in answer


def test_pods_of_other_stacks_keep_their_user(admit: Any) -> None:
    answer = admit(pod(user=65532), account="mendix-builder")
    assert answer["allowed"]
    assert "patch" not in answer


@pytest.mark.parametrize("namespace", ["kube-system", "of-an-aws-stack", "default"])
def test_pods_of_what_is_no_project_are_left_alone(admit: Any, namespace: str) -> None:
    answer = admit(pod(), namespace=namespace)
    assert answer["allowed"]
    assert "patch" not in answer


@given(NAMES)
def test_a_range_is_one_that_openshift_could_have_given(name: str) -> None:
    first, size = uid_range(name)
    assert 1_000_000_000 <= first < first + size < 2**31
    assert project_annotations(name)["openshift.io/sa.scc.uid-range"] == f"{first}/{size}"

"""What a failed Job's hook makes of the cluster's events, and that it neither delays nor hides the failure."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pulumi
import pytest

from mendix_registry.kubernetes.cluster_events import ClusterEvents
from mendix_registry.kubernetes.job_failure import failure, on_job_failure, remedy
from mendix_registry.settings.stack import Cluster
from tests.components.program import run

JOB = "orders-push-0a1b2c3d"
DEADLINE = "[DeadlineExceeded] Job was active longer than specified deadline"


def event(
    message: str, at: int = 0, name: str = f"{JOB}-x7k2p", kind: str = "Pod", reason: str = "Failed"
) -> dict[str, Any]:
    return {
        "involvedObject": {"kind": kind, "name": name},
        "reason": reason,
        "message": message,
        "lastTimestamp": f"2026-01-01T00:00:{at:02}Z",
    }


def test_cluster_events_come_latest_first_once_with_a_remedy() -> None:
    quota = f'Error creating: pods "{JOB}-%s" is forbidden: exceeded quota: small, requested: pods=1, used: pods=0'
    text = failure(
        "orders",
        JOB,
        [
            event("0/3 nodes are available: 3 node(s) didn't match", 1, reason="FailedScheduling"),
            event("Job was active longer than specified deadline", 6, JOB, "Job", "DeadlineExceeded"),
            event(quota % "x7k2p", 5, JOB, "Job", "FailedCreate"),
            event(quota % "8dkq2", 4, JOB, "Job", "FailedCreate"),
            event("of another Job", 9, "orders-push-ffffffff", "Job"),
            event("of a Job with a longer name", 9, f"{JOB}4-x7k2p"),
        ],
        DEADLINE,
    )
    assert text.splitlines() == [
        f"The Job orders/{JOB} failed. The cluster reported:",
        "  FailedCreate: " + quota % "…",
        "  FailedScheduling: 0/3 nodes are available: 3 node(s) didn't match",
        "hint: raise the namespace's ResourceQuota, delete what uses it up, or lower builder.resources",
    ]


def test_without_an_event_the_providers_error_has_the_remedy() -> None:
    text = failure("orders", JOB, [], "[OOMKilled] pushing\n[BackoffLimitExceeded] x")
    assert "no event about it" in text and "hint: raise builder.resources" in text
    assert "kubectl describe" in failure("orders", JOB, [], DEADLINE)


# As Kubernetes 1.36 words them.
@pytest.mark.parametrize(
    ("words", "advice"),
    [
        ('FailedCreate: Error creating: pods "a" is forbidden: exceeded quota: small, requested: pods=1', "ResourceQuota"),
        ('FailedCreate: Error creating: pods "a" is forbidden: failed quota: q: must specify limits.cpu for: push', "LimitRange"),
        ('FailedCreate: Error creating: pods "a" is forbidden: violates PodSecurity "restricted:latest": x', "runAsUser"),
        (
            'FailedCreate: Error creating: pods "a" is forbidden: error looking up service account orders/b: serviceaccount "b" '
            "not found",
            "create this ServiceAccount",
        ),
        ('FailedCreate: Error creating: admission webhook "x" denied the request: no', "admission policy"),
        ("FailedScheduling: 0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.", "nodeSelector"),
        ('FailedMount: MountVolume.SetUp failed for volume "credentials" : secret "login" not found', "create this Secret"),
        ('FailedMount: MountVolume.SetUp failed for volume "proof" : configmap "x" not found', "create this ConfigMap"),
        ('Failed: Failed to pull image "a": not found', "check the image's name"),
        ("Unheard: of", "kubectl describe"),
    ],
)  # fmt: skip
def test_each_of_kubernetes_reasons_has_its_remedy(words: str, advice: str) -> None:
    assert advice in remedy([words])


def arguments(error: str, namespace: str = "orders") -> pulumi.ErrorHookArgs:
    inputs = {"metadata": {"namespace": namespace, "name": JOB}}
    return pulumi.ErrorHookArgs(
        "urn", "", "orders-push", "Job", new_inputs=inputs, failed_operation="create", errors=[error]
    )


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    logged: list[str] = []
    monkeypatch.setattr(pulumi.log, "error", logged.append)
    return logged


def called(events: ClusterEvents, *calls: pulumi.ErrorHookArgs) -> None:
    """Calls the hook as the engine does, at once for all."""
    answers: list[Any] = []

    def program() -> None:
        hook = on_job_failure("job-failure", events)

        async def call(arguments: pulumi.ErrorHookArgs) -> None:
            answer = hook(arguments)
            answers.append(answer if isinstance(answer, bool) else await answer)

        for arguments in calls:
            pulumi.Output.from_input(asyncio.ensure_future(call(arguments)))

    run(program)
    assert answers == [False] * len(calls), "the Job would be waited for again"


@pytest.mark.parametrize(
    "error",
    [
        "[Error] The push to a/b:1 failed.\nregistry: 401 Unauthorized\nhint: check it\n[BackoffLimitExceeded] Job has reached",
        "configured Kubernetes cluster is unreachable",
    ],
    ids=["told by the script", "no Job"],
)
def test_no_other_failure_is_explained(reported: list[str], error: str, tmp_path: Path) -> None:
    called(ClusterEvents(Cluster(), tmp_path / "absent.py"), arguments(error))
    assert not reported


CLUSTER = """
clusters: [{name: a, cluster: {server: "https://127.0.0.1:9"}}]
users: [{name: a, user: {}}]
contexts: [{name: a, context: {cluster: a, user: a}}]
current-context: a
"""


@pytest.mark.parametrize(
    ("kubeconfig", "words"), [("{}", "ValueError"), (CLUSTER, "onnect")], ids=["no cluster", "nobody answers"]
)
def test_an_unreachable_cluster_is_reported_with_a_command(reported: list[str], kubeconfig: str, words: str) -> None:
    called(ClusterEvents(Cluster(kubeconfig=kubeconfig)), arguments(DEADLINE))
    [text] = reported
    assert f"The Job orders/{JOB} failed, and its events could not be read: " in text and words in text
    assert "kubectl get events --namespace orders" in text


def test_a_login_that_hangs_does_not_keep_the_update(reported: list[str], tmp_path: Path) -> None:
    stuck = tmp_path / "stuck.py"
    stuck.write_text("import time\ntime.sleep(600)\n")
    called(ClusterEvents(Cluster(), stuck, 0.2), arguments(DEADLINE))
    [text] = reported
    assert "no answer within 0.2 seconds" in text


READER = """
import json, os, sys, tempfile
question = json.load(sys.stdin)
open(os.environ["SEEN"], "a").write(json.dumps([question, tempfile.mkstemp()[1]]) + "\\n")
event = {"involvedObject": {"kind": "Job", "name": "JOB"}, "reason": "FailedMount", "message": 'secret "login" not found'}
json.dump({name: "forbidden" if name == "closed" else [event] for name in question["namespaces"]}, sys.stdout)
""".replace("JOB", JOB)


def test_simultaneous_failures_share_one_process_that_cleans_up(
    reported: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    reader = tmp_path / "reader.py"
    reader.write_text(READER)
    monkeypatch.setenv("SEEN", str(tmp_path / "seen"))
    cluster = Cluster(context="production", kubeconfig="canary-of-a-kubeconfig")
    called(ClusterEvents(cluster, reader), *(arguments(DEADLINE, name) for name in ("orders", "invoices", "closed")))
    assert sorted(text.partition("\n")[0] for text in reported) == [
        f"The Job closed/{JOB} failed, and its events could not be read: forbidden",
        f"The Job invoices/{JOB} failed. The cluster reported:",
        f"The Job orders/{JOB} failed. The cluster reported:",
    ]
    assert sum('  FailedMount: secret "login" not found\nhint: create this Secret' in text for text in reported) == 2
    [[question, temporary]] = [json.loads(line) for line in (tmp_path / "seen").read_text().splitlines()]
    assert question == {
        "kubeconfig": "canary-of-a-kubeconfig",
        "context": "production",
        "namespaces": ["orders", "invoices", "closed"],
    }
    assert not Path(temporary).exists(), "the client's files, which may hold keys, stayed"

"""When clouds, networks and registries fail as they do, a stack converges, or ends with the reason and the next `up` finishes."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from rehearsal.cluster import BuiltCluster
from tests.end_to_end.clouds import ECR, ENTRA, EXPIRED, IRSA, Case, staged
from tests.end_to_end.conftest import Project

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

GKE = "example-google-gcr-workload-identity"

THROTTLED = """<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type><Code>Throttling</Code>
<Message>Rate exceeded</Message></Error><RequestId>1</RequestId></ErrorResponse>"""
CONFLICT = THROTTLED.replace("Throttling", "ConcurrentModification").replace(
    "Rate exceeded", "Another request is at work on it."
)
CONCURRENT = json.dumps(
    {
        "error": {
            "code": "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity",
            "message": "Too many writes.",
        }
    }
)
ABORTED = json.dumps({"error": {"code": 409, "status": "ABORTED", "message": "There were concurrent policy changes."}})
UNAVAILABLE = json.dumps({"errors": [{"code": "UNAVAILABLE", "message": "the service has an outage"}]})


CASES = {
    "iam throttles, ecr has an outage, eks is slow": Case(
        IRSA,
        [
            {"target": "aws", "kind": "answer", "status": 400, "body": THROTTLED, "holding": "CreateRole", "times": 3},
            {"target": "aws", "kind": "answer", "status": 503, "holding": "repositoryName", "times": 3},
            {"target": "aws", "kind": "slow", "seconds": 2, "holding": "PutRolePolicy"},
        ],
    ),
    "iam has another request at work": Case(
        IRSA,
        [{"target": "aws", "kind": "answer", "status": 409, "body": CONFLICT, "holding": "PutRolePolicy", "times": 100}],
        reason="ConcurrentModification",
    ),
    "the connection is cut in the middle of a layer, and while the node pulls": Case(
        IRSA,
        [
            {"target": ECR, "kind": "cut-upload", "method": "PATCH", "path": "/blobs/uploads/", "size": 10, "times": 2},
            {"target": ECR, "kind": "cut-download", "method": "GET", "path": "/blobs/sha256", "size": 5},
        ],
    ),
    "the registry's token expires between two requests": Case(
        IRSA, [{"target": ECR, "kind": "expire", "method": "PATCH", "status": 403, "body": EXPIRED}]
    ),
    "the registry is out of order for longer than the Job waits": Case(
        IRSA,
        [{"target": ECR, "kind": "answer", "status": 503, "body": UNAVAILABLE, "times": 10_000}],
        reason="the service has an outage",
        builder={"attempts": 2},
    ),
    "entra refuses a concurrent federated credential": Case(
        ENTRA,
        [
            {"target": "azure", "kind": "answer", "method": "PUT", "path": "federatedIdentityCredentials", "status": 409,
             "body": CONCURRENT, "times": 2},
            {"target": "azure", "kind": "answer", "method": "PUT", "path": "roleAssignments", "status": 429, "times": 2},
        ],
    ),
    "google has concurrent policy changes": Case(
        GKE, [{"target": "gcp", "kind": "answer", "path": "setIamPolicy", "status": 409, "body": ABORTED, "times": 2}]
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_stack_converges_now_or_with_the_next_update(quick: Project, node: BuiltCluster, name: str) -> None:
    case = CASES[name]
    clouds = staged(quick, node, case.stack, case.builder)
    clouds.up(quick, case)
    if case.reason:
        second = quick.run("up", "--yes", "--skip-preview", "--stack", case.stack)
        assert second.returncode == 0, second.stdout + second.stderr
    unchanged = quick.run("up", "--yes", "--skip-preview", "--expect-no-changes", "--stack", case.stack)
    assert unchanged.returncode == 0, unchanged.stdout + unchanged.stderr


def test_a_registry_restarted_during_a_push_has_the_image(quick: Project, node: BuiltCluster) -> None:
    clouds = staged(quick, node, IRSA, {})
    clouds.cause(target=ECR, kind="slow", seconds=3, method="PATCH", path="/blobs/uploads/")
    running = quick.start("up", "--yes", "--skip-preview", "--stack", IRSA)
    try:
        until = time.monotonic() + 120
        while not any(clouds.happened()) and running.poll() is None and time.monotonic() < until:
            time.sleep(0.1)
        assert any(clouds.happened())
        os.kill(_registry_behind(node), signal.SIGKILL)
        output, errors = running.communicate(timeout=240)
    finally:
        clouds.end()
        running.kill()
    assert running.returncode == 0, output + errors


def _registry_behind(node: BuiltCluster) -> int:
    """The process of the clouds' registry in this cluster, and in no other of this machine."""
    mounted = f"{node.kubeconfig.parent} "
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        serves = command[1:2] == ["serve"] and any("registry-clouds" in part for part in command)
        if serves and mounted in Path(f"/proc/{process.pid}/mountinfo").read_text():
            return process.pid
    raise AssertionError("the clouds' registry does not run")

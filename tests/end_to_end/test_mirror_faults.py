"""A long mirror outlives its logins: where one expires in the middle, the Job logs in anew and pushes what is missing, or ends
with the reason, and the next `up` pushes what is missing."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rehearsal.access_matrix.decisions import decisions
from rehearsal.cluster import BuiltCluster
from rehearsal.cluster.paths import cache_directory
from rehearsal.registry.spec import RegistrySpec
from rehearsal.toolchain.programs import CLIENT
from tests.end_to_end.clouds import ECR, ENTRA, EXPIRED, IRSA, Case, Clouds, staged
from tests.end_to_end.conftest import Project

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

VENDOR = "registry.vendor.test"
LAYERS = 6
ECR_API, ACR = "api.ecr.*", "*.azurecr.io"

# As Amazon ECR's API says it when the session has ended that asks for a token.
EXPIRED_SESSION = {
    "status": 400,
    "headers": {"content-type": "application/x-amz-json-1.1"},
    "body": json.dumps(
        {"__type": "ExpiredTokenException", "message": "The security token included in the request is expired"}
    ),
}
# As Azure's registry says it: the distribution specification's way, which a client answers with a new token at once.
UNAUTHORIZED = json.dumps({"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]})
CHALLENGE = {
    "www-authenticate": 'Bearer realm="https://examplemendixacr.azurecr.io/oauth2/token",service="examplemendixacr.azurecr.io",'
    'error="invalid_token"'
}


def expires_after(layers: int) -> dict[str, Any]:
    """The token with which the next layer after so many is finished is worth nothing from then on."""
    return {"target": ECR, "kind": "expire", "method": "PUT", "path": "/blobs/uploads/", "status": 403, "body": EXPIRED,
            "skip": layers}  # fmt: skip


CASES = {
    "ecr's token expires, and the copy cannot be read at once": Case(
        IRSA,
        [expires_after(3),
         {"target": ECR, "kind": "answer", "method": "GET", "path": "/manifests/", "status": 503, "skip": 1, "times": 4}],
    ),
    "ecr's token expires again and again, and once there is no new one": Case(
        IRSA,
        [expires_after(2), expires_after(4), expires_after(6),
         {"target": ECR_API, "kind": "answer", **EXPIRED_SESSION, "skip": 2}],
        # As many as one expiry and one anonymous try take, where krane was not told what had come before the expiry.
        builder={"attempts": 3},
    ),
    "ecr's token expires, and there is no new one": Case(
        IRSA,
        [expires_after(3), {"target": ECR_API, "kind": "answer", **EXPIRED_SESSION, "skip": 2, "times": 10_000}],
        reason="received no valid identity",
        builder={"attempts": 2},
    ),
    "acr's token expires while a layer is sent": Case(
        ENTRA,
        [{"target": ACR, "kind": "expire", "method": "PATCH", "path": "/blobs/uploads/", "status": 401, "body": UNAUTHORIZED,
          "headers": CHALLENGE, "skip": 2}],
    ),
}  # fmt: skip


@pytest.fixture
def source(node: BuiltCluster, tmp_path: Path) -> Iterator[str]:
    """An image of several layers in another registry, which everyone may read."""
    endpoint = node.registry(RegistrySpec(VENDOR, VENDOR, public=True))
    layers = [tmp_path / f"layer-{number}" for number in range(LAYERS)]
    for layer in layers:
        layer.write_bytes(os.urandom(512 * 1024))
    files = [argument for layer in layers for argument in ("--new_layer", str(layer))]
    subprocess.run(
        [CLIENT.cached(cache_directory()), "append", "--insecure", "--oci-empty-base", *files,
         "--new_tag", f"{endpoint.address}/mendix/runtime:1"],
        env={"HOME": str(tmp_path)}, check=True, timeout=60,
    )  # fmt: skip
    yield f"{VENDOR}/mendix/runtime:1"
    node.end_registry(VENDOR)


@pytest.mark.parametrize("name", CASES)
def test_an_expired_mirror_login_converges_or_reports_why(
    quick: Project, node: BuiltCluster, source: str, name: str
) -> None:
    case = CASES[name]
    builder = {"mode": "mirror", "mirror": [{"source": source}], **case.builder}
    clouds = staged(quick, node, case.stack, builder)
    before = finished_layers(clouds)
    clouds.up(quick, case)
    if case.reason:
        assert 0 < finished_layers(clouds) - before < LAYERS, "nothing was left to do, or all"
        second = quick.run("up", "--yes", "--skip-preview", "--stack", case.stack)
        assert second.returncode == 0, second.stdout + second.stderr
    if case.stack == IRSA:
        assert finished_layers(clouds) - before == LAYERS + 1, "not every layer, and the configuration, was pushed once"
    unchanged = quick.run("up", "--yes", "--skip-preview", "--expect-no-changes", "--stack", case.stack)
    assert unchanged.returncode == 0, unchanged.stdout + unchanged.stderr


def finished_layers(clouds: Clouds) -> int:
    """How many layers ECR has been given since it runs."""
    return sum(item["action"] == "ecr:CompleteLayerUpload" and item["allowed"] for item in decisions(clouds.service)(0))

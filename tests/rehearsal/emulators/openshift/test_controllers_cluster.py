"""What OpenShift's controllers leave in a project of a real cluster, and what they do not touch."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from rehearsal.emulators.decisions import DecisionLog
from rehearsal.emulators.openshift.api import PlatformApi
from rehearsal.emulators.openshift.controllers import INJECT, Controllers, pull_secret_name
from rehearsal.emulators.openshift.registry import ImageStreams, OpenShiftRegistry
from rehearsal.registry.authority import Allowed, RegistryRequest

pytestmark = [pytest.mark.cluster]

HOSTS = ("image-registry.openshift-image-registry.svc:5000",)
PEM = "-----BEGIN CERTIFICATE-----\nservice CA\n-----END CERTIFICATE-----\n"


def controllers(api: PlatformApi, project: str, *, build: bool = True) -> Controllers:
    return Controllers(api, HOSTS, PEM, {project}.__contains__, build=build)


async def found(api: PlatformApi, path: str) -> dict[str, Any]:
    document = await api.get(path)
    assert document is not None, path
    return document


@pytest.mark.parametrize("build", [True, False])
async def test_a_new_project_has_what_builds_and_pulls_need(api: PlatformApi, project: Any, build: bool) -> None:
    name = project().name
    await controllers(api, name, build=build).project(await found(api, f"/api/v1/namespaces/{name}"))
    bindings = await found(api, f"/apis/rbac.authorization.k8s.io/v1/namespaces/{name}/rolebindings")
    names = {item["metadata"]["name"] for item in bindings["items"]}
    assert "system:image-pullers" in names
    assert ("system:image-builders" in names) is build
    annotations = (await found(api, f"/api/v1/namespaces/{name}"))["metadata"]["annotations"]
    assert annotations["openshift.io/sa.scc.uid-range"].endswith("/10000")


async def test_a_pull_secret_joins_the_others_and_may_pull(api: PlatformApi, project: Any, tmp_path: Any) -> None:
    name = project().name
    path = f"/api/v1/namespaces/{name}/serviceaccounts/builder"
    await api.patch(path, {"imagePullSecrets": [{"name": "of-the-site"}]})
    own = controllers(api, name)
    await own.project(await found(api, f"/api/v1/namespaces/{name}"))
    account = await found(api, path)
    secret_name = pull_secret_name("builder", account["metadata"]["uid"])
    for _ in range(2):
        await own.service_account(await found(api, path))
    linked = [item["name"] for item in (await found(api, path))["imagePullSecrets"]]
    assert linked == ["of-the-site", secret_name]
    secret = await found(api, f"/api/v1/namespaces/{name}/secrets/{secret_name}")
    assert secret["type"] == "kubernetes.io/dockercfg"
    login = json.loads(base64.b64decode(secret["data"][".dockercfg"]))[HOSTS[0]]["auth"]
    registry = OpenShiftRegistry(api, ImageStreams(tmp_path / "streams.json"), DecisionLog())
    request = RegistryRequest(HOSTS[0], "read-manifest", f"{name}/apps", "t", "", f"Basic {login}")
    assert isinstance(await registry.authorize(request), Allowed)


async def test_only_an_annotated_config_map_gets_the_service_ca(api: PlatformApi, project: Any) -> None:
    name = project().name
    path = f"/api/v1/namespaces/{name}/configmaps"
    for annotated in (True, False):
        metadata = {"name": f"asks-{annotated}".lower(), "annotations": {INJECT: "true"} if annotated else {}}
        await api.create(path, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"other": "1"}})
    for made in (await found(api, path))["items"]:
        await controllers(api, name).config_map({"apiVersion": "v1", "kind": "ConfigMap", **made})
    assert (await found(api, f"{path}/asks-true"))["data"]["service-ca.crt"] == PEM
    assert (await found(api, f"{path}/asks-false"))["data"] == {"other": "1"}

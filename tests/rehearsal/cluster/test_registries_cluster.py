"""Registries of the built node while it runs: who gets a host that two want, what a change disturbs, what pods find.

Nodes are asked by running a pod from the pull host: the digest that its status tells is what was pulled.
"""

from __future__ import annotations

import secrets
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from rehearsal.cluster import BuiltCluster, Cluster, ClusterError, existing, oci_image, open_cluster, status
from rehearsal.cluster import node as node_module
from rehearsal.cluster.control_plane import CONTEXT
from rehearsal.cluster.errors import Progress
from rehearsal.cluster.in_cluster import NAMESPACE
from rehearsal.cluster.oci_image import File, ImageConfig
from rehearsal.cluster.packages import locate
from rehearsal.cluster.paths import cache_directory
from rehearsal.cluster.processes import Running
from rehearsal.registry import RegistrySpec
from rehearsal.registry.spec import RegistryEndpoint
from rehearsal.toolchain.programs import KUBERNETES_VERSION, REGISTRY

pytestmark = pytest.mark.cluster

PODS = "/api/v1/namespaces/default/pods"
PULL = "localhost:31999"


class Node:
    """The session's cluster, and the registries that a test has it serve."""

    def __init__(self, cluster: BuiltCluster, home: Path) -> None:
        self.cluster = cluster
        self.home = home
        self.served: dict[str, None] = {}

    def serve(
        self, push: str, pull: str, username: str = "", password: str = "", *, tls: bool = True
    ) -> RegistryEndpoint:
        endpoint = self.cluster.registry(RegistrySpec(push, pull, username, password, tls=tls))
        self.served[push] = None
        return endpoint

    def run(self, image: str) -> dict[str, Any]:
        """The status of a pod of ``image`` after it has ended."""
        name = f"rooms-{secrets.token_hex(4)}"
        container = {"name": "main", "image": image, "imagePullPolicy": "Always"}
        pod = {"metadata": {"name": name}, "spec": {"restartPolicy": "Never", "containers": [container]}}
        with self.cluster.connect() as api:
            api.create(PODS, {"apiVersion": "v1", "kind": "Pod", **pod})
            for _ in range(300):
                (found,) = (api.get(f"{PODS}/{name}") or {})["status"].get("containerStatuses") or [{}]
                if ended := found.get("state", {}).get("terminated"):
                    assert ended["exitCode"] == 0, ended
                    return found
                assert "BackOff" not in str(found), found
                time.sleep(0.1)
        raise AssertionError(f"{image} did not run: {found}")

    def processes(self) -> Any:
        running = Running.read(self.home / "cluster" / "running.json")
        assert running is not None
        return running.processes


@pytest.fixture
def node(cluster: Cluster, home: Path) -> Iterator[Node]:
    if not isinstance(cluster, BuiltCluster):
        pytest.skip("registries of this kind are the built cluster's")
    node = Node(cluster, home)
    yield node
    for push in node.served:
        cluster.end_registry(push)


def client(endpoint: RegistryEndpoint, auth: tuple[str, str] | None = None) -> httpx.Client:
    verify = ssl.create_default_context(cadata=endpoint.ca_pem) if endpoint.ca_pem else False
    scheme = "https" if endpoint.ca_pem else "http"
    return httpx.Client(base_url=f"{scheme}://{endpoint.address}", verify=verify, auth=auth, trust_env=False)


def push(endpoint: RegistryEndpoint, *command: str, program: Path | None = None) -> str:
    """Push ``app:1``, an image that runs ``command`` of busybox, or of ``program``; gives its digest."""
    program = program or locate("busybox")
    path = f"/{program.name}"
    layer = oci_image.layer({path: File(program.read_bytes(), 0o755)})
    image = oci_image.build([layer], ImageConfig(entrypoint=[path, *command]))
    with client(endpoint) as registry:
        for digest, content in image.blobs.items():
            if digest != image.manifest_digest:
                end = httpx.URL(registry.post("/v2/app/blobs/uploads/").headers["location"])
                put = registry.put(end, params={**dict(end.params), "digest": digest}, content=content)
                assert put.status_code == 201, put.text
        headers = {"content-type": "application/vnd.oci.image.manifest.v1+json"}
        put = registry.put("/v2/app/manifests/1", content=image.blobs[image.manifest_digest], headers=headers)
        assert put.status_code == 201, put.text
    return image.manifest_digest


def test_a_shared_pull_host_leads_to_the_latest_registry(node: Node) -> None:
    first, second = "first.rooms.test:5000", "second.rooms.test:5000"
    a = push(node.serve(first, PULL), "echo", "a")
    assert node.run(f"{PULL}/app:1")["imageID"].endswith(a)
    b = push(node.serve(second, PULL), "echo", "b")
    assert node.run(f"{PULL}/app:1")["imageID"].endswith(b)
    assert node.run(f"{first}/app:1")["imageID"].endswith(a), "its own name stays the first's"
    node.serve(first, PULL)
    assert node.run(f"{PULL}/app:1")["imageID"].endswith(a)
    assert node.run(f"{second}/app:1")["imageID"].endswith(b)


def test_another_registrys_push_host_is_rejected_as_pull_host(node: Node) -> None:
    first, second = "first.rooms.test:5000", "second.rooms.test:5000"
    a = push(node.serve(first, first), "echo", "a")
    before = node.processes()
    with pytest.raises(
        ClusterError, match=r"pull host first\.rooms\.test:5000 is the registry that another stack pushes to"
    ):
        node.cluster.registry(RegistrySpec(second, first))
    assert node.processes() == before
    assert node.run(f"{first}/app:1")["imageID"].endswith(a)


def test_a_registry_regains_its_push_host_from_another(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nodes pulled from the other what had been pushed here: the refusal above depended on who was served first."""
    told: list[Progress] = []
    first, second = "first.rooms.test:5000", "second.rooms.test:5000"
    push(node.serve(second, first), "echo", "b")
    monkeypatch.setattr(node.cluster, "_report", told.append)
    a = push(node.serve(first, first), "echo", "a")
    assert node.run(f"{first}/app:1")["imageID"].endswith(a)
    assert f"{first} leads nodes to {first} now, no longer to {second} of another stack" in [p.message for p in told]


def test_a_running_registry_accepts_its_new_password(node: Node) -> None:
    host = "password.rooms.test:5000"
    node.serve(host, host, "builder", "first")
    before = node.processes()
    endpoint = node.serve(host, host, "builder", "second")
    assert node.processes() == before
    for password, answer in (("first", 401), ("second", 200)):
        with client(endpoint, ("builder", password)) as registry:
            assert registry.get("/v2/").status_code == answer


def test_two_registries_of_one_name_differ_by_their_ports(node: Node) -> None:
    """One name has one address: with two, pods found the second only."""
    name = "ports.rooms.test"
    one = node.serve(f"{name}:5000", f"{name}:5000", tls=False)
    other = node.serve(f"{name}:5001", f"{name}:5001")
    address = one.address.partition(":")[0]
    assert (one.address, other.address) == (f"{address}:5000", f"{address}:5001")
    for endpoint in (one, other):
        with client(endpoint) as registry:
            assert registry.get("/v2/").status_code == 200


def test_a_pod_resolves_a_registrys_names_and_no_other(node: Node) -> None:
    """With the search list and the five dots of a pod's resolv.conf."""
    host = "names.rooms.test:5000"
    endpoint = node.serve(host, "pull.rooms.test:5000")
    names = "names.rooms.test pull.rooms.test example.org"
    asks = f"for name in {names}; do /busybox nslookup -type=a $name; done >/dev/termination-log 2>&1; true"
    push(endpoint, "sh", "-c", asks)
    answers = node.run(f"{host}/app:1")["state"]["terminated"]["message"]
    address = endpoint.address.partition(":")[0]
    for name in ("names.rooms.test", "pull.rooms.test"):
        assert f"Name:\t{name}\nAddress: {address}\n" in answers, answers
    assert "can't find example.org: NXDOMAIN" in answers


def test_a_given_cluster_is_used_by_its_context(
    node: Node, kubeconfig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same cluster as somebody's own."""
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    told: list[Progress] = []
    given = existing.open_context(tmp_path, CONTEXT, told.append)
    assert told[0].message == f"cluster {CONTEXT} answers: Kubernetes v{KUBERNETES_VERSION}"
    assert (given.kind, given.context) == ("context", CONTEXT)
    assert given.kubeconfig.stat().st_mode & 0o777 == 0o600
    own = f"/api/v1/namespaces/default/configmaps/rooms-{secrets.token_hex(4)}"
    document = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": own.rpartition("/")[2]},
        "data": {"a": "1"},
    }
    assert given.api.get(own) is None
    given.api.apply(own, document)
    assert (given.api.get(own) or {})["data"] == {"a": "1"}
    with pytest.raises(ClusterError, match=rf"refused PATCH {own}: "):
        given.api.apply(own, {**document, "data": "none"})
    assert given.api.delete(own)
    remembered = existing.recall(tmp_path)
    assert remembered is not None
    assert existing.trouble(remembered) is None
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "broken"))
    (tmp_path / "broken").write_text(kubeconfig.read_text().replace(":6443", ":1"))
    with pytest.raises(
        ClusterError, match=rf"cluster {CONTEXT} could not be reached(.|\n)*kubectl --context {CONTEXT} version"
    ):
        existing.open_context(tmp_path, CONTEXT, lambda _: None)


def test_a_registry_in_a_given_cluster_ends_with_home(
    node: Node, kubeconfig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Up to its readiness: what leads to it, Services and node ports, the built node does not have."""
    host = "images.rooms.test:5000"
    digest = push(node.serve(host, host), program=REGISTRY.cached(cache_directory()))
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    monkeypatch.setenv("REHEARSAL_REGISTRY_IMAGE", f"{host}/app@{digest}")
    monkeypatch.setenv("REHEARSAL_CLIENT_IMAGE", "registry.example.com/krane")
    given = existing.open_context(tmp_path, CONTEXT, lambda _: None)
    path = f"/api/v1/namespaces/{NAMESPACE}"
    enforced = {"name": NAMESPACE, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}
    node.cluster.ensure([(path, {"apiVersion": "v1", "kind": "Namespace", "metadata": enforced})])
    endpoint = given.registry(
        RegistrySpec(f"mine.{NAMESPACE}.svc.cluster.local", "localhost:31998", "builder", "canary")
    )
    assert endpoint.ca_pem.startswith("-----BEGIN CERTIFICATE-----")
    assert endpoint.address == f"{node.cluster.node_ip}:31998"
    assert existing.close(tmp_path) == [f"namespace {NAMESPACE} in the cluster {CONTEXT}"]
    assert existing.recall(tmp_path) is None
    assert (node.cluster.get(path) or {"status": {"phase": "Terminating"}})["status"]["phase"] == "Terminating"


def test_a_node_that_is_only_slow_is_waited_for(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine made an API server miss some seconds; the next command ended the node, and every other command's pods."""
    monkeypatch.setattr(node_module, "_HEALTHY_SECONDS", 0.5)
    before = status(node.home).processes
    (server,) = [psutil.Process(process.pid) for process in before if process.name == "kube-apiserver"]
    told: list[str] = []

    def tell(progress: Progress) -> None:
        told.append(progress.message)
        # Not before: a request that it is too late for would still be answered.
        if "is slow" in progress.message:
            server.resume()

    server.suspend()
    try:
        # On a busy machine its other threads answer until the signal's turn has come.
        while server.status() != psutil.STATUS_STOPPED:
            time.sleep(0.01)
        open_cluster(node.home, progress=tell)
    finally:
        server.resume()
    assert any("is slow" in message for message in told), told
    assert {p.name: p.pid for p in status(node.home).processes if p.role == "node"} == {
        p.name: p.pid for p in before if p.role == "node"
    }

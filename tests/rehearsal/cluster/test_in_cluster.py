"""A registry as Deployment and Service in a cluster that the rehearsal did not build."""

from __future__ import annotations

import base64
import copy
from pathlib import Path
from typing import Any, cast

import bcrypt
import pytest
import yaml
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store

from rehearsal.cluster import in_cluster
from rehearsal.cluster.errors import ClusterError, Progress
from rehearsal.cluster.in_cluster import NAMESPACE, Images
from rehearsal.cluster.kubeconfig_api import KubeconfigApi
from rehearsal.registry import RegistrySpec

IMAGES = Images("registry.example.com/registry@sha256:1", "registry.example.com/krane@sha256:2")
PUSH = f"registry.{NAMESPACE}.svc.cluster.local:5000"
SPEC = RegistrySpec(PUSH, "localhost:32000", "builder", "canary")


def quiet(_: Progress) -> None:
    pass


class Objects:
    """What was applied; a Deployment is available at once."""

    def __init__(self) -> None:
        self.by_path: dict[str, dict[str, Any]] = {"/api/v1/nodes": {"items": []}}

    def get(self, path: str) -> dict[str, Any] | None:
        return self.by_path.get(path)

    def apply(self, path: str, document: dict[str, Any]) -> None:
        applied = copy.deepcopy(document)
        applied["metadata"]["generation"] = 1
        applied["status"] = {"observedGeneration": 1, "updatedReplicas": 1, "availableReplicas": 1}
        self.by_path[path] = applied

    def delete(self, path: str) -> bool:
        return self.by_path.pop(path, None) is not None

    def of(self, kind: str, name: str = "registry") -> dict[str, Any]:
        (found,) = [o for o in self.by_path.values() if o.get("kind") == kind and o["metadata"]["name"] == name]
        return found


@pytest.fixture
def cluster() -> Objects:
    return Objects()


def serve(cluster: Objects, home: Path, spec: RegistrySpec = SPEC) -> Any:
    return in_cluster.serve(cast("KubeconfigApi", cluster), home, spec, IMAGES, quiet)


def files(cluster: Objects, name: str = "registry") -> dict[str, bytes]:
    return {key: base64.b64decode(value) for key, value in cluster.of("Secret", name)["data"].items()}


def test_objects_stand_at_their_paths_in_the_namespace(cluster: Objects, tmp_path: Path) -> None:
    serve(cluster, tmp_path)
    plurals = {"Namespace": "namespaces", "Secret": "secrets", "Service": "services", "Deployment": "deployments"}
    for path, document in cluster.by_path.items():
        if "kind" in document:
            assert path.endswith(f"/{plurals[document['kind']]}/{document['metadata']['name']}")
            version = document["apiVersion"]
            assert path.startswith(f"/api/{version}/" if "/" not in version else f"/apis/{version}/")
            assert document["metadata"].get("namespace", NAMESPACE) == NAMESPACE
    assert next(o["kind"] for o in cluster.by_path.values() if "kind" in o) == "Namespace"


def test_the_pod_passes_the_restricted_pod_security_standard(cluster: Objects, tmp_path: Path) -> None:
    """Each control of kubernetes.io/docs/concepts/security/pod-security-standards; a given cluster may enforce it."""
    serve(cluster, tmp_path)
    pod = cluster.of("Deployment")["spec"]["template"]["spec"]
    assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & set(pod)
    assert all(set(volume) - {"name"} <= {"secret", "emptyDir", "configMap", "projected"} for volume in pod["volumes"])
    for container in pod["containers"]:
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert context["runAsNonRoot"] is True
        assert context["runAsUser"] > 0
        assert context["seccompProfile"]["type"] in ("RuntimeDefault", "Localhost")
        assert not any("hostPort" in port for port in container["ports"])
    assert pod["automountServiceAccountToken"] is False


def test_push_and_pull_hosts_lead_to_the_pod(cluster: Objects, tmp_path: Path) -> None:
    serve(
        cluster, tmp_path, RegistrySpec(f"mine.{NAMESPACE}.svc.cluster.local", "localhost:31555", "builder", "canary")
    )
    service, deployment = cluster.of("Service", "mine"), cluster.of("Deployment", "mine")
    template = deployment["spec"]["template"]
    (port,) = service["spec"]["ports"]
    assert (service["spec"]["type"], port["port"], port["nodePort"]) == ("NodePort", 443, 31555)
    for selector in (service["spec"]["selector"], deployment["spec"]["selector"]["matchLabels"]):
        assert selector.items() <= template["metadata"]["labels"].items()
    (container,) = template["spec"]["containers"]
    configuration = yaml.safe_load(files(cluster, "mine")["config.yml"])
    listens = int(configuration["http"]["addr"].rpartition(":")[2])
    assert port["targetPort"] == listens == container["ports"][0]["containerPort"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    for path in (
        configuration["http"]["tls"]["certificate"],
        configuration["auth"]["htpasswd"]["path"],
        container["args"][1],
    ):
        directory, _, name = path.rpartition("/")
        assert directory == mounts["files"]
        assert name in files(cluster, "mine")
    assert configuration["storage"]["filesystem"]["rootdirectory"] == mounts["data"]


def test_its_certificate_and_password_are_those_of_the_spec(cluster: Objects, tmp_path: Path) -> None:
    endpoint = serve(cluster, tmp_path)
    content = files(cluster)
    user, _, hashed = content["htpasswd"].decode().strip().partition(":")
    assert user == "builder"
    assert bcrypt.checkpw(b"canary", hashed.encode())
    authority = x509.load_pem_x509_certificate(endpoint.ca_pem.encode())
    verifier = PolicyBuilder().store(Store([authority])).build_server_verifier(x509.DNSName(PUSH.partition(":")[0]))
    verifier.verify(x509.load_pem_x509_certificate(content["tls.crt"]), [])
    for document in cluster.by_path.values():
        assert "canary" not in yaml.safe_dump(document)


def test_only_a_registry_with_a_new_password_restarts(cluster: Objects, tmp_path: Path) -> None:
    """The pod reads its files at its start."""
    serve(cluster, tmp_path)
    first = cluster.of("Deployment")
    serve(cluster, tmp_path)
    assert cluster.of("Deployment") == first
    serve(cluster, tmp_path, RegistrySpec(PUSH, "localhost:32000", "builder", "another"))
    assert cluster.of("Deployment")["spec"]["template"] != first["spec"]["template"]


def test_another_registry_of_the_home_restarts_nothing_here(cluster: Objects, tmp_path: Path) -> None:
    """They had one password file and certificate, each written over the other's; one that starts anew has lost its images."""
    serve(cluster, tmp_path)
    first = cluster.of("Deployment")
    serve(cluster, tmp_path, RegistrySpec(PUSH.replace("registry", "other"), "localhost:32001", "robot", "second"))
    serve(cluster, tmp_path)
    assert cluster.of("Deployment") == first


@pytest.mark.parametrize(
    ("push", "pull", "words"),
    [
        ("registry.example.com:5000", "localhost:32000", "whose DNS knows Services only"),
        (f"a.b.{NAMESPACE}.svc.cluster.local", "localhost:32000", "whose DNS knows Services only"),
        (PUSH, "localhost:5000", "port of 30000-32767"),
        (PUSH, "localhost", "node port"),
        (PUSH, PUSH, "node port"),
    ],
)
def test_services_that_a_given_cluster_cannot_reach_are_rejected(
    cluster: Objects, tmp_path: Path, push: str, pull: str, words: str
) -> None:
    with pytest.raises(ClusterError, match=words) as caught:
        serve(cluster, tmp_path, RegistrySpec(push, pull))
    assert "built cluster" in caught.value.remedy
    assert set(cluster.by_path) == {"/api/v1/nodes"}, "nothing was made"


def test_only_a_namespace_created_by_the_rehearsal_is_deleted(cluster: Objects, tmp_path: Path) -> None:
    api = cast("KubeconfigApi", cluster)
    path = f"/api/v1/namespaces/{NAMESPACE}"
    assert not in_cluster.remove(api)
    cluster.by_path[path] = {"kind": "Namespace", "metadata": {"name": NAMESPACE}}
    assert not in_cluster.remove(api)
    assert path in cluster.by_path
    serve(cluster, tmp_path)
    assert in_cluster.remove(api)
    assert path not in cluster.by_path


VARIABLES = ("REHEARSAL_REGISTRY_IMAGE", "REHEARSAL_CLIENT_IMAGE")


@pytest.mark.parametrize("absent", [VARIABLES[:1], VARIABLES[1:], VARIABLES])
def test_images_that_are_not_given_are_named(absent: tuple[str, ...]) -> None:
    with pytest.raises(ClusterError) as caught:
        Images.from_environment({name: "x" for name in VARIABLES if name not in absent})
    assert tuple(name for name in VARIABLES if name in caught.value.message) == absent

"""The session's cluster with OpenShift's ClusterRoles, and projects in it, without the clouds' process."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from rehearsal.cluster import BuiltCluster, open_cluster
from rehearsal.emulators.openshift.api import PlatformApi
from rehearsal.emulators.settings import Settings
from rehearsal.sandbox.openshift import platform_objects

RBAC = "rbac.authorization.k8s.io"


@dataclass(frozen=True, slots=True)
class Project:
    """A namespace with ServiceAccount ``builder``."""

    cluster: BuiltCluster
    name: str

    def token(self, account: str = "builder", audience: str = "") -> str:
        return self.cluster.token(self.name, account, audience or self.cluster.issuer)

    def allow(self, *rules: tuple[str, str]) -> None:
        """Let ``builder`` do ``(resource, verb)`` and nothing else."""
        listed = [{"apiGroups": ["image.openshift.io"], "resources": [what], "verbs": [verb]} for what, verb in rules]
        home = f"/apis/{RBAC}/v1/namespaces/{self.name}"
        metadata = {"name": "test", "namespace": self.name}
        role = {"apiVersion": f"{RBAC}/v1", "kind": "Role", "metadata": metadata, "rules": listed}
        binding = {
            "apiVersion": f"{RBAC}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": "test"},
            "subjects": [{"kind": "ServiceAccount", "name": "builder", "namespace": self.name}],
        }
        with self.cluster.connect() as api:
            api.apply(f"{home}/roles/test", role)
            api.apply(f"{home}/rolebindings/test", binding)


@pytest.fixture(scope="session")
def cluster(home: Path) -> BuiltCluster:
    made = open_cluster(home)
    assert isinstance(made, BuiltCluster)
    made.ensure(platform_objects())
    return made


@pytest.fixture
def project(cluster: BuiltCluster) -> Callable[[], Project]:
    def make() -> Project:
        # None of a stack's: where this cluster also serves stacks of OpenShift's, their controllers leave it alone.
        made = Project(cluster, f"project-{secrets.token_hex(4)}")
        made.token()
        return made

    return make


@pytest.fixture
def api(cluster: BuiltCluster, tmp_path: Path) -> PlatformApi:
    """The API server as its administrator."""
    document = yaml.safe_load(cluster.kubeconfig.read_text())
    server, user = document["clusters"][0]["cluster"], document["users"][0]["user"]

    def file(name: str, data: str) -> str:
        (tmp_path / name).write_bytes(base64.b64decode(data))
        return str(tmp_path / name)

    unused: dict[str, Any] = dict.fromkeys(
        ("address", "data", "authority", "authority_key", "backend", "backend_user", "backend_password", "node_token"),
        "",
    )
    settings = Settings(
        api_server=server["server"],
        api_server_authority=file("ca.crt", server["certificate-authority-data"]),
        client_certificate=file("client.crt", user["client-certificate-data"]),
        client_key=file("client.key", user["client-key-data"]),
        issuer=cluster.issuer,
        **unused,
    )
    return PlatformApi(settings)

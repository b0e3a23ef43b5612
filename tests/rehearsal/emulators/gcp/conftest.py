"""An emulated Google Cloud that is served, and Google's own clients of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build_from_document
from googleapiclient.errors import HttpError

from rehearsal.emulators.decisions import DecisionLog
from rehearsal.emulators.gcp.access_tokens import OPERATOR_TOKEN
from rehearsal.emulators.gcp.cloud import GcpCloud, GcpSettings
from rehearsal.emulators.pods import Pod
from rehearsal.emulators.tokens import ClusterTokens
from rehearsal.registry.authority import Allowed, Refused, RegistryRequest

ISSUER = "https://kubernetes.default.svc.cluster.local"
PROJECT, NUMBER, POOL = "example-mendix", "123456789012", "example-mendix.svc.id.goog"
HOST = "europe-west4-docker.pkg.dev"
PARENT = f"projects/{PROJECT}/locations/europe-west4"
NODE = f"gke-nodes@{PROJECT}.iam.gserviceaccount.com"


class Pods:
    """The pods of a cluster: the tests' own address is that of ``here``."""

    def __init__(self, cluster: Any) -> None:
        self._cluster = cluster
        self.here: Pod | None = Pod("orders", "builder-1", "u-1", "builder")
        self.annotations: dict[str, str] = {}

    async def pod_at(self, address: str) -> Pod | None:
        return self.here if address == "127.0.0.1" else None

    async def service_account(self, namespace: str, name: str) -> Mapping[str, Any] | None:
        return {"metadata": {"namespace": namespace, "name": name, "annotations": self.annotations}}

    async def service_account_token(self, pod: Pod, audience: str) -> str:
        return self._cluster.token(pod.namespace, pod.service_account, audience=audience)


class Google:
    """An emulator and its clients."""

    def __init__(self, cloud: GcpCloud, pods: Pods, url: str, metadata: str) -> None:
        self.cloud, self.pods, self.url, self.metadata = cloud, pods, url, metadata
        self.store = cloud.account.store

    def api(self, name: str, token: str = OPERATOR_TOKEN, version: str = "v1") -> Any:
        """Google's own Python client, made from the discovery document that it brings."""
        import googleapiclient

        documents = Path(googleapiclient.__file__).parent / "discovery_cache" / "documents"
        # The document names Google's host; the client takes another by this option.
        return build_from_document(
            (documents / f"{name}.{version}.json").read_text(),
            credentials=Credentials(token),
            client_options={"api_endpoint": self.url},
        )

    @property
    def repositories(self) -> Any:
        return self.api("artifactregistry").projects().locations().repositories()

    @property
    def accounts(self) -> Any:
        return self.api("iam").projects().serviceAccounts()

    def repository(self, name: str, **more: Any) -> str:
        body = {"format": "DOCKER", **more}
        self.repositories.create(parent=PARENT, repositoryId=name, body=body).execute()
        return f"{PARENT}/repositories/{name}"

    def service_account(self, name: str, project: str = PROJECT) -> str:
        made = self.accounts.create(name=f"projects/{project}", body={"accountId": name}).execute()
        return made["email"]

    def grant(self, resource: str, role: str, member: str, **condition: Any) -> None:
        api = self.repositories if "/repositories/" in resource else self.accounts
        policy = api.getIamPolicy(resource=resource).execute()
        added = {"role": role, "members": [member], **condition}
        policy["bindings"] = [*policy.get("bindings", []), added]
        api.setIamPolicy(resource=resource, body={"policy": {**policy, "version": 3}}).execute()

    async def authorize(self, action: Any, path: str, token: str, host: str = HOST) -> Allowed | Refused:
        request = RegistryRequest(host, action, path, "latest", authorization=f"Bearer {token}" if token else "")
        return await self.cloud.registries[host].authorize(request)


def member(namespace: str, name: str) -> str:
    """A ServiceAccount as a member that may act as a Google service account."""
    return f"serviceAccount:{POOL}[{namespace}/{name}]"


def principal(namespace: str, name: str, number: str = NUMBER) -> str:
    """A ServiceAccount itself as a member."""
    pool = f"projects/{number}/locations/global/workloadIdentityPools/{POOL}"
    return f"principal://iam.googleapis.com/{pool}/subject/ns/{namespace}/sa/{name}"


def refusal(call: Callable[[], Any]) -> HttpError:
    with pytest.raises(HttpError) as caught:
        call()
    return caught.value


@pytest.fixture
def make_google(cluster: Any, serve: Callable[..., Any], tmp_path: Path) -> Iterator[Callable[..., Google]]:
    with ExitStack() as stack:

        def make(propagation: float = 0.0, quota: int = 100) -> Google:
            settings = GcpSettings(POOL, NUMBER, NODE, {HOST: "europe-west4"}, service_account_quota=quota)
            tokens = ClusterTokens(ISSUER, settings.cluster, cluster.keys)
            pods = Pods(cluster)
            cloud = GcpCloud(settings, tokens, pods, tmp_path, propagation=propagation, decisions=DecisionLog())
            url = stack.enter_context(serve(cloud.api))
            return Google(cloud, pods, url, stack.enter_context(serve(cloud.local["169.254.169.254"])))

        yield make


@pytest.fixture
def google(make_google: Callable[..., Google]) -> Google:
    return make_google()

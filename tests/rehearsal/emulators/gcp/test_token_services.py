"""The token services, asked by google-auth with tokens of a cluster: who gets an access token, who does not, and why."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.auth import compute_engine, identity_pool
from google.auth.compute_engine import _metadata
from google.auth.exceptions import GoogleAuthError, OAuthError, RefreshError
from google.auth.transport.requests import Request

from tests.rehearsal.emulators.gcp.conftest import HOST, POOL, PROJECT, Google, member, principal

pytestmark = pytest.mark.slow

USER, WRITER = "roles/iam.workloadIdentityUser", "roles/artifactregistry.writer"
SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]


def federated(google: Google, token: str, tmp_path: Path, email: str = "", audience: str = "") -> Any:
    """google-auth's credentials of an external account, whose token is in a file."""
    file = tmp_path / "token"
    file.write_text(token)
    settings = google.cloud.account
    more: dict[str, Any] = {}
    if email:
        more["service_account_impersonation_url"] = (
            f"{google.url}/v1/projects/-/serviceAccounts/{email}:generateAccessToken"
        )
    return identity_pool.Credentials(
        audience=audience or f"identitynamespace:{POOL}:{settings.cluster}",
        subject_token_type="urn:ietf:params:oauth:token-type:jwt",
        token_url=f"{google.url}/v1/token",
        credential_source={"file": str(file)},
        scopes=SCOPES,
        **more,
    )


def refused(credentials: Any) -> str:
    with pytest.raises((OAuthError, RefreshError)) as caught:
        credentials.refresh(Request())
    return str(caught.value)


def bound(google: Google, namespace: str = "orders", name: str = "builder") -> str:
    """A service account that one ServiceAccount may act as."""
    email = google.service_account("builder-orders")
    google.grant(f"projects/{PROJECT}/serviceAccounts/{email}", USER, member(namespace, name))
    return email


async def test_the_bound_service_account_gets_a_token_and_pushes(google: Google, cluster: Any, tmp_path: Path) -> None:
    email = bound(google)
    repository = google.repository("orders")
    google.grant(repository, WRITER, f"serviceAccount:{email}")
    credentials = federated(google, cluster.token("orders", "builder", audience=POOL), tmp_path, email)
    credentials.refresh(Request())
    allowed = await google.authorize("write-manifest", f"{PROJECT}/orders/apps", credentials.token)
    assert allowed.storage.startswith("gcp/")
    refused_elsewhere = await google.authorize("write-manifest", f"{PROJECT}/billing/apps", credentials.token)
    assert refused_elsewhere.code == "DENIED"
    assert (
        f"serviceAccount:{email} does not have artifactregistry.repositories.uploadArtifacts"
        in refused_elsewhere.message
    )


@pytest.mark.parametrize(
    ("token", "says"),
    [
        (lambda c, o: c.token("orders", "builder", audience="sts.amazonaws.com"), "audience in ID Token [sts.amazonaws.com]"),
        (lambda c, o: o.token("orders", "builder", audience=POOL), "signature"),
        (lambda c, o: c.token("orders", "builder", audience=POOL, iss="https://elsewhere.example"), "elsewhere.example"),
        (lambda c, o: c.token("orders", "builder", audience=POOL, seconds=-60), "stale"),
        (lambda c, o: tampered(c.token("billing", "builder", audience=POOL)), "signature"),
        (lambda c, o: c.token("orders", "builder", audience=POOL, sub="somebody"), "no Kubernetes ServiceAccount"),
        (lambda c, o: "no token", "Unable to parse"),
    ],
    ids=["wrong audience", "another cluster's key", "another issuer", "expired", "tampered", "no ServiceAccount", "no token"],
)  # fmt: skip
def test_other_tokens_are_denied_with_the_reason(
    google: Google, cluster: Any, other_cluster: Any, tmp_path: Path, token: Callable[[Any, Any], str], says: str
) -> None:
    message = refused(federated(google, token(cluster, other_cluster), tmp_path))
    assert "invalid_grant" in message
    assert says in message


def tampered(token: str) -> str:
    head, body, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    claims["sub"] = "system:serviceaccount:orders:builder"
    forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"{head}.{forged}.{signature}"


def test_a_foreign_pool_or_cluster_is_no_audience(google: Google, cluster: Any, tmp_path: Path) -> None:
    token = cluster.token("orders", "builder", audience=POOL)
    other = f"identitynamespace:other.svc.id.goog:{google.cloud.account.cluster}"
    assert "invalid_target" in refused(federated(google, token, tmp_path, audience=other))


@pytest.mark.parametrize(("namespace", "name"), [("billing", "builder"), ("orders", "default")])
def test_a_neighbour_cannot_act_as_the_service_account(
    google: Google, cluster: Any, tmp_path: Path, namespace: str, name: str
) -> None:
    email = bound(google)
    message = refused(federated(google, cluster.token(namespace, name, audience=POOL), tmp_path, email))
    assert "iam.serviceAccounts.getAccessToken" in message
    assert f"ns/{namespace}/sa/{name} does not have" in message


def test_the_service_account_user_role_creates_no_tokens(google: Google, cluster: Any, tmp_path: Path) -> None:
    email = google.service_account("builder-orders")
    account = f"projects/{PROJECT}/serviceAccounts/{email}"
    google.grant(account, "roles/iam.serviceAccountUser", member("orders", "builder"))
    message = refused(federated(google, cluster.token("orders", "builder", audience=POOL), tmp_path, email))
    assert "roles/iam.serviceAccountUser" in message


def test_a_disabled_account_gets_and_keeps_no_tokens(google: Google, cluster: Any, tmp_path: Path) -> None:
    email = bound(google)
    credentials = federated(google, cluster.token("orders", "builder", audience=POOL), tmp_path, email)
    credentials.refresh(Request())
    google.accounts.disable(name=f"projects/{PROJECT}/serviceAccounts/{email}", body={}).execute()
    assert "is disabled" in refused(credentials)


async def test_a_service_account_created_again_inherits_nothing(google: Google, cluster: Any, tmp_path: Path) -> None:
    email = bound(google)
    repository = google.repository("orders")
    google.grant(repository, WRITER, f"serviceAccount:{email}")
    google.accounts.delete(name=f"projects/{PROJECT}/serviceAccounts/{email}").execute()
    assert bound(google) == email
    credentials = federated(google, cluster.token("orders", "builder", audience=POOL), tmp_path, email)
    credentials.refresh(Request())
    verdict = await google.authorize("write-manifest", f"{PROJECT}/orders/apps", credentials.token)
    assert f"deleted:serviceAccount:{email}?uid=" in verdict.message


@pytest.fixture
def metadata(google: Google, monkeypatch: pytest.MonkeyPatch) -> Google:
    """google-auth looks for the metadata server where the emulator serves it."""
    address = google.metadata.removeprefix("http://")
    monkeypatch.setattr(_metadata, "_GCE_METADATA_HOST", address)
    monkeypatch.setattr(_metadata, "_METADATA_ROOT", f"http://{address}/computeMetadata/v1/", raising=False)
    monkeypatch.setenv("GCE_METADATA_HOST", address)
    monkeypatch.setenv("GCE_METADATA_IP", address)
    return google


async def test_a_pod_without_an_annotation_is_its_service_account(metadata: Google) -> None:
    google = metadata
    repository = google.repository("orders")
    google.grant(repository, WRITER, principal("orders", "builder"))
    credentials = compute_engine.Credentials(scopes=SCOPES)
    credentials.refresh(Request())
    assert credentials.service_account_email == POOL
    allowed = await google.authorize("write-manifest", f"{PROJECT}/orders/apps", credentials.token)
    assert allowed.storage


async def test_an_annotated_pod_acts_as_its_google_service_account(metadata: Google) -> None:
    google = metadata
    email = bound(google)
    google.pods.annotations = {"iam.gke.io/gcp-service-account": email}
    credentials = compute_engine.Credentials(scopes=SCOPES)
    credentials.refresh(Request())
    assert credentials.service_account_email == email
    verdict = await google.authorize("read-manifest", f"{PROJECT}/orders/apps", credentials.token)
    assert f"serviceAccount:{email} does not have" in verdict.message


def test_an_annotation_without_a_binding_is_denied_with_cause(metadata: Google) -> None:
    google = metadata
    email = google.service_account("builder-orders")
    google.pods.annotations = {"iam.gke.io/gcp-service-account": email}
    with pytest.raises(GoogleAuthError) as caught:
        compute_engine.Credentials(scopes=SCOPES).refresh(Request())
    assert "missing IAM policy binding on the target IAM service account" in str(caught.value)


def test_a_pod_on_the_hosts_network_is_the_node(metadata: Google) -> None:
    google = metadata
    google.service_account("gke-nodes")
    pod = google.pods.here
    assert pod is not None
    google.pods.here = type(pod)(pod.namespace, pod.name, pod.uid, pod.service_account, host_network=True)
    credentials = compute_engine.Credentials(scopes=SCOPES)
    credentials.refresh(Request())
    assert credentials.service_account_email == f"gke-nodes@{PROJECT}.iam.gserviceaccount.com"


def test_a_request_without_the_flavor_header_gets_no_token(google: Google) -> None:
    import httpx

    path = f"{google.metadata}/computeMetadata/v1/instance/service-accounts/default/token"
    assert httpx.get(path).status_code == 403
    forwarded = {"Metadata-Flavor": "Google", "X-Forwarded-For": "198.51.100.7"}
    assert httpx.get(path, headers=forwarded).status_code == 403


async def test_a_new_permission_works_after_the_propagation_delay(
    make_google: Callable[..., Google], cluster: Any, tmp_path: Path
) -> None:
    google = make_google(propagation=120)
    now = [1000.0]
    google.store.now = lambda: now[0]
    repository = google.repository("orders")
    google.grant(repository, WRITER, principal("orders", "builder"))
    credentials = federated(google, cluster.token("orders", "builder", audience=POOL), tmp_path)
    credentials.refresh(Request())
    early = await google.authorize("write-manifest", f"{PROJECT}/orders/apps", credentials.token)
    assert "not visible yet" in early.message
    now[0] = 1121.0
    assert (await google.authorize("write-manifest", f"{PROJECT}/orders/apps", credentials.token)).storage
    assert HOST in google.cloud.registries

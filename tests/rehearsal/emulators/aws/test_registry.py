"""ECR's registry in front of the real one: what reaches the repository, what is refused, and in whose words."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from rehearsal.access_matrix.matrix import RefusedError
from rehearsal.access_matrix.registry import push_image
from rehearsal.registry.proxy import RegistryProxy
from tests.rehearsal.registry.serving import serving

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """CNCF distribution, open, on the loopback address."""
    with serving(tmp_path_factory.mktemp("registry")) as host:
        yield f"http://{host}"


@pytest.fixture
def registry(
    aws: Any, backend: str, serve: Callable[..., Any]
) -> Iterator[Callable[[dict[str, str] | None], httpx.Client]]:
    """Makes clients of the account's registry, with the credentials of a session or none."""
    proxy = RegistryProxy(aws.cloud.registries, backend, None)
    with serve(proxy) as url:

        def client(credentials: dict[str, str] | None) -> httpx.Client:
            headers = {"host": aws.host}
            if credentials is not None:
                data = aws.session(credentials, "ecr").get_authorization_token()["authorizationData"][0]
                headers["authorization"] = f"Basic {data['authorizationToken']}"
            return httpx.Client(base_url=url, headers=headers, trust_env=False)

        yield client


@pytest.fixture
def builder(aws: Any, cluster: Any) -> dict[str, str]:
    """Credentials of a role that may push to ``orders``."""
    aws.client("ecr").create_repository(repositoryName="orders", imageTagMutability="IMMUTABLE")
    aws.role("push", "orders", "builder", aws.push_policy("orders", "orders/*"))
    return aws.assume("push", cluster.token("orders", "builder"))


def test_who_has_no_credentials_is_asked_for_some(registry: Any) -> None:
    answer = registry(None).get("/v2/")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic realm=")


def test_a_push_is_readable_by_digest_and_api(aws: Any, registry: Any, builder: dict[str, str]) -> None:
    digest = push_image(registry(builder), "orders", tag="1.0")
    images = aws.client("ecr").describe_images(repositoryName="orders")["imageDetails"]
    assert [(item["imageDigest"], item["imageTags"]) for item in images] == [(digest, ["1.0"])]


def test_an_immutable_tag_is_not_moved(registry: Any, builder: dict[str, str]) -> None:
    client = registry(builder)
    push_image(client, "orders", tag="1.0")
    with pytest.raises(RuntimeError, match="cannot be overwritten because the tag is immutable"):
        push_image(client, "orders", tag="1.0")


def test_a_push_does_not_create_a_missing_repository(registry: Any, builder: dict[str, str]) -> None:
    with pytest.raises(RefusedError, match="does not exist in the registry with id"):
        push_image(registry(builder), "orders/new")


def test_a_template_makes_it_if_the_pusher_may_create(
    aws: Any, cluster: Any, registry: Any, builder: dict[str, str]
) -> None:
    aws.client("ecr").create_repository_creation_template(
        prefix="orders", appliedFor=["CREATE_ON_PUSH"], imageTagMutability="IMMUTABLE"
    )
    with pytest.raises(RefusedError, match="ecr:CreateRepository"):
        push_image(registry(builder), "orders/new")
    policy = aws.push_policy("orders/*")
    policy["Statement"][1]["Action"].append("ecr:CreateRepository")
    aws.role("creator", "orders", "builder", policy)
    push_image(registry(aws.assume("creator", cluster.token("orders", "builder"))), "orders/new")
    made = aws.client("ecr").describe_repositories(repositoryNames=["orders/new"])["repositories"][0]
    assert made["imageTagMutability"] == "IMMUTABLE"


def test_a_deleted_repository_comes_back_empty(aws: Any, registry: Any, builder: dict[str, str]) -> None:
    digest = push_image(registry(builder), "orders", tag="1.0")
    ecr = aws.client("ecr")
    ecr.delete_repository(repositoryName="orders", force=True)
    ecr.create_repository(repositoryName="orders")
    assert registry(builder).get(f"/v2/orders/manifests/{digest}").status_code == 404


def test_a_mount_needs_read_access_to_the_other_repository(
    aws: Any, cluster: Any, registry: Any, builder: dict[str, str]
) -> None:
    aws.client("ecr").create_repository(repositoryName="secret")
    aws.role("other", "secret", "builder", aws.push_policy("secret"))
    owner = registry(aws.assume("other", cluster.token("secret", "builder")))
    digest = push_image(owner, "secret")
    accept = {"accept": "application/vnd.oci.image.manifest.v1+json"}
    layer = owner.get(f"/v2/secret/manifests/{digest}", headers=accept).json()["layers"][0]["digest"]
    client = registry(builder)
    answer = client.post("/v2/orders/blobs/uploads/", params={"mount": layer, "from": "secret"})
    assert answer.status_code == 202
    assert client.head(f"/v2/orders/blobs/{layer}").status_code == 404


@pytest.mark.parametrize(
    "action",
    [
        "BatchCheckLayerAvailability",
        "InitiateLayerUpload",
        "UploadLayerPart",
        "CompleteLayerUpload",
        "PutImage",
        "BatchGetImage",
    ],
)
def test_no_permission_of_a_push_is_surplus(aws: Any, cluster: Any, registry: Any, action: str) -> None:
    aws.client("ecr").create_repository(repositoryName="orders")
    aws.role("less", "orders", "builder", aws.push_policy("orders", without=action))
    # A HEAD has no body: there only the status can tell.
    says = "403" if action == "BatchCheckLayerAvailability" else f"ecr:{action}"
    with pytest.raises(RefusedError, match=says):
        push_image(registry(aws.assume("less", cluster.token("orders", "builder"))), "orders")


def test_a_forged_registry_token_is_rejected(registry: Any, aws: Any) -> None:
    forged = base64.b64encode(b"AWS:made-up").decode()
    answer = registry(None).get("/v2/", headers={"authorization": f"Basic {forged}"})
    assert answer.status_code == 403
    assert json.loads(answer.text)["errors"][0]["code"] == "DENIED"

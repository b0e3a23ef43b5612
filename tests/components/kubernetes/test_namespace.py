"""One namespace's resources: which there are, under which names and options, and that no secret is out of its place."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest

from mendix_registry.namespace_access import ServiceAccountIdentity
from mendix_registry.settings.builder import Builder
from mendix_registry.settings.mirroring import Copy
from tests.components.kubernetes import made
from tests.components.kubernetes.made import BUNDLE, CANARY, CREDENTIALS, PUSH_ROLE, namespace, permission
from tests.components.program import Registered

SECRET, JOB = "kubernetes:core/v1:Secret", "kubernetes:batch/v1:Job"
JOBS = {
    "verify": ["orders-push", "orders-pull"],
    "build": ["orders-build"],
    "mirror": ["orders-mirror"],
}
COPY = Copy("source.example.com/runtime:9", "apps/orders:runtime-9", ())


def job(recorded: Any, name: str = "orders-push") -> Registered:
    return recorded.one(JOB, name)


def pod(item: Registered) -> dict[str, Any]:
    return item.inputs["spec"]["template"]["spec"]


def environment(item: Registered) -> dict[str, Any]:
    return {entry["name"]: entry.get("value") for entry in pod(item)["containers"][0]["env"]}


@pytest.mark.parametrize("kind", CREDENTIALS)
def test_a_password_is_only_in_its_own_secret(kind: str) -> None:
    recorded = namespace(kind)
    for item in recorded.registered:
        text = str(item.inputs)
        if CANARY in text or "Y2FuYXJ5" in text:
            assert item.type == SECRET and "data" in item.secrets, item.urn
    assert CANARY not in str(recorded.result) and CANARY not in str(recorded.outputs)


@pytest.mark.parametrize("kind", CREDENTIALS)
def test_nothing_of_the_callers_options_reaches_a_child(kind: str) -> None:
    opts = pulumi.ResourceOptions(
        ignore_changes=["anything"], retain_on_delete=True, aliases=[pulumi.Alias(name="old")]
    )
    recorded = namespace(kind, opts=opts)
    components = {item.urn for item in recorded.registered if not item.custom}
    for item in recorded.registered:
        if item.type.startswith(("pulumi:providers:", "mendix-registry:kubernetes:MendixNamespace")):
            continue
        assert item.parent in components, item.urn
        assert "anything" not in item.ignore_changes and not item.retain_on_delete, item.urn


def test_the_tree_of_an_ordinary_namespace() -> None:
    recorded = namespace(create=True)
    names = {(item.type.rpartition(":")[2], item.name) for item in recorded.registered}
    assert names == {
        ("kubernetes", "cluster"),
        ("MendixNamespace", "orders"),
        ("Namespace", "orders"),
        ("ServiceAccount", "orders-builder"),
        ("Secret", "orders-pull-secret"),
        ("ServiceAccountPatch", "orders-default-link-found"),
        ("ServiceAccountPatch", "orders-default-link"),
        ("OperatorConfigurationPatch", "orders-operator-configuration"),
        ("BuilderJob", "orders"),
        ("ConfigMap", "orders-proof"),
        ("Job", "orders-push"),
        ("Job", "orders-pull"),
    }
    made = recorded.one("kubernetes:core/v1:Namespace").inputs["metadata"]["labels"]
    assert made["pod-security.kubernetes.io/enforce"] == "restricted"
    assert recorded.result["pushed"].startswith("registry.example.com/apps/orders:mendix-registry-verify-")
    assert recorded.result["pulled"] == f"registry.example.com/apps/orders@{recorded.result['digest']}"


def test_nothing_pushes_before_the_identity_may() -> None:
    recorded = namespace(
        "workload-identity", ready=lambda: (permission("attached"),), push_role=PUSH_ROLE, ca_bundle=BUNDLE
    )
    push = job(recorded)
    for name in ("attached", "orders-registry-ca"):
        assert recorded.one("kubernetes:core/v1:ConfigMap", name).urn in push.dependencies
    assert recorded.one("kubernetes:rbac.authorization.k8s.io/v1:RoleBinding").urn in push.dependencies
    assert push.urn in job(recorded, "orders-pull").dependencies


def test_a_preview_knows_what_a_future_permission_allows() -> None:
    recorded = namespace("workload-identity", ready=lambda: (permission("attached"),), preview=True)
    assert environment(job(recorded))["DIGEST"].startswith("sha256:")


def test_pods_with_a_cloud_identity_get_only_its_token() -> None:
    identity = ServiceAccountIdentity(
        "mendix-builder",
        annotations={"eks.amazonaws.com/role-arn": "arn"},
        pod_labels={"azure.workload.identity/use": "true"},
    )
    recorded = namespace("workload-identity", identity=identity)
    push = job(recorded)
    assert pod(push)["automountServiceAccountToken"] is False
    assert pod(push)["serviceAccountName"] == "mendix-builder"
    assert push.inputs["spec"]["template"]["metadata"]["labels"]["azure.workload.identity/use"] == "true"
    assert {volume["name"] for volume in pod(push)["volumes"]} == {"proof", "work"}
    assert environment(push)["CREDENTIALS"] == "identity" and environment(push)["DOCKER_CONFIG"] == "/work"
    account = recorded.one("kubernetes:core/v1:ServiceAccount")
    assert account.metadata["annotations"] == {"eks.amazonaws.com/role-arn": "arn"}
    # The pull Job is an app's pod: it must not run as the builder.
    assert pod(job(recorded, "orders-pull"))["serviceAccountName"] == "default"


def test_a_service_account_token_is_projected_and_short_lived() -> None:
    push = job(namespace("token-for-an-audience"))
    volumes = {volume["name"]: volume for volume in pod(push)["volumes"]}
    [source] = volumes["credentials"]["projected"]["sources"]
    assert source == {"serviceAccountToken": {"path": "token", "audience": "registry", "expirationSeconds": 900}}
    assert volumes["login"]["emptyDir"]["medium"] == "Memory"
    told = environment(push)
    assert (told["CREDENTIALS"], told["LOGIN_USER"], told["DOCKER_CONFIG"]) == ("token", "serviceaccount", "/login")
    [plain] = [v for v in pod(job(namespace("token")))["volumes"] if v["name"] == "credentials"]
    assert "audience" not in plain["projected"]["sources"][0]["serviceAccountToken"]


def test_a_credential_file_is_an_opaque_secret_and_variable() -> None:
    recorded = namespace("credential-file")
    secret = recorded.one(SECRET)
    assert secret.inputs["type"] == "Opaque" and set(secret.inputs["data"]) == {"credentials"}
    push = job(recorded)
    assert environment(push)["AWS_SHARED_CREDENTIALS_FILE"] == "/credentials/credentials"
    assert environment(push)["CREDENTIALS"] == "file"
    assert recorded.result["pullSecret"] is None, "nodes cannot pull with it"
    assert secret.urn in push.dependencies


def test_new_credentials_are_proved_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def digest(version: str) -> str:
        metadata = {**made.EXISTING_SECRET["metadata"], "resourceVersion": version}
        monkeypatch.setattr(made, "EXISTING_SECRET", {**made.EXISTING_SECRET, "metadata": metadata})
        return namespace("existing-pull-secret").result["digest"]

    assert digest("7") == digest("7") != digest("8")


def test_an_unknown_client_never_decides_the_transport() -> None:
    assert environment(job(namespace()))["INSECURE"] == "false"


def test_jobs_wait_for_an_authority_that_the_cluster_writes() -> None:
    push = job(namespace("token", ca_bundle=BUNDLE))
    [bundle] = [volume for volume in pod(push)["volumes"] if volume["name"] == "registry-ca"]
    assert bundle["configMap"] == {"name": "service-ca", "items": [{"key": "service-ca.crt", "path": "ca.crt"}]}
    assert environment(push)["SSL_CERT_FILE"] == "/registry-ca/ca.crt"


def test_platforms_that_assign_users_get_none_by_default() -> None:
    assert "runAsUser" not in pod(job(namespace("token", platform_assigns_user=True)))["securityContext"]
    chosen = namespace("token", platform_assigns_user=True, builder=Builder(run_as_user=1001))
    assert pod(job(chosen))["securityContext"]["runAsUser"] == 1001
    assert pod(job(namespace("token")))["securityContext"]["runAsUser"] == 65532


@pytest.mark.parametrize("mode", ["verify", "build", "mirror"])
def test_every_job_ends_with_a_reason_the_provider_knows(mode: str) -> None:
    base = {"verify": Builder(), "mirror": Builder(mode="mirror"), "build": app(configMap="app")}[mode]
    recorded = namespace(builder=base.model_copy(update={"timeout_seconds": 90}), copies=(COPY,))
    jobs = recorded.of_type(JOB)
    assert [item.name for item in jobs] == JOBS[mode]
    for item in jobs:
        spec = item.inputs["spec"]
        assert spec["activeDeadlineSeconds"] == 90 and "ttlSecondsAfterFinished" not in spec
        # Any other action ends a Job with a reason with which the provider waits for ever.
        [rule] = spec["podFailurePolicy"]["rules"]
        assert rule == {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
        assert spec["backoffLimit"] == 0 and pod(item)["restartPolicy"] == "Never"
        # A Job has only failed when its pods are gone: within 30 seconds after its deadline.
        assert pod(item)["terminationGracePeriodSeconds"] <= 20
        assert pod(item)["containers"][0]["terminationMessagePolicy"] == "FallbackToLogsOnError"
        assert item.metadata["annotations"] == {"pulumi.com/replaceUnready": "true"}


@pytest.mark.parametrize("selector", [{}, {"disk": "ssd"}, {"kubernetes.io/os": "linux"}])
@pytest.mark.parametrize("mode", JOBS)
def test_every_job_selects_linux_and_the_chosen_nodes(mode: str, selector: dict[str, str]) -> None:
    base = {"verify": Builder(), "mirror": Builder(mode="mirror"), "build": app(configMap="app")}[mode]
    recorded = namespace(builder=base.model_copy(update={"node_selector": selector}), copies=(COPY,))
    for item in recorded.of_type(JOB):
        wanted = {"kubernetes.io/os": "linux", **selector}
        if item.name == "orders-pull":
            wanted["kubernetes.io/arch"] = "amd64"
        assert pod(item)["nodeSelector"] == wanted


def test_every_job_has_the_hook_that_reports_events() -> None:
    for mode, names in JOBS.items():
        builder = app(configMap="app") if mode == "build" else Builder.model_validate({"mode": mode})
        recorded = namespace(builder=builder, copies=(COPY,), hook="job-failure")
        assert {item.name: item.on_error for item in recorded.of_type(JOB)} == dict.fromkeys(names, ("job-failure",))
        assert not any(item.on_error for item in recorded.registered if item.type != JOB)


def test_namespaces_without_copies_prove_the_push_instead() -> None:
    builder = Builder(mode="mirror")
    recorded = namespace(builder=builder, copies=(COPY,))
    assert [item.name for item in recorded.of_type(JOB)] == ["orders-mirror"]
    listed = recorded.one("kubernetes:core/v1:ConfigMap", "orders-mirror").inputs["data"]["mirror"]
    assert listed == "source.example.com/runtime:9 apps/orders:runtime-9 -\n"
    assert recorded.result["mirrored"] == ["registry.example.com/apps/orders:runtime-9"]
    assert [item.name for item in namespace(builder=builder).of_type(JOB)] == ["orders-push", "orders-pull"]


def test_another_mirror_list_is_another_job() -> None:
    def revision(*copies: Copy) -> str:
        recorded = namespace(builder=Builder(mode="mirror"), copies=copies)
        return job(recorded, "orders-mirror").inputs["spec"]["template"]["metadata"]["annotations"][
            "mendix-registry/revision"
        ]

    assert revision(COPY) == revision(COPY) != revision(COPY, Copy("source.example.com/a1:1", "apps/orders:a1-1", ()))


def app(**mda: str) -> Builder:
    return Builder.model_validate(
        {
            "mode": "build",
            "build": {
                "baseImage": f"base.example.com/runtime@sha256:{'0' * 64}",
                "directory": "/opt/app",
                "mda": {"sha256": "1" * 64, **mda},
            },
        }
    )


def test_an_apps_url_is_only_in_a_secret_file() -> None:
    url = "https://files.example.com/orders.mda?token=canary-of-a-url"
    recorded = namespace(builder=app(url=url))
    secret = recorded.one(SECRET, "orders-app-url")
    assert "data" in secret.secrets
    build = job(recorded, "orders-build")
    assert environment(build)["MDA_URL_FILE"] == "/app-url/url"
    assert not any("canary-of-a-url" in str(item.inputs) for item in recorded.registered)
    assert recorded.result["pushed"].startswith("registry.example.com/apps/orders:mendix-app-")


@pytest.mark.parametrize(
    ("mda", "volume"),
    [
        ({"configMap": "app"}, {"configMap": {"name": "app", "items": [{"key": "app.mda", "path": "app.mda"}]}}),
        (
            {"persistentVolumeClaim": "apps", "path": "orders/1.mda"},
            {"persistentVolumeClaim": {"claimName": "apps", "readOnly": True}},
        ),
    ],
)
def test_an_app_in_the_cluster_is_mounted_read_only(mda: dict[str, str], volume: dict[str, Any]) -> None:
    build = job(namespace(builder=app(**mda)), "orders-build")
    [mounted] = [item for item in pod(build)["volumes"] if item["name"] == "app"]
    assert mounted == {"name": "app", **volume}
    [mount] = [item for item in pod(build)["containers"][0]["volumeMounts"] if item["name"] == "app"]
    assert mount["readOnly"] is True
    assert environment(build)["MDA_FILE"] == f"/app/{mda.get('path', 'app.mda')}"


def test_an_image_tag_names_one_content() -> None:
    def tag(builder: Builder) -> str:
        return environment(job(namespace(builder=builder), "orders-build"))["TAG"]

    assert tag(app(configMap="app")) == tag(app(persistentVolumeClaim="other")), "where the file lies is no content"
    assert tag(app(configMap="app")) != tag(app(configMap="app", sha256="2" * 64))

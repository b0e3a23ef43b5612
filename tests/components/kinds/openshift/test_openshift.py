"""OpenShift's own registries: who pushes, with what, whom it trusts, and what the cluster is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pulumi
import pytest
import yaml

from mendix_registry.deployment import deploy
from mendix_registry.stack_file import Settings
from tests.components.kubernetes.made import named
from tests.components.program import Recording, run

JOB, CONFIG_MAP = "kubernetes:batch/v1:Job", "kubernetes:core/v1:ConfigMap"
BINDING = "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding"
OPERATOR = "kubernetes:privatecloud.mendix.com/v1alpha1:OperatorConfigurationPatch"

Make = Callable[..., Settings]


def recorded(settings: Settings, service: dict[str, Any] | None = None) -> Recording:
    return run(
        lambda: deploy(settings),
        answers={
            JOB: named,
            CONFIG_MAP: named,
            "kubernetes:core/v1:Service": lambda _: {"spec": service or {}},
        },
    )


def four(settings: Make, **registry: Any) -> Settings:
    return settings(registry={"type": "openshift4", **registry}, namespaces=[{"name": "orders"}, {"name": "billing"}])


def test_the_builder_may_push_to_its_own_project_only(settings: Make) -> None:
    bindings = recorded(four(settings)).of_type(BINDING)
    assert {item.inputs["metadata"]["namespace"] for item in bindings} == {"orders", "billing"}
    for item in bindings:
        space = item.inputs["metadata"]["namespace"]
        assert item.inputs["roleRef"] == {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "system:image-builder",
        }
        assert item.inputs["subjects"] == [{"kind": "ServiceAccount", "name": "builder", "namespace": space}]
        # OpenShift's own binding is called system:image-builders; that one stays its own.
        assert item.inputs["metadata"]["name"] == "mendix-registry-image-builder"


def test_builds_push_with_the_builders_token_and_clusters_authority(settings: Make) -> None:
    recording = recorded(four(settings))
    push = recording.one(JOB, "orders-push")
    pod = push.inputs["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == "builder" and "runAsUser" not in pod["securityContext"]
    variables = {entry["name"]: entry["value"] for entry in pod["containers"][0]["env"]}
    assert variables["PUSH_HOST"] == "image-registry.openshift-image-registry.svc:5000"
    assert variables["REPOSITORY"] == "orders/mendix-apps"
    assert (variables["CREDENTIALS"], variables["LOGIN_USER"]) == ("token", "serviceaccount")
    assert variables["INSECURE"] == "false" and variables["SSL_CERT_FILE"] == "/registry-ca/ca.crt"
    bundle = recording.one(CONFIG_MAP, "orders-registry-ca")
    assert bundle.metadata["annotations"] == {"service.beta.openshift.io/inject-cabundle": "true"}
    assert "data" not in bundle.inputs, "the service CA operator's content would be fought over"
    assert {bundle.urn, recording.one(BINDING, "orders-push-role").urn} <= push.dependencies


def test_openshifts_own_service_account_is_not_made_again(settings: Make) -> None:
    assert not recorded(four(settings)).of_type("kubernetes:core/v1:ServiceAccount")
    given = settings(
        registry={"type": "openshift4"},
        namespaces=[{"name": "orders", "serviceAccount": {"name": "builder", "create": True}}],
    )
    assert recorded(given).one("kubernetes:core/v1:ServiceAccount").inputs["metadata"]["name"] == "builder"


def test_no_secret_exists_at_all(settings: Make) -> None:
    recording = recorded(four(settings))
    assert not recording.of_type("kubernetes:core/v1:Secret")
    assert not [item for item in recording.registered if item.type.endswith(("ServiceAccountPatch", "PullSecret"))]


def test_operator_type_is_openshift_and_mxpc_type_openshift4(settings: Make) -> None:
    recording = recorded(four(settings))
    spec = recording.one(OPERATOR, "orders-operator-configuration").inputs["spec"]
    host = "image-registry.openshift-image-registry.svc:5000"
    assert spec["registry"]["type"] == "openshift"
    assert spec["registry"]["pushURL"] == spec["registry"]["pullURL"] == host
    document = yaml.safe_load(recording.result["mxpcConfiguration"]["orders"])
    assert document["registry"] == {"type": "openshift4"}
    assert [key for key, applied in document["mask"].items() if applied] == ["registry"]


def test_a_binding_is_created_only_on_request(settings: Make) -> None:
    recording = recorded(four(settings, createRoleBinding=False))
    assert not recording.of_type(BINDING) and len(recording.of_type(CONFIG_MAP)) == 4


def test_openshift_3_reads_the_address_that_nodes_pull_from(settings: Make) -> None:
    three = settings(registry={"type": "openshift3"}, namespaces=[{"name": "orders"}])
    recording = recorded(three, {"clusterIP": "172.30.1.1", "ports": [{"port": 5000}]})
    [service] = recording.of_type("kubernetes:core/v1:Service")
    assert service.read
    spec = recording.one(OPERATOR).inputs["spec"]["registry"]
    assert spec["pushURL"] == "docker-registry.default.svc:5000" and spec["pullURL"] == "172.30.1.1:5000"
    pull = recording.one(JOB, "orders-pull").inputs["spec"]["template"]["spec"]["containers"][0]["image"]
    assert pull.startswith("172.30.1.1:5000/orders/mendix-apps@sha256:")
    assert not recording.of_type(CONFIG_MAP) or all(
        "registry-ca" not in item.name for item in recording.of_type(CONFIG_MAP)
    )


def test_openshift_3_requires_a_service_address_and_names_it(settings: Make) -> None:
    three = settings(registry={"type": "openshift3"}, namespaces=[{"name": "orders"}])
    with pytest.raises(pulumi.RunError, match=r"Set registry\.pullHost"):
        recorded(three, {"clusterIP": "None", "ports": [{"port": 5000}]})


def test_one_namespace_more_changes_nothing_of_the_others(settings: Make) -> None:
    def made(*names: str) -> dict[str, Any]:
        chosen = settings(registry={"type": "openshift4"}, namespaces=[{"name": name} for name in names])
        return {item.urn: item.inputs for item in recorded(chosen).registered}

    before, after = made("orders", "billing"), made("stock", "orders", "billing")
    assert before.items() <= after.items()
    assert all("stock" in urn for urn in after.keys() - before.keys())


@pytest.mark.parametrize("host", ["172.30.1.1:5000", "docker-registry.default.svc.cluster.local:5000"])
def test_the_builders_token_never_uses_plain_http_unasked(settings: Make, host: str) -> None:
    """The incident: for addresses of private networks, auto decided for plain http, and no warning said so."""

    def insecure(**transport: Any) -> set[str]:
        registry = {"type": "openshift3", "pushHost": host, "pullHost": "172.30.1.1:5000", "transport": transport}
        recording = recorded(settings(registry=registry, namespaces=[{"name": "orders"}]))
        pod = recording.one(JOB, "orders-push").inputs["spec"]["template"]["spec"]
        return {entry["value"] for entry in pod["containers"][0]["env"] if entry["name"] == "INSECURE"}

    assert insecure() == {"false"}
    assert insecure(insecure=True) == {"true"}, "a test cluster's owner may still ask for it"

"""What Mendix's Operator is told: exactly the fields that are asked for, by patch, by create or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from mendix_registry.settings.stack import OperatorConfiguration
from mendix_registry.settings.transport import TransportDecision
from tests.components.kubernetes.made import namespace
from tests.components.program import Recording, Registered

GROUP = "kubernetes:privatecloud.mendix.com/v1alpha1:OperatorConfiguration"
PEM = "-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n"


def told(recorded: Recording) -> Registered:
    [found] = [item for item in recorded.registered if item.type.startswith(GROUP)]
    return found


def test_the_installers_object_is_patched_with_our_fields_only() -> None:
    item = told(namespace())
    assert item.type == f"{GROUP}Patch"
    assert item.metadata == {"name": "mendix-operator-configuration", "namespace": "orders"}
    assert item.inputs["spec"] == {
        "registry": {
            "pushURL": "registry.example.com",
            "pullURL": "registry.example.com",
            "imageNameTemplate": "apps/orders:{{.Name}}",
        }
    }


def test_create_owns_the_object_and_none_leaves_it_alone() -> None:
    assert told(namespace(options=OperatorConfiguration(adopt="create"))).type == GROUP
    recorded = namespace(options=OperatorConfiguration(adopt="none"))
    assert not [item for item in recorded.registered if "OperatorConfiguration" in item.type]


def test_force_is_set_on_the_object_only_on_request() -> None:
    forced = told(namespace(options=OperatorConfiguration(force=True)))
    assert forced.metadata["annotations"] == {"pulumi.com/patchForce": "true"}
    assert "annotations" not in told(namespace()).metadata


def test_an_overlay_is_merged_below_what_the_stack_sets() -> None:
    overlay: dict[str, Any] = {
        "buildResources": {"limits": {"memory": "1Gi"}},
        "registry": {"pushURL": "elsewhere", "other": 1},
        "customPodLabels": {"general": {"team": "blue"}, "runtime": {"a": "b"}},
    }
    labels = {"azure.workload.identity/use": "true"}
    spec = told(namespace(options=OperatorConfiguration(overlay=overlay), build_pod_labels=labels)).inputs["spec"]
    assert spec["registry"]["pushURL"] == "registry.example.com" and spec["registry"]["other"] == 1
    assert spec["buildResources"] == overlay["buildResources"]
    assert spec["customPodLabels"] == {"general": {"team": "blue", **labels}, "runtime": {"a": "b"}}


def test_a_type_is_written_only_where_known_or_given() -> None:
    assert "type" not in told(namespace()).inputs["spec"]["registry"]
    assert told(namespace(operator_type="openshift")).inputs["spec"]["registry"]["type"] == "openshift"
    given = namespace(options=OperatorConfiguration(type="other"), operator_type="openshift")
    assert told(given).inputs["spec"]["registry"]["type"] == "other"


@pytest.mark.parametrize("trusted", [True, False])
def test_mendixs_build_trusts_the_registry_like_the_proof(trusted: bool) -> None:
    recorded = namespace(
        options=OperatorConfiguration(trust_ca_certificate=trusted), transport=TransportDecision(False, "a test", PEM)
    )
    secrets = [item for item in recorded.of_type("kubernetes:core/v1:Secret") if "custom.crt" in item.inputs["data"]]
    assert bool(secrets) is trusted
    assert ("trust" in told(recorded).inputs["spec"]) is trusted
    if trusted:
        assert told(recorded).inputs["spec"]["trust"] == {"customCASecretName": secrets[0].inputs["metadata"]["name"]}


def test_a_template_that_is_left_alone_is_not_written() -> None:
    assert "imageNameTemplate" not in told(namespace(image_name_template=None)).inputs["spec"]["registry"]


def test_a_credential_in_the_overlay_is_a_stack_secret() -> None:
    proxy = "http://user:canary@proxy.example.com:3128"
    item = told(namespace(options=OperatorConfiguration(overlay={"proxies": [{"http": proxy}], "password": "canary"})))
    assert "spec" in item.secrets and "spec" not in told(namespace()).secrets
    assert item.inputs["spec"]["proxies"] == [{"http": proxy}]

"""What the sandbox prepares for an OpenShift registry."""

from __future__ import annotations

from typing import Any

import pytest

from rehearsal.emulators.openshift.cloud import OpenShiftSettings
from rehearsal.sandbox.clouds import joined, wanted_cloud
from rehearsal.sandbox.openshift import SERVICE_ADDRESS
from rehearsal.sandbox.wanted_cloud import WantedCloud
from tests.rehearsal.descriptions import described


def wanted(**registry: Any) -> WantedCloud:
    found = wanted_cloud(described({"repository": "{namespace}/mendix-apps", **registry}))
    assert found is not None
    return found


def test_openshift4_has_one_name_for_pods_and_nodes() -> None:
    found = wanted(type="openshift4")
    assert found.names == ("image-registry.openshift-image-registry.svc",)
    assert found.registry_hosts == ("image-registry.openshift-image-registry.svc:5000",)
    assert OpenShiftSettings.of(found.settings).build
    assert "orders" in OpenShiftSettings.of(found.settings).projects


def test_openshift3_is_pulled_from_the_created_services_address() -> None:
    found = wanted(type="openshift3")
    assert found.registry_hosts == ("docker-registry.default.svc:5000", f"{SERVICE_ADDRESS}:5000")
    service = dict(found.objects)["/api/v1/namespaces/default/services/docker-registry"]
    assert service["spec"]["clusterIP"] == SERVICE_ADDRESS
    assert service["spec"]["ports"][0]["port"] == 5000


def test_an_address_from_the_stack_file_is_also_served() -> None:
    found = wanted(type="openshift3", pullHost="172.30.1.1:5000")
    assert found.registry_hosts[1] == "172.30.1.1:5000"
    assert found.names == ("docker-registry.default.svc",)


@pytest.mark.parametrize(
    ("push_host", "resolves"),
    [
        ("docker-registry.default.svc:5000", True),
        ("docker-registry.default.svc.cluster.local:5000", True),
        ("docker-registry-default.apps.example.com", True),
        ("registry.default.svc:5000", False),
        ("docker-registry.defualt.svc.cluster.local:5000", False),
    ],
)
def test_a_mistyped_service_name_does_not_resolve(push_host: str, resolves: bool) -> None:
    assert bool(wanted(type="openshift3", pushHost=push_host).names) is resolves


def test_a_cluster_without_the_capability_build_can_be_rehearsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REHEARSAL_OPENSHIFT_BUILD", "off")
    assert not OpenShiftSettings.of(wanted(type="openshift4").settings).build


def test_an_authority_given_by_the_user_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENSHIFT_CA", "the user's own")
    found = wanted(type="openshift3", transport={"caCertificate": {"environment": "OPENSHIFT_CA"}})
    assert found.furnish({}) == {}


def test_a_second_stack_of_a_home_keeps_both_registries() -> None:
    first = joined({}, wanted(type="openshift4"))
    both = joined(first, wanted(type="openshift3"))
    assert set(first["names"]) < set(both["names"])
    assert set(first["registry_hosts"]) < set(both["registry_hosts"])
    assert set(first["settings"]["hosts"]) < set(both["settings"]["hosts"])
    assert both["settings"]["projects"].count("orders") == 1
    assert joined(both, wanted(type="openshift4")) == both

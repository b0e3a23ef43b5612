"""Pull secret and link: an existing Secret is checked before anything uses it, a list that others own keeps its entries."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from mendix_registry.kubernetes.service_account_link import retain_if_shared
from tests.components.kubernetes import made
from tests.components.kubernetes.made import namespace

PATCH = "kubernetes:core/v1:ServiceAccountPatch"


def entries(recorded: Any) -> list[str]:
    return [entry["name"] for entry in recorded.one(PATCH, "orders-default-link").inputs["imagePullSecrets"]]


def test_openshifts_own_pull_secrets_stay_in_the_list() -> None:
    recorded = namespace(live_pull_secrets=["default-dockercfg-x", "other"])
    assert entries(recorded) == ["default-dockercfg-x", "other", "mendix-registry"]
    link = recorded.one(PATCH, "orders-default-link")
    assert link.ignore_changes == ("imagePullSecrets",), "a later entry of somebody's would be undone"


def test_a_linked_name_is_never_added_twice() -> None:
    for live in ([], ["mendix-registry"]):
        assert entries(namespace(live_pull_secrets=live)) == ["mendix-registry"]


@pytest.mark.parametrize(("names", "retained"), [(["mendix-registry"], False), (["others", "mendix-registry"], True)])
@pytest.mark.parametrize("handed_over", [lambda value: value, pulumi.Output.from_input], ids=["plain", "output"])
async def test_destroying_the_link_keeps_the_entries_of_others(
    names: list[str], retained: bool, handed_over: Callable[[Any], Any]
) -> None:
    # Mocks have no engine that would call a transform; Pulumi's hands values of other resources over as outputs.
    props = {"imagePullSecrets": handed_over([{"name": name} for name in names])}
    args = pulumi.ResourceTransformArgs(True, PATCH, "orders-default-link", props, pulumi.ResourceOptions())
    changed = await retain_if_shared(args)
    assert (changed is not None and changed.opts.retain_on_delete is True) is retained


def test_nodes_pull_only_once_the_secret_is_linked() -> None:
    recorded = namespace()
    pull = recorded.one("kubernetes:batch/v1:Job", "orders-pull")
    assert recorded.one(PATCH, "orders-default-link").urn in pull.dependencies


def test_an_existing_secret_is_read_and_never_written() -> None:
    recorded = namespace("existing-pull-secret")
    [secret] = recorded.of_type("kubernetes:core/v1:Secret")
    assert secret.read
    # What the provider finds in it: with any other inputs a refresh reports it as updated.
    assert secret.inputs == {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login", "namespace": "orders"}}
    assert recorded.result["pullSecret"] == "login"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"type": "Opaque"}, "its type is Opaque"),
        ({"type": "kubernetes.io/dockercfg"}, "a form that"),
        ({"data": {}}, "no key .dockerconfigjson"),
        ({"data": {".dockerconfigjson": "bm8="}}, "is not JSON"),
        (
            {"data": {".dockerconfigjson": base64.b64encode(b'{"credsStore":"ecr"}').decode()}},
            "names the credential helper 'ecr'",
        ),
        (
            {
                "data": {
                    ".dockerconfigjson": base64.b64encode(
                        json.dumps({"auths": {"x.example.com": {}}}).encode()
                    ).decode()
                }
            },
            "no entry for registry.example.com, only for: 'x.example.com'",
        ),
    ],
)
def test_an_unusable_secret_fails_the_update_before_any_push(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], says: str
) -> None:
    monkeypatch.setattr(made, "EXISTING_SECRET", {**made.EXISTING_SECRET, **change})
    with pytest.raises(pulumi.RunError, match="orders cannot be used") as caught:
        namespace("existing-pull-secret")
    assert says in str(caught.value) and "kubectl create secret docker-registry login" in str(caught.value)
